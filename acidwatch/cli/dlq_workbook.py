"""`acidwatch dlq export` and `resubmit`: a dead letter as a workbook, corrected by hand, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acidwatch.cli.changing import Author, DryRun, Yes, author_or_you, confirm
from acidwatch.cli.output import Output, OutputFormat, emit_json, say

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from acidwatch.broker.send import ConfirmedSender


def export(
    batch_id: Annotated[
        str, typer.Argument(metavar="ID", help="id of the batch, or how it begins", show_default=False)
    ],
    to: Annotated[Path, typer.Option("--to", help="the workbook to write (.xlsx)", show_default=False)],
    raw: Annotated[
        bool, typer.Option("--raw", help="write the record's value, byte for byte, and no workbook")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="write over a file that is there")] = False,
    output: Output = OutputFormat.table,
) -> None:
    """Write a dead letter as a workbook: every cell where the laboratory has it, bad ones coloured, with a comment that says why."""
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.errors import PermanentError, UnusableInputError
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.letter_queries import letters_of
    from acidwatch.recovery.fix import write_letter
    from acidwatch.recovery.letters import open_attempts
    from acidwatch.settings import ArchiveSettings, load

    settings = load(ArchiveSettings)
    if to.exists() and not force:
        raise UnusableInputError(f"{to}: is there already; name another file, or give --force")
    ledger = Ledger(settings)
    with ledger.transaction() as connection:
        (row,) = letters_of(connection, [batch_id])
    key = row["batch_id"], row["attempt"]
    letter = open_attempts(ledger, HdfsStore(settings), [key])[key]
    if raw:
        try:
            to.write_bytes(letter.record.value or b"")
        except OSError as error:
            raise UnusableInputError(f"{to}: can't be written ({error.strerror or error})") from error
    elif letter.payload is None:
        raise PermanentError(f"batch {key[0]} can't be decoded: {row['message']}. Its bytes: give --raw")
    else:
        write_letter(to, letter)
    if output is OutputFormat.json:
        emit_json({"batch_id": key[0], "attempt": key[1], "file": str(to), "raw": raw, "rows": row["rows"]})
        return
    typer.echo(f"{to}: {'the bytes' if raw else str(row['rows']) + ' rows'} of batch {key[0]}, attempt {key[1]}")
    if not raw:
        say(f"correct the coloured cells, save, then: acidwatch dlq resubmit {to}")


def resubmit(
    workbook: Annotated[Path, typer.Argument(help="workbook made by `dlq export`, corrected", show_default=False)],
    force: Annotated[
        bool, typer.Option("--force", help="send it although nothing was changed, or an attempt is not judged yet")
    ] = False,
    message: Annotated[str, typer.Option("--message", "-m", help="why, for whoever reads the history")] = "corrected",
    author: Author = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: Output = OutputFormat.table,
) -> None:
    """Send a corrected workbook as the next attempt of its batch.

    Refused while another attempt of it is not judged yet: of two that are accepted only the first one counts.
    """
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.cli.journal import flush
    from acidwatch.cli.sending import send_with_progress
    from acidwatch.errors import PermanentError, UnusableInputError
    from acidwatch.ledger.connection import Ledger
    from acidwatch.recovery.fix import read_resubmission
    from acidwatch.recovery.redrive import redrive, why_held_back
    from acidwatch.settings import RecoverySettings, load

    settings, who = load(RecoverySettings), author_or_you(author)
    ledger, store = Ledger(settings), HdfsStore(settings)
    fixed = read_resubmission(ledger, store, workbook)
    batch_id, topic = fixed.outgoing.batch_id, settings.topic_batches
    if not fixed.changed and not force:
        raise UnusableInputError(f"{workbook}: nothing was changed in it; --force sends it all the same")
    why_not = fixed.outgoing.why_not(settings.max_record_bytes)
    if why_not:
        raise PermanentError(f"{workbook}: can't be sent: {why_not}")
    seen = {batch_id: fixed.seen}
    with ledger.transaction() as connection:
        if problem := why_held_back(connection, [fixed.outgoing], "resubmit", seen, force=force).get(batch_id):
            raise UnusableInputError(problem)
    if fixed.seen.attempt != fixed.attempt:
        say(f"note: it was made of attempt {fixed.attempt}; attempt {fixed.seen.attempt} failed since")
    rows = f"{fixed.rows} rows, {fixed.cells} cells changed, {fixed.added} rows added, {fixed.removed} removed"
    attempt: int | None = None
    if not dry_run:
        confirm(f"send batch {batch_id} again ({rows}) to {topic}", yes)
        what = {"workbook": workbook.name, "cells": fixed.cells, "added": fixed.added, "removed": fixed.removed}

        async def work(sender: ConfirmedSender, _stop: asyncio.Event, confirmed: Callable[[int], None]) -> int:
            done = await redrive(
                ledger, sender, topic, [fixed.outgoing], "resubmit", who, message, seen=seen, force=force, what=what
            )
            if batch_id in done.held_back:
                raise UnusableInputError(done.held_back[batch_id])
            confirmed(1)
            return done.attempts[batch_id]

        attempt = send_with_progress(settings, topic, 1, "batches", work)
        flush(ledger, store)
    if output is OutputFormat.json:
        emit_json(
            {
                "batch_id": batch_id,
                "attempt": attempt,
                "source": fixed.source,
                "rows": fixed.rows,
                "cells": fixed.cells,
                "rows_added": fixed.added,
                "rows_removed": fixed.removed,
                "dry_run": dry_run,
            }
        )
    elif dry_run:
        typer.echo(f"would send batch {batch_id}: {rows}")
    else:
        typer.echo(f"sent batch {batch_id} as attempt {attempt}: {rows}")
