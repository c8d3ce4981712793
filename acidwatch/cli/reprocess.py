"""`acidwatch reprocess`: run accepted batches again from their raw bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acidwatch.cli.changing import Author, DryRun, Yes, author_or_you, confirm
from acidwatch.cli.output import Output, OutputFormat, emit, emit_json, say

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from acidwatch.broker.send import ConfirmedSender
    from acidwatch.ledger.accepted import Accepted

COLUMNS = ["batch_id", "attempt", "from_attempt", "source", "subject", "rows", "member"]


def reprocess(
    batches: Annotated[
        list[str] | None,
        typer.Argument(metavar="[BATCH]", help="ids of batches, or how they begin", show_default=False),
    ] = None,
    last_good: Annotated[
        bool, typer.Option("--last-good", help="the batch that came into the dataset last and is still in it")
    ] = False,
    source: Annotated[
        str | None,
        typer.Option("--source", help="with --last-good: of this workbook: its name, or how its SHA-256 begins"),
    ] = None,
    message: Annotated[str, typer.Option("--message", "-m", help="why, for whoever reads the history")] = "reprocessed",
    author: Author = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: Output = OutputFormat.table,
) -> None:
    """Run accepted batches again from their raw bytes, through the whole pipeline, as a new attempt.

    One that is accepted again takes the earlier attempt's place in a new version; a rejected one changes nothing. A batch that was
    taken out by `quarantine` comes back by it.
    """
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.cli.journal import flush
    from acidwatch.cli.sending import send_with_progress
    from acidwatch.errors import DependencyAwayError, UnusableInputError
    from acidwatch.ledger import accepted
    from acidwatch.ledger.connection import Ledger
    from acidwatch.recovery import reprocess as recovery
    from acidwatch.settings import RecoverySettings, load

    if bool(batches) == last_good or (source and not last_good):
        raise UnusableInputError("give ids of batches, or --last-good with or without --source")
    settings, who = load(RecoverySettings), author_or_you(author)
    ledger, store = Ledger(settings), HdfsStore(settings)
    with ledger.transaction() as connection:
        chosen = accepted.accepted(connection, batches) if batches else [accepted.last_good(connection, source)]
    attempts: dict[str, int] = {}
    if not dry_run:
        rows = sum(batch.rows for batch in chosen)
        confirm(f"send {len(chosen)} batches ({rows} rows) to {settings.topic_batches} again", yes)
        reached = 0

        async def work(sender: ConfirmedSender, stop: asyncio.Event, progress: Callable[[int], None]) -> dict[str, int]:
            def confirmed(done: int) -> None:
                nonlocal reached
                reached = done
                progress(done)

            return await recovery.reprocess(
                ledger,
                store,
                sender,
                settings.topic_batches,
                settings.max_record_bytes,
                chosen,
                who,
                message,
                stop,
                confirmed,
            )

        try:
            attempts = send_with_progress(settings, settings.topic_batches, len(chosen), "batches", work)
        except DependencyAwayError:
            say(f"{reached} of {len(chosen)} were sent; {_name_the_rest(chosen[reached:])}")
            raise
        flush(ledger, store)
    listed = [
        {
            "batch_id": batch.batch_id,
            "attempt": attempts.get(batch.batch_id),
            "from_attempt": batch.attempt,
            "source": batch.source,
            "subject": batch.subject,
            "rows": batch.rows,
            "member": batch.member,
        }
        for batch in chosen
    ]
    if output is OutputFormat.json:
        emit_json({"topic": settings.topic_batches, "dry_run": dry_run, "sent": len(attempts), "batches": listed})
        return
    emit(listed, COLUMNS, output)
    if dry_run:
        say("would send them again")
    elif len(attempts) < len(chosen):
        say(f"stopped after {len(attempts)} of {len(chosen)}; {_name_the_rest(chosen[len(attempts) :])}")
    else:
        say("sent; wait for what becomes of them with: acidwatch wait")


def _name_the_rest(left: Sequence[Accepted]) -> str:
    """What to do; one that was sent and is named again is run once more."""
    return f"for the rest name these: {' '.join(batch.batch_id for batch in left)}"
