"""The reference tables that batches are judged with, picked up without a restart when a new version is loaded."""

from __future__ import annotations

import asyncio
import time

import structlog

from acidwatch.archive.reference import newest_version, read_reference
from acidwatch.archive.store import Store
from acidwatch.contract.reference import Reference
from acidwatch.errors import DependencyAwayError
from acidwatch.telemetry.health import Health
from acidwatch.telemetry.metrics import REFERENCE_VERSION

WAITS_FOR = "reference tables"


class ReferenceWatch:
    """The newest reference version; asked for before each group, at most every `check_seconds`."""

    def __init__(self, store: Store, check_seconds: float, health: Health) -> None:
        self._store, self._check_seconds, self._health = store, check_seconds, health
        self._reference: Reference | None = None
        self._checked = float("-inf")
        self._looking = asyncio.Lock()  # or a slow answer to an earlier look could bring an older version back
        self._log = structlog.get_logger(__name__)

    async def current(self) -> Reference:
        """The newest reference version.

        Raises:
            DependencyAwayError: HDFS does not answer, or none was loaded yet: a dependency that is away, not a reason to reject.
        """
        async with self._looking:
            if self._reference is None or time.monotonic() - self._checked >= self._check_seconds:
                self._reference = await asyncio.to_thread(self._newest)
                self._checked = time.monotonic()
        if self._reference is None:
            reason = "none loaded yet; load them with: acidwatch reference load --sites F --methods F"
            raise DependencyAwayError(WAITS_FOR, "HDFS", reason)
        return self._reference

    def _newest(self) -> Reference | None:
        version = newest_version(self._store)
        self._health.back("HDFS")
        if version == 0:
            return None
        if self._reference is not None and self._reference.version == version:
            return self._reference
        reference = read_reference(self._store, version)
        REFERENCE_VERSION.set(version)
        self._log.info("reference tables loaded", reference_version=version, sites=len(reference.sites))
        return reference

    async def keep_looking(self, seconds: float) -> None:
        """Ask every `seconds`, so that readiness is true while no batch comes."""
        while True:
            try:
                await self.current()
                self._health.back(WAITS_FOR)
            except DependencyAwayError as error:
                self._health.away(error.dependency, error.reason)
            except Exception as error:
                self._health.waits(WAITS_FOR, f"the newest version can't be read: {error!r}")
                self._log.exception("the newest reference version can't be read")
            await asyncio.sleep(seconds)
