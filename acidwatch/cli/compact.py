"""`acidwatch job compact`: many small files of the archive into few large ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acidwatch.cli.changing import Author, DryRun, Message, author_or_you
from acidwatch.cli.logs import log_to_stderr
from acidwatch.cli.output import Output, OutputFormat, emit, emit_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidwatch.ledger.connection import Ledger
    from acidwatch.proof.compact import Compacted, Group

RowsPerFile = Annotated[
    int, typer.Option("--rows-per-file", min=1, help="most rows of a new file; a file with half of it is left alone")
]


def compact(
    rows_per_file: RowsPerFile = 100_000,
    schedule: Annotated[
        str | None,
        typer.Option("--schedule", metavar="CRON", help="keep running at these times (UTC), such as '30 3 * * *'"),
    ] = None,
    message: Message = "small files into large ones",
    author: Author = None,
    dry_run: DryRun = False,
    output: Output = OutputFormat.table,
) -> None:
    """Write the rows of many small files into few large ones, sorted by programme, site and date. Ingest goes on; no version changes.

    The small files are left to `acidwatch gc`, which leaves them its grace time.
    """
    import sys

    log_to_stderr()
    if schedule is not None:
        if dry_run:
            raise typer.BadParameter("nothing to schedule with --dry-run", param_hint="--schedule")
        from jobs.spark.schedule import Task, run_on_schedule

        once = [sys.executable, "-m", "acidwatch.cli", "job", "compact", "--rows-per-file", str(rows_per_file)]
        once += ["--message", message, "--author", author_or_you(author), "--output", output.value]
        run_on_schedule(schedule, once, Task("compact"))
        return
    from datetime import UTC, datetime

    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.cli.journal import flush
    from acidwatch.cli.progress import progress_bar
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.revision import require_known
    from acidwatch.proof.compact import Compacted, Compaction
    from acidwatch.settings import ArchiveSettings, load

    settings = load(ArchiveSettings)
    ledger, store = Ledger(settings), HdfsStore(settings)
    try:
        with ledger.transaction() as connection:
            require_known(connection)
        job = Compaction(store, ledger, lambda: datetime.now(UTC), author_or_you(author), message, rows_per_file)
        groups = job.plan()
        done = Compacted()
        if groups and not dry_run:
            with progress_bar("groups") as progress:
                done = job.run(groups, progress)
            flush(ledger, store)
        _print_compacted(groups, done, _count_files(ledger), dry_run, output)
    finally:
        ledger.close()
    if done.faults:
        raise typer.Exit(1)


def _print_compacted(groups: Sequence[Group], done: Compacted, files: int, dry_run: bool, output: OutputFormat) -> None:
    """What was done, or would be."""
    planned = [
        {"contract": group.contract_version, "files": len(group.files), "batches": group.batches, "rows": group.rows}
        for group in groups
    ]
    if output is OutputFormat.json:
        from dataclasses import asdict

        emit_json({**asdict(done), "dry_run": dry_run, "planned": planned, "files_now": files})
        return
    if not groups:
        typer.echo(f"nothing to compact; files with the rows of all versions: {files}")
        return
    if dry_run:
        emit(planned, ["contract", "files", "batches", "rows"], output, "Each line becomes one file")
        typer.echo(f"would write {sum(len(group.files) for group in groups)} files as {len(groups)}")
        return
    for fault in done.faults:
        say(f"{fault.subject}: {fault.message}; it is left as it is, see: acidwatch verify")
    for given_up in done.given_up:
        say(f"note: {given_up}; the next run looks at them again")
    typer.echo(
        f"wrote {done.files} files as {len(done.written)}, {done.batches} batches with {done.rows} rows; "
        f"files with the rows of all versions: {files}"
    )


def _count_files(ledger: Ledger) -> int:
    from acidwatch.ledger.files import count_needed_files

    with ledger.transaction() as connection:
        return count_needed_files(connection)
