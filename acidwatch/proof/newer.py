"""What raw/ and the journal have and the ledger lacks: all of it when it is empty, what came after the backup when it was restored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

import pyarrow as pa

from acidwatch.archive.groupfile import count_rows
from acidwatch.archive.journal import read_journal
from acidwatch.archive.manifests import RawFile, read_manifests
from acidwatch.archive.sealed import DamagedFileError
from acidwatch.archive.store import Store
from acidwatch.contract.batch import Origin
from acidwatch.contract.outcome import Outcome
from acidwatch.ledger.audit import Entry, known_entries
from acidwatch.ledger.condemned import condemn
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.deliveries import deliveries


@dataclass(frozen=True, slots=True)
class ArchivedRecord:
    """A record in raw/, and what became of it.

    Attributes:
        position: Within its file: outcomes of a group were sent in this order.
        paths: The files that hold it: in raw/, and in clean/ or quarantine/.
    """

    file: RawFile
    position: int
    outcome: Outcome
    paths: tuple[str, ...]

    @property
    def judged_at(self) -> datetime:
        """When its group was judged."""
        return datetime.fromisoformat(self.outcome.judged_at)


@dataclass(slots=True)
class Newer:
    """What the ledger lacks.

    Attributes:
        records: One for each origin, in the order in which they were judged.
        entries: Of the journal, by number; `at` is a time.
        damaged: What could not be read.
        missing_files: Files that these records name and gc has removed.
    """

    records: list[ArchivedRecord] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    missing_files: set[str] = field(default_factory=set)


def newer_than_ledger(store: Store, ledger: Ledger) -> Newer:
    """Compare."""
    newer = Newer()
    with ledger.transaction() as connection:
        recorded = deliveries(connection)
        known = known_entries(connection)
    twins: dict[Origin, list[ArchivedRecord]] = {}
    named: set[str] = set()
    for file in read_manifests(store):
        if isinstance(file, DamagedFileError):
            newer.damaged.append(str(file))
            continue
        for position, outcome in enumerate(file.outcomes):
            if outcome.origin not in recorded:
                twins.setdefault(outcome.origin, []).append(
                    ArchivedRecord(file, position, outcome, file.files_of(outcome))
                )
                named.update(file.files_of(outcome))
    there = {file.path for zone in ("raw", "clean", "quarantine") for file in store.walk(zone)}
    newer.missing_files = named - there
    moved = {}
    if newer.missing_files:
        moved = _rows_in(store, (path for path in there - named if path.startswith("clean/")), newer.damaged)

    def where_it_is(record: ArchivedRecord) -> ArchivedRecord:
        """Rows that were moved to another file, such as by compaction, are found there."""
        raw, other = record.paths
        path = moved.get((record.outcome.batch_id, record.outcome.attempt, record.outcome.rows))
        if path is None or other not in newer.missing_files or record.outcome.verdict == "rejected":
            return record
        return replace(record, paths=(raw, path))

    def whole_and_early(record: ArchivedRecord) -> tuple[bool, datetime]:
        return not newer.missing_files.isdisjoint(record.paths), record.judged_at

    # A crash may have left a record in several files: the one whose files are all there, and of these the first.
    newer.records = sorted(
        (min(map(where_it_is, found), key=whole_and_early) for found in twins.values()),
        key=lambda record: (record.judged_at, record.file.path, record.position),
    )
    for entry in read_journal(store):
        if isinstance(entry, DamagedFileError):
            newer.damaged.append(str(entry))
        elif entry["audit_id"] not in known:
            newer.entries.append({**entry, "at": datetime.fromisoformat(entry["at"])})
    return newer


def _rows_in(store: Store, paths: Iterable[str], damaged: list[str]) -> dict[tuple[str, int, int], str]:
    """Which of these clean files holds (batch id, attempt, so many rows); what can't be read is named in `damaged`."""
    found = {}
    for path in sorted(paths):
        try:
            held = count_rows(store.read(path))
        except (pa.ArrowException, OSError) as error:
            damaged.append(str(DamagedFileError(path, f"its rows can't be read: {error}"[:300])))
            continue
        for (batch_id, attempt), rows in held.items():
            found[batch_id, attempt, rows] = path
    return found


def condemn_missing(ledger: Ledger, newer: Newer) -> None:
    """Condemn again what gc has removed: an outcome that names it may still be under way, and must not be recorded with it."""
    if newer.missing_files:
        with ledger.transaction() as connection:
            condemn(connection, [(path, 0) for path in sorted(newer.missing_files)])
