"""Garbage: files that no version and no dead letter can reach. Condemned in the ledger first, then deleted, so that it may be interrupted
anywhere and an outcome that comes late is never recorded with a file that is gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from acidwatch.archive.store import FileInfo, Store
from acidwatch.archive.zones import ENRICHED, SAMPLES, TEMPORARY
from acidwatch.ledger import checks
from acidwatch.ledger.audit import note
from acidwatch.ledger.condemned import condemn, moved_at, needed_or_condemned
from acidwatch.ledger.connection import Ledger
from acidwatch.proof.backup import files_in_backups

_AT_ONCE = 500
_RUN = re.compile(r"run=[0-9]+")

Why = Literal["unreachable", "condemned", "leftover", "unpublished"]
"""unreachable: rows or findings that nothing needs; condemned: an earlier gc was interrupted; leftover: of a write that did not end;
unpublished: of a Spark run that has no row in metrics.runs, and that no run there takes sites from."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """Something to be removed: a file, or the folder of a run.

    Attributes:
        bytes: All in all.
        modified_at: When it was last written.
    """

    path: str
    why: Why
    bytes: int
    modified_at: datetime


def find(store: Store, ledger: Ledger, now: datetime, grace: timedelta) -> list[Garbage]:
    """What could be removed: last written, or left by compaction, before the grace time. Looks only.

    Never into raw/, reference/, journal/ and backup/. A file that the ledger in a backup names stays as long as that backup does.
    """
    until = now - grace
    return [*_unreachable(store, ledger, until), *_leftovers(store, until), *unpublished(store, ledger, until)]


def remove(store: Store, ledger: Ledger, garbage: Sequence[Garbage], author: str, message: str) -> list[Garbage]:
    """Remove it, except what is needed by now; returns what was removed."""
    removed = []
    for chunk in (garbage[start : start + _AT_ONCE] for start in range(0, len(garbage), _AT_ONCE)):
        named = [one for one in chunk if one.why in {"unreachable", "condemned"}]
        others = [one for one in chunk if one.why in {"leftover", "unpublished"}]
        with ledger.transaction() as connection:
            condemned = set(condemn(connection, [(one.path, one.bytes) for one in named]))
        # From here on no outcome is recorded with them, whatever happens to us.
        for one in [*(one for one in named if one.path in condemned), *others]:
            # A person may have thought about it for long: a run may have got the folder's number meanwhile.
            if one.why != "unpublished" or _unpublished(store, ledger, one.path) == one:
                store.delete(one.path)
                removed.append(one)
    if removed:
        details = {"files": len(removed), "bytes": sum(one.bytes for one in removed)}
        with ledger.transaction() as connection:
            note(connection, author, "gc", message, details)
    return removed


def _unreachable(store: Store, ledger: Ledger, until: datetime) -> Iterator[Garbage]:
    in_backups = files_in_backups(store)
    for zone in ("clean", "quarantine"):
        files = list(store.walk(zone))
        with ledger.transaction() as connection:
            paths = [file.path for file in files]
            needed, condemned = needed_or_condemned(connection, paths)
            moved = moved_at(connection, paths)
        for file in files:
            if file.path in condemned:
                yield _garbage(file, "condemned")
            elif file.path not in needed and file.path not in in_backups:
                # What compaction emptied is old by its time of writing; but a job may have listed it the minute before.
                if max(file.modified_at, moved.get(file.path, file.modified_at)) < until:
                    yield _garbage(file, "unreachable")


def _leftovers(store: Store, until: datetime) -> Iterator[Garbage]:
    return (_garbage(file, "leftover") for file in store.walk(TEMPORARY) if file.modified_at < until)


def unpublished(store: Store, ledger: Ledger, until: datetime) -> Iterator[Garbage]:
    """Folders of Spark runs that were never published, or that no published run needs any longer, last written before `until`."""
    for zone in (ENRICHED, SAMPLES):
        # Whatever else a person put there is left alone; it may be a file, which can't be walked.
        for name in filter(_RUN.fullmatch, store.names(zone)):
            found = _unpublished(store, ledger, f"{zone}/{name}")
            if found is not None and found.modified_at < until:
                yield found


def _unpublished(store: Store, ledger: Ledger, folder: str) -> Garbage | None:
    """The folder of a run, if nothing needs it; None also while nothing is in it, since it may be about to be written."""
    files = list(store.walk(folder))
    with ledger.transaction() as connection:
        if not files or checks.is_needed(connection, int(folder.rpartition("=")[2])):
            return None
    return Garbage(folder, "unpublished", sum(file.bytes for file in files), max(file.modified_at for file in files))


def _garbage(file: FileInfo, why: Why) -> Garbage:
    return Garbage(file.path, why, file.bytes, file.modified_at)
