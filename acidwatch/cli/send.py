"""`acidwatch send`: replay a workbook onto the topic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acidwatch.cli.durations import Interval
from acidwatch.cli.output import Output, OutputFormat, emit_json, say

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from acidwatch.broker.send import ConfirmedSender
    from acidwatch.settings import KafkaSettings
    from services.producer.plan import Plan


def send(
    workbook: Annotated[Path, typer.Argument(help="samples: .xlsx, .xls, .xlsb, .ods or .csv", show_default=False)],
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, max=10_000, help="rows in a batch")] = 100,
    interval: Interval = "10s",  # type: ignore[assignment]  # parsed by typer
    from_batch: Annotated[
        int, typer.Option("--from-batch", min=0, help="go on with this batch (from 0) after an interruption")
    ] = 0,
    sheet: Annotated[str | None, typer.Option("--sheet", help="sheet to send, when several fit")] = None,
    locale: Annotated[
        str | None,
        typer.Option(
            "--locale",
            help="how its texts write numbers: fr = decimal comma, blanks between thousands; en = decimal point",
            show_default=False,
        ),
    ] = None,
    replaces: Annotated[
        str | None,
        typer.Option(
            "--replaces",
            metavar="SOURCE",
            help="the workbook that this one corrects, by its name or how its SHA-256 begins: it leaves the dataset when all of this"
            " one is in",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be sent, and send nothing")] = False,
    output: Output = OutputFormat.table,
) -> None:
    """Replay a workbook onto the topic in batches, with a progress bar.

    Sending the same workbook again sends the same batch ids: they are counted as duplicates and add nothing.
    SIGTERM or Ctrl-C stops after the batch at hand and says how to go on.
    """
    from dataclasses import replace

    from acidwatch.errors import UnusableInputError
    from acidwatch.settings import KafkaSettings, load
    from services.producer.plan import plan

    settings = load(KafkaSettings)
    batches = plan(workbook, sheet, batch_size, locale)
    if from_batch > batches.batches:
        raise UnusableInputError(f"--from-batch {from_batch}: {workbook.name} has batches 0 to {batches.batches - 1}")
    for note in batches.table.notes:
        say(f"note: {note}")
    if replaces is not None:
        batches = replace(batches, replaces=_replaced_source(replaces, batches))
    _say_what_was_taken_out(batches)
    reached = from_batch if dry_run else _send(settings, batches, interval, from_batch)
    result = {
        "source": batches.source,
        "source_id": batches.table.sha256,
        "sheet": batches.table.sheet,
        "rows": batches.rows,
        "batches": batches.batches,
        "from_batch": from_batch,
        "next_batch": reached,
        "sent": reached - from_batch,
        "topic": settings.topic_batches,
        "replaces": batches.replaces,
        "dry_run": dry_run,
    }
    if output is OutputFormat.json:
        emit_json(result)
    elif dry_run:
        typer.echo(
            f"would send {batches.batches - from_batch} batches ({batches.rows} rows) of {workbook.name} to {settings.topic_batches}"
        )
    else:
        typer.echo(
            f"sent {reached - from_batch} of {batches.batches} batches ({batches.rows} rows) of {workbook.name}, all confirmed"
        )
    if not dry_run and reached < batches.batches:
        say(f"stopped before the end; go on with: {_again(batches, reached)}")


def _again(batches: Plan, reached: int) -> str:
    """The command that goes on."""
    instead = f" --replaces {batches.replaces[:12]}" if batches.replaces else ""
    return f"acidwatch send {batches.table.path} --from-batch {reached}{instead}"


def _replaced_source(text: str, batches: Plan) -> str:
    """The source that is to be replaced."""
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.sources import find_source
    from acidwatch.settings import PostgresSettings, load

    with Ledger(load(PostgresSettings)).transaction() as connection:
        found = find_source(connection, text, batches.table.sha256)
    say(
        f"in place of {found.name} ({found.source_id[:12]}, {found.members} batches in the dataset): they leave when every batch of"
        f" {batches.table.path.name} is accepted"
    )
    return found.source_id


def _say_what_was_taken_out(batches: Plan) -> None:
    """Say when sending again won't bring back what is missing; only a remark, so without the database there is none."""
    from acidwatch.errors import AcidwatchError
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.sources import taken_out
    from acidwatch.settings import PostgresSettings, load

    try:
        settings = load(PostgresSettings)
        quick = settings.model_copy(update={"database_timeout_seconds": min(settings.database_timeout_seconds, 3.0)})
        with Ledger(quick).transaction() as connection:
            out = taken_out(connection, [batches.batch_id(index) for index in range(batches.batches)])
    except AcidwatchError:
        return
    if out is not None:
        say(
            f"note: {out.batches} batches of this workbook were taken out of the dataset, the last in version {out.version};"
            " sending does not bring them back, only: acidwatch versions restore, or acidwatch reprocess"
        )


def _send(settings: KafkaSettings, batches: Plan, interval: float, from_batch: int) -> int:
    from datetime import UTC, datetime

    from acidwatch.cli.sending import send_with_progress
    from acidwatch.errors import DependencyAwayError
    from services.producer.replay import replay

    reached = from_batch

    async def work(sender: ConfirmedSender, stop: asyncio.Event, progress: Callable[[int], None]) -> int:
        def confirmed(next_batch: int) -> None:
            nonlocal reached
            reached = next_batch
            progress(next_batch)

        return await replay(
            batches,
            sender,
            settings.topic_batches,
            interval_seconds=interval,
            from_batch=from_batch,
            source_time=datetime.now(UTC),
            now=lambda: datetime.now(UTC),
            stop=stop,
            confirmed=confirmed,
        )

    try:
        return send_with_progress(settings, settings.topic_batches, batches.batches, "batches", work, done=from_batch)
    except DependencyAwayError:
        if reached > from_batch:
            say(f"{reached - from_batch} batches were confirmed; go on with: {_again(batches, reached)}")
        raise
