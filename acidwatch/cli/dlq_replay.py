"""`acidwatch dlq replay`: send dead letters again, as they are or edited."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from acidwatch.cli.changing import Author, DryRun, Yes, author_or_you, confirm
from acidwatch.cli.durations import Rate
from acidwatch.cli.letter_options import All, AtMost, Filters, Ids, require_choice, with_filters
from acidwatch.cli.output import Output, OutputFormat, emit, emit_json, say

if TYPE_CHECKING:
    from acidwatch.archive.store import Store
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.queries import Row
    from acidwatch.recovery.replay import Orders, Replayed
    from acidwatch.settings import RecoverySettings

COLUMNS = ["batch_id", "attempt", "reason", "source", "subject", "rows", "cells", "problem"]


@with_filters
def replay(
    filters: Filters,
    ids: Ids = None,
    everything: All = False,
    set_column: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="COLUMN=VALUE",
            help="set a column in the rows whose finding names it, else in every row with a hard finding; "
            "empty = no value; repeat for several",
        ),
    ] = None,
    all_rows: Annotated[bool, typer.Option("--all-rows", help="let --set change every row")] = False,
    set_header: Annotated[
        list[str] | None,
        typer.Option("--set-header", metavar="NAME=VALUE", help="set a header of the record; empty = take it away"),
    ] = None,
    from_attempt: Annotated[
        int | None,
        typer.Option("--from-attempt", min=1, help="the record of this attempt, and not of the one that failed last"),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="TOPIC", help="send copies to another topic, to try; no attempt is numbered"),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="send also letters of which another attempt is not judged yet")
    ] = False,
    limit: AtMost = None,
    rate: Rate = None,
    message: Annotated[str, typer.Option("--message", "-m", help="why, for whoever reads the history")] = "replayed",
    author: Author = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: Output = OutputFormat.table,
) -> None:
    """Send dead letters again, as the next attempt of their batches; the bytes come from raw/ on HDFS.

    Without --state these are the published ones, and those whose replay was interrupted. One that changed since it was chosen, or of
    which another attempt is not judged yet, is not sent. Exit code 1 when one was not sent.
    """
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.cli.journal import flush
    from acidwatch.errors import UnusableInputError
    from acidwatch.ledger.connection import Ledger
    from acidwatch.recovery.edits import parse_edits
    from acidwatch.recovery.replay import Orders, choose
    from acidwatch.settings import RecoverySettings, load

    require_choice(ids, filters, everything=everything)
    edits = parse_edits(set_column or [], set_header or [], all_rows=all_rows)
    settings = load(RecoverySettings)
    if to in (settings.topic_batches, settings.topic_outcomes, settings.topic_letters, settings.topic_alerts):
        raise UnusableInputError(f"--to {to}: this is a topic of the pipeline; leave --to out to replay")
    orders = Orders(
        author=author_or_you(author),
        message=message,
        topic=to or settings.topic_batches,
        most_bytes=settings.max_record_bytes,
        edits=edits,
        copy=to is not None,
        dry_run=dry_run,
        rate=rate or 0.0,
        force=force,
        from_attempt=from_attempt,
    )
    ledger, store = Ledger(settings), HdfsStore(settings)
    chosen = choose(ledger, ids or [], filters.letters(("published",), unsent=True), limit)
    if chosen and not dry_run:
        rows = sum(row["rows"] for row in chosen)
        confirm(f"send {len(chosen)} dead letters ({rows} rows) to {orders.topic}", yes)
    # What was sent would be chosen again: by its id, for a copy, by its new state, or others in its place.
    named = bool(ids) or orders.copy or bool(filters.state) or limit is not None
    done = _replay(settings, ledger, store, chosen, orders, named=named) if chosen else []
    if done and not dry_run:
        flush(ledger, store)
    _print(done, orders, output)
    if len(done) < len(chosen):
        say(f"stopped after {len(done)} of {len(chosen)}; {for_the_rest(chosen[len(done) :], named=named)}")
    if any(letter.problem for letter in done):
        raise typer.Exit(1)


def _replay(
    settings: RecoverySettings, ledger: Ledger, store: Store, chosen: list[Row], orders: Orders, *, named: bool
) -> list[Replayed]:
    import asyncio
    from collections.abc import Callable

    from acidwatch.broker.send import ConfirmedSender
    from acidwatch.cli.sending import send_with_progress
    from acidwatch.errors import DependencyAwayError
    from acidwatch.recovery import replay as recovery

    reached = 0

    async def work(sender: ConfirmedSender, stop: asyncio.Event, progress: Callable[[int], None]) -> list[Replayed]:
        def confirmed(done: int) -> None:
            nonlocal reached
            reached = done
            progress(done)

        return await recovery.replay(ledger, store, sender, chosen, orders, stop, confirmed)

    if orders.dry_run:
        return asyncio.run(work(ConfirmedSender(settings), asyncio.Event(), lambda done: None))
    try:
        return send_with_progress(settings, orders.topic, len(chosen), "letters", work)
    except DependencyAwayError:
        say(f"{reached} of {len(chosen)} letters are done; {for_the_rest(chosen[reached:], named=named)}")
        raise


def for_the_rest(left: list[Row], *, named: bool) -> str:
    """What to do; filters pass over what was sent, but one that is named would be sent once more."""
    if not named:
        return "give the same command again for the rest"
    return f"for the rest name these: {' '.join(row['batch_id'] for row in left)}"


def _print(done: list[Replayed], orders: Orders, output: OutputFormat) -> None:
    sent = sum(not letter.problem for letter in done)
    if output is OutputFormat.json:
        letters = [asdict(letter) for letter in done]
        emit_json(
            {"topic": orders.topic, "copy": orders.copy, "dry_run": orders.dry_run, "sent": sent, "letters": letters}
        )
        return
    if done:
        columns = [name for name in COLUMNS if name != "problem" or sent < len(done)]
        emit([asdict(letter) for letter in done], columns, output)
    verb = "would send" if orders.dry_run else "sent"
    passed = f"; passed over {len(done) - sent}, see problem" if sent < len(done) else ""
    typer.echo(f"{verb} {sent} dead letters to {orders.topic}" + (", as copies" if orders.copy else "") + passed)
