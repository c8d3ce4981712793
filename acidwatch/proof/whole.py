"""Whether the ledger knows what HDFS has. One that is empty, restored from a backup or half rebuilt can't say which files are needed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from acidwatch.archive.journal import entries, readable
from acidwatch.archive.manifests import read_raw_manifest
from acidwatch.archive.sealed import DamagedFileError
from acidwatch.archive.store import FileInfo, Store
from acidwatch.archive.threads import in_threads
from acidwatch.contract.batch import Origin
from acidwatch.errors import PermanentError
from acidwatch.ledger import audit, checks
from acidwatch.ledger.connection import Ledger

_AT_ONCE = 100


class LedgerNotWholeError(PermanentError):
    """HDFS holds what the ledger lacks.

    Attributes:
        lacks: What, and where it is.
    """

    def __init__(self, lacks: str) -> None:
        self.lacks = lacks
        super().__init__(
            f"the ledger is not whole: {lacks}. Bring that back first, with acidwatch ledger rebuild (--onto after a restore), or with "
            "acidwatch reconcile --repair where only outcomes were lost"
        )


def require_whole(store: Store, ledger: Ledger, until: datetime, paths: Collection[str]) -> None:
    """Make sure that the ledger knows what says whether files are needed: every change in journal/, and every record whose rows or
    findings may be in one of them.

    Args:
        until: Files of raw/ that were written before it and that the ledger does not name are looked at too.
        paths: The files.

    Raises:
        LedgerNotWholeError: It does not.
    """
    there = entries(store)  # before the ledger is asked, which has each entry first
    with ledger.transaction() as connection:
        known = audit.known_entries(connection)
    if missing := readable(store, there - known):
        raise LedgerNotWholeError(
            f"journal/ has {len(missing)} changes that it lacks, the first is number {missing[0]}"
        )
    raw = list(store.walk("raw"))
    with ledger.transaction() as connection:
        named = checks.named_of(connection, [file.path for file in raw])
    # The ledger names a file of raw/ once it knows one of its records; the files of a group are called alike.
    siblings = {f"raw/{path.partition('/')[2]}" for path in paths}
    doubtful = [file for file in raw if file.path in siblings or (file.path not in named and file.modified_at < until)]

    for start in range(0, len(doubtful), _AT_ONCE):
        chunk = doubtful[start : start + _AT_ONCE]
        records = [
            (file, origin)
            for file, origins in in_threads(lambda file: _origins(store, file), chunk)
            for origin in origins
        ]
        with ledger.transaction() as connection:
            unknown = checks.unrecorded(connection, [origin for _, origin in records])
        if unknown:
            file = next(file for file, origin in records if origin in unknown)
            lacking = sum(one.path == file.path and origin in unknown for one, origin in records)
            when = f"{file.modified_at:%Y-%m-%d %H:%M:%S}"
            raise LedgerNotWholeError(f"it lacks {lacking} records of {file.path}, written {when}")


def _origins(store: Store, file: FileInfo) -> tuple[FileInfo, list[Origin]]:
    """The records of a file of raw/; none of one that is damaged: `reconcile` names it, and nothing could bring its records back."""
    try:
        return file, [outcome.origin for outcome in read_raw_manifest(store, file.path).outcomes]
    except DamagedFileError:
        return file, []
