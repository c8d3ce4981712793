"""`acidwatch wait`: return when every batch sent is accounted for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acidwatch.cli.durations import Timeout
from acidwatch.cli.output import Output, OutputFormat, emit_json
from acidwatch.cli.samples import Locale

if TYPE_CHECKING:
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.places import RerunCounts
    from acidwatch.settings import KafkaSettings
    from services.producer.plan import Plan


def wait(
    source: Annotated[
        Path | None, typer.Option("--source", help="wait for every batch of this workbook", show_default=False)
    ] = None,
    batch_size: Annotated[
        int, typer.Option("--batch-size", min=1, max=10_000, help="rows in a batch, as it was sent")
    ] = 100,
    sheet: Annotated[str | None, typer.Option("--sheet", help="sheet that was sent, when several fit")] = None,
    locale: Locale = None,
    timeout: Timeout = "5m",  # type: ignore[assignment]  # parsed by typer
    output: Output = OutputFormat.table,
) -> None:
    """Return when every batch that is on the topic now is accounted for: accepted, rejected or a duplicate.

    Exit code 1 when the time is over, with what is still on the way.
    """
    import asyncio

    from acidwatch.ledger.connection import Ledger
    from acidwatch.settings import OperatorSettings, load
    from services.producer.plan import plan

    settings = load(OperatorSettings)
    ledger = Ledger(settings)
    planned = plan(source, sheet, batch_size, locale) if source else None
    left = asyncio.run(wait_until_recorded(settings, ledger, planned, timeout))
    counts = _counts(ledger)
    ledger.close()
    if output is OutputFormat.json:
        emit_json({"accounted_for": not left, "left": left, **counts})
    elif not left:
        listed = ", ".join(f"{value} {name}" for name, value in counts.items())
        typer.echo(f"all accounted for; in the whole dataset: {listed}")
    if left:
        typer.echo(f"acidwatch: not accounted for after {timeout:g} s: {left}; see: acidwatch status", err=True)
        raise typer.Exit(1)


async def wait_until_recorded(settings: KafkaSettings, ledger: Ledger, planned: Plan | None, timeout: float) -> str:
    """Wait for what is on the topic now, and for the batches of a workbook; what is left when the time is over, empty when nothing is."""
    import asyncio
    import time

    from acidwatch.broker.lag import catch_up

    deadline = time.monotonic() + timeout
    reruns = await asyncio.to_thread(_reruns, ledger)
    while reruns.unsent:
        if time.monotonic() > deadline:
            return f"{reruns.unsent} records to be sent and judged again (by the versioner)"
        await asyncio.sleep(0.2)
        reruns = await asyncio.to_thread(_reruns, ledger)
    # What comes later is not waited for: the end of the topic now, then the end of the outcomes that it led to.
    steps = [
        ("ingestor", settings.topic_batches, "batches not judged"),
        ("versioner", settings.topic_outcomes, "outcomes not recorded"),
    ]
    for service, topic, what in steps:
        if left := await catch_up(settings, service, topic, deadline):
            return f"{left} {what}"
    if await asyncio.to_thread(_reruns, ledger) != reruns:  # outcomes that were waited for named files that are gone
        return await wait_until_recorded(settings, ledger, planned, max(deadline - time.monotonic(), 0.0))
    while planned and (left := await asyncio.to_thread(_unrecorded, ledger, planned)):
        if time.monotonic() > deadline:
            return f"{left} of {planned.batches} batches of {planned.table.path.name} never came"
        await asyncio.sleep(0.2)
    return ""


def _reruns(ledger: Ledger) -> RerunCounts:
    from acidwatch.ledger.places import count_reruns

    with ledger.transaction() as connection:
        return count_reruns(connection)


def _unrecorded(ledger: Ledger, planned: Plan) -> int:
    from acidwatch.ledger.queries import recorded

    with ledger.transaction() as connection:
        return planned.batches - recorded(connection, [planned.batch_id(index) for index in range(planned.batches)])


def _counts(ledger: Ledger) -> dict[str, int]:
    from acidwatch.ledger.queries import dataset

    with ledger.transaction() as connection:
        row = dataset(connection)
    return {"accepted": row["accepted"], "rejected": row["rejected"], "duplicate": row["duplicates"]}
