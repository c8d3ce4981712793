"""`acidwatch versions`: the history of the dataset."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from acidwatch.cli.changing import Author, DryRun, Message, Yes, author_or_you, confirm
from acidwatch.cli.output import Limit, Output, OutputFormat, emit, emit_json, format_value, most, say_if_cut
from acidwatch.cli.which import AsOf, version_number

app = typer.Typer(no_args_is_help=True, help="The history of the dataset.")


class ExportFormat(str, Enum):
    """How an exported version is written."""

    parquet = "parquet"
    csv = "csv"


Which = Annotated[str, typer.Argument(help="number of the version, or a tag", show_default=False)]


@app.command("list")
def list_versions(limit: Limit = None, output: Output = OutputFormat.table) -> None:
    """List versions, newest first."""
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.queries import versions
    from acidwatch.settings import PostgresSettings, load

    at_most = most(limit, output)
    with Ledger(load(PostgresSettings)).transaction() as connection:
        rows = versions(connection, at_most + 1)
    emit(
        rows[:at_most],
        ["version", "tags", "kind", "created_at", "author", "message", "batch_rows", "batch_bytes", "rows"],
        output,
    )
    say_if_cut(rows, at_most)


@app.command("show")
def show(version: Which, output: Output = OutputFormat.table) -> None:
    """Show one version: what it changed, and how much it holds."""
    from acidwatch.ledger import queries
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.tags import find_version
    from acidwatch.settings import PostgresSettings, load

    with Ledger(load(PostgresSettings)).transaction() as connection:
        found = queries.version(connection, find_version(connection, version))
    if output is OutputFormat.json:
        emit_json(found)
        return
    details = found.pop("details")
    for name, value in {**found, **details}.items():
        typer.echo(f"{name.replace('_', ' '):16} {format_value(value)}")


@app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(help="number of a version, or a tag", show_default=False)],
    after: Annotated[str, typer.Argument(help="the one that is compared with it")] = "newest",
    limit: Limit = None,
    output: Output = OutputFormat.table,
) -> None:
    """Show what one version has that another lacks: batches, samples, every changed cell, and the figures that changed."""
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.cli.difference import emit_diff
    from acidwatch.history.diff import diff as compare
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.tags import find_version
    from acidwatch.settings import ArchiveSettings, load

    settings = load(ArchiveSettings)
    ledger = Ledger(settings)
    with ledger.transaction() as connection:
        numbers = [find_version(connection, text) for text in (before, after)]
    emit_diff(compare(ledger, HdfsStore(settings), numbers[0], numbers[1]), most(limit, output), output)


@app.command("export")
def export(
    to: Annotated[Path, typer.Option("--to", help="folder for the files", show_default=False)],
    version: Annotated[
        str | None, typer.Option("--version", help="number of the version, or a tag; the newest without it")
    ] = None,
    as_of: AsOf = None,
    format_: Annotated[ExportFormat, typer.Option("--format", help="of the samples")] = ExportFormat.parquet,
    all_rows: Annotated[
        bool, typer.Option("--all-rows", help="superseded rows too, with a column that says so")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="replace an export that is in the folder")] = False,
    output: Output = OutputFormat.table,
) -> None:
    """Write the samples of a version to files, with a manifest. The same version gives the same bytes."""
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.history.export import Export
    from acidwatch.history.export import export as write
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.tags import NEWEST, find_version
    from acidwatch.settings import ArchiveSettings, load

    settings, chosen = load(ArchiveSettings), version_number(version, as_of)
    ledger = Ledger(settings)
    with ledger.transaction() as connection:
        number = find_version(connection, NEWEST if chosen is None else str(chosen))
    manifest = write(ledger, HdfsStore(settings), Export(number, to, format_.value, all_rows, force))
    if output is OutputFormat.json:
        emit_json({"folder": str(to), **manifest})
        return
    (file,) = manifest["files"]
    typer.echo(
        f"{to / file['path']}  {manifest['exported_rows']} {'rows' if all_rows else 'samples'} of version {number}, {file['bytes']} bytes"
    )


@app.command("tag")
def tag(
    name: Annotated[str, typer.Argument(help="the tag: a letter, then letters, digits and . _ -", show_default=False)],
    version: Annotated[str, typer.Argument(help="number of the version, or another tag")] = "newest",
    message: Message = "",
    move: Annotated[bool, typer.Option("--move", help="let a tag that is there name another version")] = False,
    delete: Annotated[bool, typer.Option("--delete", help="take the tag away; the version stays")] = False,
    author: Author = None,
    dry_run: DryRun = False,
    output: Output = OutputFormat.table,
) -> None:
    """Give a version a name that every other command understands."""
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.cli.journal import flush
    from acidwatch.ledger import tags
    from acidwatch.ledger.connection import Ledger
    from acidwatch.settings import ArchiveSettings, load

    settings, who = load(ArchiveSettings), author_or_you(author)
    ledger = Ledger(settings)
    with ledger.transaction() as connection, connection.transaction(force_rollback=dry_run):
        if delete:
            number = tags.untag(connection, name, message, who)
        else:
            number = tags.find_version(connection, version)
            tags.tag(connection, name, number, message, who, move=move)
    if not dry_run:
        flush(ledger, HdfsStore(settings))
    if output is OutputFormat.json:
        emit_json({"tag": name, "version": number, "deleted": delete, "dry_run": dry_run})
        return
    would = "would name" if dry_run else "names"
    typer.echo(f"{name} {would} version {number}{' no longer' if delete else ''}")


@app.command("restore")
def restore(
    version: Which,
    message: Message = "",
    author: Author = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: Output = OutputFormat.table,
) -> None:
    """Make a new version that is equal to an earlier one. Nothing is deleted: restore the version before it to undo it."""
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.cli.journal import flush
    from acidwatch.ledger import changes
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.tags import find_version
    from acidwatch.settings import ArchiveSettings, load

    settings, who = load(ArchiveSettings), author_or_you(author)
    ledger = Ledger(settings)

    def change(number: int, *, only_look: bool, newest: int | None = None) -> changes.Change:
        with ledger.transaction() as connection, connection.transaction(force_rollback=only_look):
            return changes.restore(connection, number, message or f"version {version} restored", who, newest)

    with ledger.transaction() as connection:
        number = find_version(connection, version)
    done = change(number, only_look=True)
    if done.made and not dry_run:
        confirm(f"restore version {version}: {done.batches_in} batches come, {done.batches_out} go", yes)
        done = change(number, only_look=False, newest=None if yes else done.version - 1)
        flush(ledger, HdfsStore(settings))
    if output is OutputFormat.json:
        emit_json({**asdict(done), "restored_version": number, "dry_run": dry_run})
    elif not done.made:
        typer.echo(f"version {done.version} is equal to version {number} already; nothing to do")
    else:
        typer.echo(
            f"{'would make ' if dry_run else ''}version {done.version}, equal to version {number}: {done.batches_in} batches in,"
            f" {done.batches_out} out, {done.rows} rows"
        )
