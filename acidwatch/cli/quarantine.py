"""`acidwatch quarantine`: take batches out of the dataset after the fact."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from acidwatch.cli.changing import Author, DryRun, Yes, author_or_you, confirm
from acidwatch.cli.output import Output, OutputFormat, emit_json


def quarantine(
    batches: Annotated[
        list[str], typer.Argument(metavar="BATCH...", help="ids of batches, or how they begin", show_default=False)
    ],
    reason: Annotated[
        str, typer.Option("--reason", "--message", "-m", help="why, for whoever reads the history", show_default=False)
    ],
    author: Author = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: Output = OutputFormat.table,
) -> None:
    """Take batches out of the dataset, all in one new version. They come back by `reprocess` or `versions restore` only."""
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.cli.journal import flush
    from acidwatch.errors import UnusableInputError
    from acidwatch.ledger import changes
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.queries import whole_id
    from acidwatch.settings import ArchiveSettings, load

    if not reason.strip():
        raise UnusableInputError("--reason is empty; whoever reads the history wants to know why")
    settings, who = load(ArchiveSettings), author_or_you(author)
    ledger = Ledger(settings)

    def change(ids: list[str], *, only_look: bool) -> changes.Change:
        with ledger.transaction() as connection, connection.transaction(force_rollback=only_look):
            return changes.quarantine(connection, ids, reason, who)

    with ledger.transaction() as connection:
        ids = [whole_id(connection, text) for text in batches]
    before = change(ids, only_look=True)
    if dry_run:
        done = before
    else:
        confirm(f"take {before.batches_out} batches out: {before.rows} rows stay in the dataset", yes)
        done = change(ids, only_look=False)
        flush(ledger, HdfsStore(settings))
    if output is OutputFormat.json:
        emit_json({**asdict(done), "batches": ids, "dry_run": dry_run})
        return
    typer.echo(
        f"{'would make ' if dry_run else ''}version {done.version}: {done.batches_out} batches out, {done.rows} rows"
    )
    if not dry_run:
        # Not `versions restore`: that would take out too what has come meanwhile.
        typer.echo(f"to undo it: acidwatch reprocess {' '.join(batch_id[:12] for batch_id in ids)}")
