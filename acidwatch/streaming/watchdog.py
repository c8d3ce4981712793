"""A thread that ends the process when it only looks alive.

Neither Faust's state nor an answering port proves that work goes on. Progress does: records are acknowledged, or there are none, or the
retries of a known outage go on.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog

from acidwatch.broker.probe import why_away
from acidwatch.settings import KafkaSettings
from acidwatch.streaming.group import EXIT_UNEXPECTED, GroupReader
from acidwatch.telemetry.health import Health
from acidwatch.telemetry.metrics import ASSIGNED_PARTITIONS, OLDEST_UNACKNOWLEDGED

_LOOK_SECONDS = 1.0
_PROBE_SECONDS = 5.0
_KNOWN_SECONDS = 60.0  # an outage seen so recently still counts as one


class Watchdog:
    """Looks every second, in a thread of its own; keeps readiness up to date on the way."""

    def __init__(
        self, app: Any, reader: GroupReader, topic: str, settings: KafkaSettings, stall_seconds: float, health: Health
    ) -> None:
        self._app, self._reader, self._topic = app, reader, topic
        self._settings, self._stall_seconds, self._health = settings, stall_seconds, health
        self._consumer = app.consumer  # which makes it, and must not happen in the thread
        self._log = structlog.get_logger(__name__)
        self._rebalancing_since: float | None = None
        self._lagging_since: float | None = None
        self._stopped_since: float | None = None
        self._broker_away_until = 0.0
        self._probed = 0.0

    def start(self, exit_process: Callable[[int], None] = os._exit) -> None:
        """Begin to watch."""
        threading.Thread(target=self._watch, args=(exit_process,), name="watchdog", daemon=True).start()

    def _watch(self, exit_process: Callable[[int], None]) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            try:
                reason = self.look(time.monotonic())
            except Exception:  # the loop changes what we read; a look that fails is repeated
                self._log.debug("the watchdog could not look", exc_info=True)
                continue
            if reason:
                self._health.stalled = reason
                self._log.critical(
                    "no progress; stopping so that the supervisor starts this process again", reason=reason
                )
                exit_process(EXIT_UNEXPECTED)

    def look(self, now: float) -> str:
        """Why the process is not alive, or nothing."""
        # Here and not in the loop, which may be what hangs.
        sent = self._reader.progress.oldest_sent
        OLDEST_UNACKNOWLEDGED.labels(self._health.service).set(0.0 if sent is None else max(time.time() - sent, 0.0))
        self._probe(now)
        assigned = self._consumer.assignment() if not self._app.rebalancing else set()
        ASSIGNED_PARTITIONS.labels(self._topic).set(len(assigned))
        if assigned:
            self._health.goes_on("partitions")
        elif not self._app.should_stop:
            self._health.waits("partitions", "no partitions assigned: rebalancing, or more processes than partitions")
        refusal = self._consumer.given_up()
        rebalances = self._app.rebalancing and not refusal
        self._rebalancing_since = (self._rebalancing_since or now) if rebalances else None
        self._lagging_since = (self._lagging_since or now) if self._lags(assigned) else None
        self._stopped_since = (self._stopped_since or now) if refusal else None
        if self._stopped_since is not None and now - self._stopped_since > self._stall_seconds:
            return f"the consumer group was given up {now - self._stopped_since:.0f} s ago: {refusal}"
        if now < self._broker_away_until:
            self._rebalancing_since = self._lagging_since = None
            return ""
        progress = self._reader.progress
        # Whoever only looks may know of an outage before the group at hand does: its first attempt may still hang in it.
        known = (progress.retrying, self._health.last_away)
        if any(seen is not None and now - seen < _KNOWN_SECONDS for seen in known):
            # A rebalance waits for the group at hand, so it lasts as long as the outage: count from its end.
            self._rebalancing_since = self._lagging_since = None
            return ""
        longest = self._stall_seconds
        if progress.oldest_read is not None:
            # Groups are acknowledged in order: one that was held back with those before it has had its turn since the last of them.
            waited = now - max(progress.oldest_read, progress.last_acknowledged)
            if waited > longest:
                return f"a record has been read but not acknowledged for {waited:.0f} s"
        if self._rebalancing_since is not None and now - self._rebalancing_since > longest:
            return f"rebalancing for {now - self._rebalancing_since:.0f} s"
        if self._lagging_since is not None and now - max(self._lagging_since, progress.last_acknowledged) > longest:
            return f"there are records to read, but none was acknowledged for {now - progress.last_acknowledged:.0f} s"
        return ""

    def _probe(self, now: float) -> None:
        if now - self._probed < _PROBE_SECONDS:
            return
        self._probed = now
        reason = why_away(self._settings)
        if not reason:
            self._health.back("Kafka")
        else:
            self._health.away("Kafka", reason)
            # After its return clients need a while to find their coordinator and rejoin.
            self._broker_away_until = now + _PROBE_SECONDS + _KNOWN_SECONDS

    def _lags(self, assigned: set[Any]) -> bool:
        return any(self._consumer.has_more(tp) for tp in assigned)
