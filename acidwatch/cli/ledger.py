"""`acidwatch ledger`: the database that says what the dataset is: its tables, its backups, and making it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from acidwatch.cli.changing import Author, DryRun, Message, Yes, author_or_you, confirm
from acidwatch.cli.output import Limit, Output, OutputFormat, emit, emit_json, most, say, say_if_cut

if TYPE_CHECKING:
    from datetime import datetime

    from acidwatch.proof.backup import Backup

app = typer.Typer(
    no_args_is_help=True, help="The database that says what the dataset is: tables, backups, making it again."
)
backups_app = typer.Typer(no_args_is_help=True, help="The backups on HDFS.")
app.add_typer(backups_app, name="backups")


@app.callback()
def _group() -> None:
    pass


@backups_app.callback()
def _backups() -> None:
    pass


@app.command()
def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be done, and change nothing")] = False,
    to: Annotated[
        str | None, typer.Option("--to", help="only up to this revision, to restore an old backup", show_default=False)
    ] = None,
) -> None:
    """Make the tables, or bring them to this version's form; safe to repeat."""
    from acidwatch.ledger.migrate import migrate as run
    from acidwatch.settings import PostgresSettings, load

    before, newest = run(load(PostgresSettings), dry_run=dry_run, target=to, warn=say)
    if before == newest:
        typer.echo(f"the ledger is up to date: {newest}")
    else:
        typer.echo(f"{'would migrate' if dry_run else 'migrated'} the ledger from {before or 'nothing'} to {newest}")


@app.command()
def backup(
    keep: Annotated[
        int, typer.Option("--keep", min=1, help="backups to keep, the newest ones; others are removed")
    ] = 14,
    schedule: Annotated[
        str | None,
        typer.Option("--schedule", metavar="CRON", help="keep running at these times (UTC), such as '0 2 * * *'"),
    ] = None,
    output: Output = OutputFormat.table,
) -> None:
    """Copy every table to HDFS, as of one moment, and the journal's new entries."""
    if schedule is not None:
        import logging
        import sys

        from jobs.spark.schedule import Task, run_on_schedule

        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
        once = [
            sys.executable,
            "-m",
            "acidwatch.cli",
            "ledger",
            "backup",
            "--keep",
            str(keep),
            "--output",
            output.value,
        ]
        run_on_schedule(schedule, once, Task("backup", succeeded=_last_backup))
        return
    from datetime import UTC, datetime

    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.ledger.connection import Ledger
    from acidwatch.proof.backup import backup as make
    from acidwatch.proof.backup import fuller, prune
    from acidwatch.settings import ArchiveSettings, load

    settings, now = load(ArchiveSettings), datetime.now(UTC)
    ledger, store = Ledger(settings), HdfsStore(settings)
    made = make(store, ledger, now)
    ledger.close()
    removed = prune(store, keep, now)
    if fullest := fuller(store, made):
        say(
            f"note: backup {fullest.stamp} has version {fullest.newest_version}, and the ledger now only {made.newest_version}. If the "
            f"database was lost: acidwatch ledger restore --backup {fullest.stamp}. That one is kept whatever --keep says"
        )
    if output is OutputFormat.json:
        emit_json({**_shown(made), "removed": removed})
        return
    typer.echo(
        f"backup {made.stamp}: version {made.newest_version}, {made.rows} rows of {len(made.tables)} tables, {made.bytes} bytes"
    )
    for stamp in removed:
        typer.echo(f"removed backup {stamp}")


def _last_backup() -> datetime | None:
    """When the newest whole one was made; None where there is none."""
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.proof.backup import newest_backup
    from acidwatch.settings import ArchiveSettings, load

    newest = newest_backup(HdfsStore(load(ArchiveSettings)))
    return newest.made_at if newest else None


@backups_app.command("list")
def list_backups(limit: Limit = None, output: Output = OutputFormat.table) -> None:
    """List the backups on HDFS, newest first. Exit code 1 when one is damaged."""
    from itertools import islice

    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.archive.sealed import DamagedFileError
    from acidwatch.proof.backup import backups
    from acidwatch.settings import HdfsSettings, load

    at_most = most(limit, output)
    asked = list(islice(backups(HdfsStore(load(HdfsSettings))), at_most + 1))
    found = asked[:at_most]
    whole = [_shown(one) for one in found if not isinstance(one, DamagedFileError)]
    emit(whole, ["stamp", "newest_version", "revision", "rows", "bytes", "software"], output)
    say_if_cut(asked, at_most)
    if damaged := [one for one in found if isinstance(one, DamagedFileError)]:
        for error in damaged:
            say(f"acidwatch: {error}")
        raise typer.Exit(1)


