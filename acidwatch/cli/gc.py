"""`acidwatch gc`: remove files that nothing needs any more."""

from __future__ import annotations

from typing import Annotated

import typer

from acidwatch.cli.changing import Author, DryRun, Message, Yes, author_or_you, confirm
from acidwatch.cli.durations import seconds_option
from acidwatch.cli.output import Limit, Output, OutputFormat, emit, emit_json, most

Grace = Annotated[
    float, seconds_option("--grace", "leave alone what was written so recently; longer than any job or outage takes")
]


def gc(
    grace: Grace = "7d",  # type: ignore[assignment]  # parsed by typer
    force: Annotated[
        bool, typer.Option("--force", help="remove it although the ledger lacks what raw/ or journal/ has")
    ] = False,
    message: Message = "garbage",
    author: Author = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    limit: Limit = None,
    output: Output = OutputFormat.table,
) -> None:
    """Remove what no version, tag or dead letter can reach: files of crashes, unfinished writes, unpublished runs. Never raw/.

    Refused, with exit code 1, while the ledger lacks what raw/ (written before the grace time) or journal/ has: an empty or half rebuilt
    one knows of nothing that is needed. An outcome that comes late and names a removed file is run again from raw/.
    """
    from dataclasses import asdict
    from datetime import UTC, datetime, timedelta

    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.cli.journal import flush
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.revision import require_known
    from acidwatch.proof.gc import find, remove
    from acidwatch.proof.whole import require_whole
    from acidwatch.settings import ArchiveSettings, load

    settings = load(ArchiveSettings)
    ledger, store = Ledger(settings), HdfsStore(settings)
    with ledger.transaction() as connection:
        require_known(connection)
    now, span = datetime.now(UTC), timedelta(seconds=grace)
    garbage = find(store, ledger, now, span)
    if not force:
        require_whole(store, ledger, now - span, [one.path for one in garbage])
    if garbage and not dry_run:
        size = sum(one.bytes for one in garbage)
        confirm(f"remove {len(garbage)} files and folders, {size} bytes in all, for ever", yes)
        garbage = remove(store, ledger, garbage, author_or_you(author), message)
        flush(ledger, store)
    ledger.close()
    if output is OutputFormat.json:
        emit_json({"removed": [asdict(one) for one in garbage], "dry_run": dry_run})
        return
    if garbage:
        shown = [asdict(one) for one in garbage[: most(limit, output)]]
        emit(shown, ["path", "why", "bytes", "modified_at"], output)
    verb = "would remove" if dry_run else "removed"
    typer.echo(f"{verb} {len(garbage)} files and folders, {sum(one.bytes for one in garbage)} bytes")
