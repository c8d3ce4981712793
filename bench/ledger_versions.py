"""The versioner, with few and with many versions in the ledger already; and what it takes to list many."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from acidwatch.broker.send import ConfirmedSender, Record
from acidwatch.contract.headers import outcome_headers
from acidwatch.settings import KafkaSettings, load
from bench.command import milliseconds
from bench.figure import Figure
from bench.ledger_history import fill
from bench.progress import follow, steady_rows_per_second
from bench.size import Size
from deploy.local.stack import Stack
from tests.support.deployment import Deployment
from tests.support.outcomes import outcome

LISTINGS = {
    "versions": ("versions", "list", "--limit", "50"),
    "batches": ("batches", "list", "--limit", "50"),
    "sources": ("sources", "list", "--limit", "50"),
    "letters": ("dlq", "list", "--limit", "50"),
    "status": ("status",),
}
_AT_ONCE = 500


def ledger_versions(stack: Stack, size: Size, folder: Path) -> list[Figure]:
    """Measure it.

    Returns:
        `ledger.batches_per_second.N` for each N versions; `cli.LISTING_milliseconds.N` for the most of them, without what a command
        needs to start; `cli.start_milliseconds`, and `cli.help_milliseconds`.
    """
    figures: list[Figure] = []
    for versions in size.ledger_versions:
        deployment = Deployment(stack, f"bench_ledger_{versions}", folder)
        try:
            deployment.initialise()
            fill(deployment.database_url, versions)
            rates = tuple(_rate(deployment, run, size.ledger_batches) for run in range(size.runs))
            figures.append(Figure(f"ledger.batches_per_second.{versions}", "batches/s", rates))
            if versions == max(size.ledger_versions):
                figures += _listings(deployment, versions, size.runs)
        finally:
            deployment.stop_all()
    return figures


def _rate(deployment: Deployment, run: int, batches: int) -> float:
    """Outcomes of accepted batches that become versions, a second: a backlog of them, one versioner process."""
    kafka = load(KafkaSettings, **deployment.settings())
    asyncio.run(_send(kafka, run * batches, batches))
    process = deployment.start("versioner")
    points = asyncio.run(
        follow(
            kafka,
            kafka.group("versioner"),
            kafka.topic_outcomes,
            (run + 1) * batches,
            1,
            lambda: process.popen.poll() is None,
            done=run * batches,
        )
    )
    if (code := process.stop(signal.SIGTERM)) != 0:
        raise RuntimeError(f"the versioner ended with {code}:\n{process.output[-3000:]}")
    return steady_rows_per_second(points)


async def _send(settings: KafkaSettings, first: int, batches: int) -> None:
    sender = ConfirmedSender(settings)
    try:
        for begin in range(first, first + batches, _AT_ONCE):
            numbers = range(begin, min(begin + _AT_ONCE, first + batches))
            await sender.send([_record(settings.topic_outcomes, number) for number in numbers])
    finally:
        await sender.close()


def _record(topic: str, number: int) -> Record:
    made = outcome(f"measured-{number}", number)
    return Record(topic, made.batch_id.encode(), made.encode(), outcome_headers(made.batch_id))


def _listings(deployment: Deployment, versions: int, runs: int) -> list[Figure]:
    start = [milliseconds(deployment, "--version") for _ in range(runs)]
    figures = [
        Figure("cli.start_milliseconds", "ms", tuple(start)),
        Figure("cli.help_milliseconds", "ms", tuple(milliseconds(deployment, "--help") for _ in range(runs))),
    ]
    for name, arguments in LISTINGS.items():
        beyond = tuple(milliseconds(deployment, *arguments) - begin for begin in start)
        figures.append(Figure(f"cli.{name}_milliseconds.{versions}", "ms", beyond))
    return figures
