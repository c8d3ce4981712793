"""`python -m services.versioner`: builds what the versioner needs and runs it. The only place that makes clients."""

from __future__ import annotations

import asyncio
import sys
import time

import structlog

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.broker.send import ConfirmedSender
from acidwatch.errors import AcidwatchError, DependencyAwayError, RefusedError
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.queries import dataset, letter_counts, results_behind_seconds
from acidwatch.settings import load
from acidwatch.sigterm import end_by_sigterm
from acidwatch.streaming.group import explain
from acidwatch.streaming.worker import Service, run
from acidwatch.telemetry import logs
from acidwatch.telemetry.health import Health
from acidwatch.telemetry.metrics import DATASET_VERSION, DEAD_LETTERS, RESULTS_BEHIND
from services.versioner.backups import keep_asking_for_backups
from services.versioner.commit import OutcomeCommit
from services.versioner.letters import Letters
from services.versioner.reruns import Reruns
from services.versioner.settings import VersionerSettings

_LOOK_SECONDS = 2.0
_COUNT_SECONDS = 10.0
_LEFT_SECONDS = 20.0  # what is pending for so long was left so, by `ledger rebuild` or by who was killed
_CLAIMED_SECONDS = (
    _LEFT_SECONDS + 2 * _LOOK_SECONDS
)  # so long after a failure nothing to send does not mean that all was sent
_LEFT = "letters"  # what readiness waits for while it can't be sent


def main() -> None:
    """Record outcomes as versions, and publish what was rejected as dead letters."""
    end_by_sigterm()
    try:
        settings = load(VersionerSettings)
        ledger = Ledger(settings)
    except AcidwatchError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    logs.configure(settings, "versioner")
    health = Health("versioner")
    sender = ConfirmedSender(settings)
    store = HdfsStore(settings)
    try:
        _may_write(ledger)
    except RefusedError as error:  # waiting would not help
        structlog.get_logger(__name__).error("stopped: a setting is refused", reason=str(error))
        sys.exit(error.exit_code)
    except DependencyAwayError:
        pass  # waited for like any other outage
    letters = Letters(ledger, store, sender, settings.topic_letters, settings.max_record_bytes)
    reruns = Reruns(ledger, store, sender, settings.topic_batches, settings.max_record_bytes)
    commit = OutcomeCommit(ledger, letters, reruns, health)
    looking: list[asyncio.Task[None]] = []

    async def keep_looking() -> None:
        """While no outcome comes keep readiness true, send what is pending, and show what others change in the ledger."""
        log = structlog.get_logger(__name__)
        counted = failed_until = float("-inf")
        while True:
            try:
                await asyncio.to_thread(_ask, ledger)
                if time.monotonic() - counted >= _COUNT_SECONDS:
                    await asyncio.to_thread(_count, ledger)
                    counted = time.monotonic()
                health.back("PostgreSQL")
            except DependencyAwayError as error:
                health.away(error.dependency, error.reason)
            except Exception:
                log.exception("the database could not be asked")
            try:
                await commit.send_left(_LEFT_SECONDS)
                if time.monotonic() >= failed_until:
                    health.goes_on(_LEFT)
            except Exception as error:
                health.waits(_LEFT, explain(error))
                failed_until = time.monotonic() + _CLAIMED_SECONDS
                if not isinstance(error, AcidwatchError):
                    log.exception("what was left pending could not be sent")
            await asyncio.sleep(_LOOK_SECONDS)

    async def begin() -> None:
        looking.extend(map(asyncio.create_task, (keep_looking(), keep_asking_for_backups(store, ledger))))

    async def end() -> None:
        for task in looking:
            task.cancel()
        await sender.close()
        ledger.close()

    run(
        Service("versioner", settings.topic_outcomes, commit, begin, end),
        settings,
        health,
    )


def _may_write(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        found = connection.execute("SELECT has_table_privilege('ledger.versions', 'INSERT') AS may").fetchone()
    if found and not found["may"]:
        advice = "the user in ACIDWATCH_DATABASE_URL needs the role acidwatch_ledger"
        raise RefusedError("PostgreSQL", ledger.address, "may not write versions", advice)


def _ask(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        DATASET_VERSION.set(dataset(connection)["newest_version"])


def _count(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        for state, count in letter_counts(connection).items():
            DEAD_LETTERS.labels(state).set(count)
        RESULTS_BEHIND.set(results_behind_seconds(connection))


if __name__ == "__main__":
    main()
