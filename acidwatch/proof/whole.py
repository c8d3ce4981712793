"""Whether the ledger knows what HDFS has. One that is empty, restored from a backup or half rebuilt can't say which files are needed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from acidwatch.archive.journal import entries_beside
from acidwatch.archive.manifests import RawFile, read_raw_manifest
from acidwatch.archive.sealed import DamagedFileError
from acidwatch.archive.store import FileInfo, Store
from acidwatch.archive.threads import in_threads
from acidwatch.errors import PermanentError
from acidwatch.ledger import audit, checks
from acidwatch.ledger.connection import Ledger


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
    with ledger.transaction() as connection:
        known = audit.known_entries(connection)
    if missing := entries_beside(store, known):
        raise LedgerNotWholeError(
            f"journal/ has {len(missing)} changes that it lacks, the first is number {missing[0]}"
        )
    raw = list(store.walk("raw"))
    with ledger.transaction() as connection:
        named = checks.named_of(connection, [file.path for file in raw])
    # The ledger names a file of raw/ once it knows one of its records; the files of a group are called alike.
    siblings = {f"raw/{path.partition('/')[2]}" for path in paths}
    doubtful = [file for file in raw if file.path in siblings or (file.path not in named and file.modified_at < until)]

    def read(file: FileInfo) -> tuple[FileInfo, RawFile | None]:
        try:
            return file, read_raw_manifest(store, file.path)
        except DamagedFileError:
            return file, None  # `reconcile` names it; nothing could bring its records back

    # A crash may have left a twin of a file that the ledger names: then it knows its records.
    for file, manifest in in_threads(read, doubtful):
        origins = [outcome.origin for outcome in manifest.outcomes] if manifest else []
        with ledger.transaction() as connection:
            lacking = len(origins) - checks.count_recorded(connection, origins)
        if lacking:
            when = f"{file.modified_at:%Y-%m-%d %H:%M:%S}"
            raise LedgerNotWholeError(f"it lacks {lacking} records of {file.path}, written {when}")
