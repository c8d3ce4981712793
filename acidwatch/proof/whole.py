"""Whether the ledger knows what HDFS has. One that is empty, restored from a backup or half rebuilt can't say which files are needed."""

from __future__ import annotations

from datetime import datetime

from acidwatch.archive.journal import newest_number
from acidwatch.archive.manifests import RawFile, read_raw_manifest
from acidwatch.archive.sealed import DamagedFileError
from acidwatch.archive.store import FileInfo, Store
from acidwatch.archive.threads import in_threads
from acidwatch.errors import PermanentError
from acidwatch.ledger import checks
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


def require_whole(store: Store, ledger: Ledger, until: datetime) -> None:
    """Make sure that the ledger knows every change in journal/, and every record in files of raw/ that were written before `until`.

    Raises:
        LedgerNotWholeError: It does not.
    """
    there = newest_number(store)
    raw = [file for file in store.walk("raw") if file.modified_at < until]
    with ledger.transaction() as connection:
        newest = checks.newest_entry(connection)
        named = checks.named_of(connection, [file.path for file in raw])
    if there > newest:
        raise LedgerNotWholeError(f"journal/ has changes up to number {there}, and the ledger up to {newest}")

    def read(file: FileInfo) -> tuple[FileInfo, RawFile | None]:
        try:
            return file, read_raw_manifest(store, file.path)
        except DamagedFileError:
            return file, None  # `reconcile` names it; nothing could bring its records back

    # A crash may have left a twin of a file that the ledger names: then it knows its records.
    for file, manifest in in_threads(read, [file for file in raw if file.path not in named]):
        origins = [outcome.origin for outcome in manifest.outcomes] if manifest else []
        with ledger.transaction() as connection:
            lacking = len(origins) - checks.count_recorded(connection, origins)
        if lacking:
            when = f"{file.modified_at:%Y-%m-%d %H:%M:%S}"
            raise LedgerNotWholeError(f"it lacks {lacking} records of {file.path}, written {when}")
