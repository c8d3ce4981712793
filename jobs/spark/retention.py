"""Which runs are kept: the last ones, those of tagged versions, and the one that olap.* shows.

Of the others the rows go first, then the folders, unless a run that is kept takes sites from them: a run that can be asked for always has
its measurements. A crash in between leaves folders that no run names. They, and those of runs that failed, are removed by a later call.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from acidwatch.archive.store import Store
from acidwatch.archive.zones import ENRICHED, SAMPLES, run_folder
from acidwatch.ledger.checks import is_needed
from acidwatch.ledger.connection import Ledger
from acidwatch.proof.gc import unpublished
from jobs.spark.publish import LOCK

GRACE = timedelta(days=1)
"""A folder without a run may be of a job that still works on it; no run takes so long."""

_FORGET = """
DELETE FROM metrics.runs WHERE run_id = (
    SELECT run_id FROM metrics.runs
    WHERE run_id NOT IN (SELECT run_id FROM metrics.runs ORDER BY run_id DESC LIMIT %s)
      AND dataset_version NOT IN (SELECT version FROM ledger.tags)
      AND run_id NOT IN (SELECT run_id FROM olap.run)
    ORDER BY run_id LIMIT 1)
RETURNING run_id
"""


@dataclass(frozen=True, slots=True)
class Retention:
    """Removes what is not kept.

    Attributes:
        runs_kept: How many of the last runs are kept, whatever they are of.
    """

    store: Store
    ledger: Ledger
    runs_kept: int

    def apply(self, now: datetime) -> list[str]:
        """Remove, one run after the other; may be repeated at any time.

        Returns:
            The folders that are gone, below the root on HDFS.

        Raises:
            DependencyAwayError: HDFS or PostgreSQL is away; what was not done is done by the next call.
        """
        removed = []
        while (forgotten := self._forget_one()) is not None:
            removed += [folder for folder in forgotten if self.store.delete(folder)]
        for orphan in unpublished(self.store, self.ledger, now - GRACE):
            self.store.delete(orphan.path)
            removed.append(orphan.path)
        return removed

    def _forget_one(self) -> list[str] | None:
        """Delete the rows of the oldest run that is not kept; its folders, if nothing needs them. None = all are kept."""
        with self.ledger.transaction() as connection:
            # Not while a run is being published: it may be the one by which another is no longer shown, or that builds on it.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            row = connection.execute(_FORGET, (self.runs_kept,)).fetchone()
            if row is None:
                return None
            needed = is_needed(connection, row["run_id"])
        return [] if needed else [run_folder(zone, row["run_id"]) for zone in (ENRICHED, SAMPLES)]