def _shown(one: Backup) -> dict[str, Any]:
    return {
        "stamp": one.stamp, "created_at": one.created_at, "newest_version": one.newest_version, "revision": one.revision,
        "tables": len(one.tables), "rows": one.rows, "bytes": one.bytes, "software": one.software,
    }  # fmt: skip


@app.command()
def restore(
    stamp: Annotated[
        str | None,
        typer.Option("--backup", metavar="STAMP", help="which one; the newest when not given", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="empty the database first, in the same transaction")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: Output = OutputFormat.table,
) -> None:
    """Put a backup back into an empty, migrated database, and prove it equal. Stop the versioner before.

    Afterwards says what came after the backup and how to bring it back.
    """
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.ledger.connection import Ledger
    from acidwatch.proof.newer import condemn_missing, newer_than_ledger
    from acidwatch.proof.restore import choose
    from acidwatch.proof.restore import restore as put_back
    from acidwatch.settings import ArchiveSettings, load

    settings = load(ArchiveSettings)
    ledger, store = Ledger(settings), HdfsStore(settings)
    chosen = choose(store, stamp)
    what = f"backup {chosen.stamp} (version {chosen.newest_version}, {chosen.rows} rows) into {ledger.address}"
    if dry_run:
        typer.echo(f"would restore {what}")
        return
    confirm(f"restore {what}{', in place of what is there' if force else ''}", yes)
    put_back(store, ledger, chosen, force=force)
    if output is OutputFormat.table:
        typer.echo(f"restored {what}; every table is equal to the backup")
    newer = newer_than_ledger(store, ledger)
    condemn_missing(ledger, newer)
    ledger.close()
    for reason in newer.damaged:
        say(f"note: {reason}")
    if output is OutputFormat.json:
        emit_json({**_shown(chosen), "newer_records": len(newer.records), "newer_entries": len(newer.entries)})
        return
    if newer.records or newer.entries:
        say(
            f"after the backup came {len(newer.records)} records, and {len(newer.entries)} entries of the journal (quarantine, restore, "
            "tags, replays); bring all of them back, in their order: acidwatch ledger rebuild --onto --yes"
        )


@app.command()
def rebuild(
    onto: Annotated[
        bool,
        typer.Option(
            "--onto", help="add what is newer than the ledger, after a restore, instead of beginning with nothing"
        ),
    ] = False,
    message: Message = "the database was lost",
    author: Author = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: Output = OutputFormat.table,
) -> None:
    """Make the dataset's content again from raw/ and journal/ on HDFS, as a new history, when database and backups are gone.

    Version numbers may differ from the old ones: each version that a person made says which one it was. Stop the versioner before.
    """
    from dataclasses import asdict

    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.cli.journal import flush
    from acidwatch.cli.progress import progress_bar
    from acidwatch.errors import UnusableInputError
    from acidwatch.ledger.audit import note
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.dump import filled_tables
    from acidwatch.proof.newer import newer_than_ledger
    from acidwatch.proof.rebuild import rebuild as make_again
    from acidwatch.settings import ArchiveSettings, load

    settings = load(ArchiveSettings)
    ledger, store = Ledger(settings), HdfsStore(settings)
    with ledger.transaction() as connection:
        filled = filled_tables(connection, "ledger")
    if filled and not onto:
        raise UnusableInputError(
            f"the ledger is not empty ({', '.join(filled[:3])}); rebuild into a new database (ACIDWATCH_DATABASE_URL, then: acidwatch "
            "ledger migrate), or add only what this one lacks with --onto"
        )
    newer = newer_than_ledger(store, ledger)
    what = f"{len(newer.records)} records and {len(newer.entries)} entries of the journal"
    for reason in newer.damaged:
        say(f"note: left out: {reason}")
    if dry_run:
        typer.echo(f"would record {what}")
        return
    confirm(f"record {what} in {ledger.address}", yes)
    with progress_bar("records") as progress:
        done = make_again(store, ledger, newer, progress)
    with ledger.transaction() as connection:
        details = {"onto": onto, "records": done.records, "entries": done.entries, "remarks": done.remarks}
        note(connection, author_or_you(author), "rebuild", message, details)
    flush(ledger, store)
    ledger.close()
    for remark in done.remarks:
        say(f"note: {remark}")
    if output is OutputFormat.json:
        emit_json({**asdict(done), "damaged": newer.damaged})
        return
    typer.echo(
        f"recorded {done.records} records and {done.entries} entries: version {done.version}, {done.accepted} accepted, "
        f"{done.rejected} rejected, {done.duplicates} duplicates, {done.reruns} to be run again"
    )
    say("version numbers may differ from the old ones; to check: acidwatch reconcile, acidwatch verify")
