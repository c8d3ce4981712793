"""`python -m services.ingestor`: builds what the ingestor needs and runs it. The only place that makes clients."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.broker.send import ConfirmedSender
from acidwatch.errors import AcidwatchError
from acidwatch.settings import load
from acidwatch.sigterm import end_by_sigterm
from acidwatch.streaming.worker import Service, run
from acidwatch.telemetry import logs
from acidwatch.telemetry.health import Health
from services.ingestor.commit import GroupCommit
from services.ingestor.flood import FloodGuard
from services.ingestor.memory import spare_memory
from services.ingestor.reference import ReferenceWatch
from services.ingestor.settings import IngestorSettings


def main() -> None:
    """Read batches, judge and archive them, and say what became of each."""
    end_by_sigterm()
    spare_memory()
    try:
        settings = load(IngestorSettings)
    except AcidwatchError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    logs.configure(settings, "ingestor")
    health = Health("ingestor")
    store = HdfsStore(settings)
    sender = ConfirmedSender(settings)
    reference = ReferenceWatch(store, settings.reference_check_seconds, health)
    guard = FloodGuard(store, settings, lambda: datetime.now(UTC), health)
    commit = GroupCommit(store, sender, reference, guard, settings.topic_outcomes, lambda: datetime.now(UTC), health)
    looking: list[asyncio.Task[None]] = []

    async def begin() -> None:
        looking.append(asyncio.create_task(reference.keep_looking(2.0)))
        looking.append(asyncio.create_task(guard.keep_looking(2.0)))

    async def end() -> None:
        for task in looking:
            task.cancel()
        await sender.close()

    run(
        Service("ingestor", settings.topic_batches, commit, begin, end, settings.groups_in_flight),
        settings,
        health,
    )


if __name__ == "__main__":
    main()
