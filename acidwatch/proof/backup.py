"""Backups of the database on HDFS: every table of one moment, and last a manifest that says what is in them."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from acidwatch import __version__
from acidwatch.archive.sealed import DamagedFileError, seal, unseal
from acidwatch.archive.store import MissingFileError, Store
from acidwatch.archive.zones import BACKUP
from acidwatch.errors import UnusableInputError
from acidwatch.ledger import checks, dump
from acidwatch.ledger.connection import Connection, Ledger
from acidwatch.ledger.revision import revision_of
from acidwatch.proof.journal import copy_journal

_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_ABANDONED = timedelta(days=1)  # a backup without a manifest that is so old is not being made any more


@dataclass(frozen=True, slots=True)
class DumpedTable:
    """A table in a backup.

    Attributes:
        bytes, sha256: Of its rows as COPY writes them.
        path, file_bytes, file_sha256: The file, compressed by gzip.
    """

    name: str
    columns: tuple[str, ...]
    rows: int
    bytes: int
    sha256: str
    path: str
    file_bytes: int
    file_sha256: str


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup.

    Attributes:
        stamp: When it was made, and the name of its folder.
        revision: Migration of the database.
        newest_version: Of the dataset.
        sequences: Name to last value.
    """

    stamp: str
    created_at: str
    revision: str
    newest_version: int
    software: str
    tables: tuple[DumpedTable, ...]
    sequences: dict[str, int | None]

    @property
    def made_at(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.created_at)

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(table.rows for table in self.tables)

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(table.file_bytes for table in self.tables)


def backup(store: Store, ledger: Ledger, now: datetime) -> Backup:
    """Copy the journal's new entries to HDFS, then all tables as of one moment.

    Raises:
        UnusableInputError: The database was never migrated.
    """
    copy_journal(store, ledger)
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    with ledger.transaction() as connection:
        dump.snapshot(connection)
        revision = revision_of(connection)
        if revision is None:
            raise UnusableInputError("the ledger's tables are not there; make them with: acidwatch ledger migrate")
        newest = checks.counts(connection)[0]["newest_version"]
        tables = tuple(_dump(store, connection, table, stamp) for table in dump.tables(connection))
        sequences = {one.name: one.last_value for one in dump.sequences(connection)}
    made = Backup(stamp, now.isoformat(), revision, newest, __version__, tables, sequences)
    store.publish(_manifest_path(stamp), seal(asdict(made)))
    return made


def _dump(store: Store, connection: Connection, table: dump.Table, stamp: str) -> DumpedTable:
    rows = length = 0
    digest, packed = hashlib.sha256(), io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0) as target:
        for chunk in dump.copy_out(connection, table):
            rows += chunk.count(b"\n")  # COPY writes a line break inside of a value as \n, two characters
            length += len(chunk)
            digest.update(chunk)
            target.write(chunk)
    data, path = packed.getvalue(), f"{BACKUP}/{stamp}/{table.name}.copy.gz"
    return DumpedTable(
        table.name, table.columns, rows, length, digest.hexdigest(), path, len(data), store.publish(path, data)
    )  # fmt: skip


def backups(store: Store) -> Iterator[Backup | DamagedFileError]:
    """Whole backups, newest first, and what is wrong with the manifest of one that is damaged."""
    for stamp in reversed(_stamps(store)):
        try:
            yield read_backup(store, stamp)
        except MissingFileError:
            continue  # it is being made, or was never finished
        except DamagedFileError as error:
            yield error


def newest_backup(store: Store) -> Backup | None:
    """The newest whole one whose manifest is sound; None where there is none."""
    return next(_sound(store), None)


def _sound(store: Store) -> Iterator[Backup]:
    return (one for one in backups(store) if isinstance(one, Backup))


def read_backup(store: Store, stamp: str) -> Backup:
    """A backup by its stamp.

    Raises:
        MissingFileError: There is no whole one.
        DamagedFileError: Its manifest is not as it was written.
    """
    path = _manifest_path(stamp)
    body: dict[str, Any] = unseal(path, store.read(path))
    body["tables"] = tuple(DumpedTable(**{**table, "columns": tuple(table["columns"])}) for table in body["tables"])
    return Backup(**body)


def rows_of(store: Store, table: DumpedTable) -> bytes:
    """The rows of a table as COPY wrote them.

    Raises:
        DamagedFileError: They are not what was written.
    """
    packed = store.read(table.path)
    if hashlib.sha256(packed).hexdigest() != table.file_sha256:
        raise DamagedFileError(table.path, "its SHA-256 is not the one in the manifest")
    return gzip.decompress(packed)


def files_in_backups(store: Store) -> set[str]:
    """Paths of the files in which the ledgers of the backups have batches: a ledger that is restored from one needs them.

    Those that compaction had emptied by then, or that only duplicates had, are named there too, and needed by nothing.

    Raises:
        DamagedFileError: A backup is not as it was written.
    """
    paths: set[str] = set()
    for one in backups(store):
        if isinstance(one, DamagedFileError):
            raise one
        tables = {table.name: table for table in one.tables}
        holding = {file_id for (file_id,) in _columns(store, tables["ledger.file_batches"], "file_id")}
        named = _columns(store, tables["ledger.files"], "file_id", "path")
        paths.update(path for file_id, path in named if file_id in holding)
    return paths


def _columns(store: Store, table: DumpedTable, *names: str) -> Iterator[tuple[str, ...]]:
    """Some columns of a table's rows, as COPY wrote them."""
    places = [table.columns.index(name) for name in names]
    for line in rows_of(store, table).decode().splitlines():
        cells = line.split("\t")
        yield tuple(cells[place] for place in places)


def fuller(store: Store, than: Backup) -> Backup | None:
    """The backup with the most versions, the newest such, if another one has fewer: its database may have replaced a lost one."""
    fullest = _fullest(store)
    return fullest if fullest and fullest.newest_version > than.newest_version else None


def _fullest(store: Store) -> Backup | None:
    # Of equal ones the first, which is the newest.
    return max(_sound(store), key=lambda one: one.newest_version, default=None)


def prune(store: Store, keep: int, now: datetime) -> list[str]:
    """Remove all but the newest whole backups, and what is left of those never finished; returns their stamps.

    The fullest one stays whatever its age: night after night the database that replaced a lost one would take the place of those before.
    """
    whole = [stamp for stamp in _stamps(store) if "manifest.json" in store.names(f"{BACKUP}/{stamp}")]
    abandoned = f"{now - _ABANDONED:%Y%m%dT%H%M%SZ}"
    unfinished = [stamp for stamp in _stamps(store) if stamp not in whole and stamp < abandoned]
    fullest = _fullest(store)
    old = [stamp for stamp in whole[:-keep] if fullest is None or stamp != fullest.stamp]
    for stamp in (gone := sorted([*old, *unfinished])):
        store.delete(_manifest_path(stamp))  # first: what is half removed must not look whole
        store.delete(f"{BACKUP}/{stamp}")
    return gone


def _stamps(store: Store) -> list[str]:
    return [name for name in store.names(BACKUP) if _STAMP.fullmatch(name)]


def _manifest_path(stamp: str) -> str:
    return f"{BACKUP}/{stamp}/manifest.json"


def digests(connection: Connection, tables: Iterable[DumpedTable]) -> dict[str, str]:
    """SHA-256 of each table's rows as they are in the database now."""
    found = {}
    for table in tables:
        digest = hashlib.sha256()
        for chunk in dump.copy_out(connection, dump.Table(table.name, table.columns)):
            digest.update(chunk)
        found[table.name] = digest.hexdigest()
    return found
