"""What raw/ says: every record that was ever consumed, and what became of it. Read from the footers of its files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from acidwatch.archive.groupfile import read_manifest
from acidwatch.archive.sealed import DamagedFileError
from acidwatch.archive.store import FileInfo, Store
from acidwatch.archive.threads import in_threads
from acidwatch.contract.batch import Origin
from acidwatch.contract.outcome import Finding, Outcome

_FIRST_LOOK = 64 * 1024  # holds most footers; a longer one says how long it is
_FRAME = 8  # length of the footer, and the mark that every Parquet file ends with


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file of raw/.

    Attributes:
        files: Zone to path of the group's files.
        outcomes: What became of each of its records, in their order; without files.
    """

    path: str
    files: dict[str, str]
    outcomes: tuple[Outcome, ...]

    def files_of(self, outcome: Outcome) -> tuple[str, ...]:
        """Paths of the files that hold a record: raw, and clean or quarantine."""
        return self.files["raw"], self.files["clean" if outcome.verdict == "accepted" else "quarantine"]


def read_manifests(store: Store, folder: str = "raw") -> Iterator[RawFile | DamagedFileError]:
    """Every file of raw/ in the order of their paths, or what is wrong with it."""

    def read(file: FileInfo) -> RawFile | DamagedFileError:
        try:
            return read_raw_manifest(store, file.path)
        except DamagedFileError as error:
            return error

    return in_threads(read, store.walk(folder))


def read_raw_manifest(store: Store, path: str) -> RawFile:
    """The manifest of one raw file, from its footer only.

    Raises:
        DamagedFileError: It has none, or not a readable one.
        MissingFileError: There is no such file.
    """
    data = store.tail(path, _FIRST_LOOK)
    length = int.from_bytes(data[-_FRAME:-4], "little") + _FRAME
    if length > len(data) == _FIRST_LOOK:
        data = store.tail(path, length)
    try:
        body = read_manifest(data[-length:])
        outcomes = []
        for entry in body["outcomes"]:
            entry["origin"] = Origin(**entry["origin"])
            entry["findings"] = tuple(Finding(**finding) for finding in entry["findings"])
            entry["sites"] = tuple(entry.get("sites", ()))
            outcomes.append(Outcome(**{name: entry[name] for name in Outcome.__dataclass_fields__ if name in entry}))
        return RawFile(path, body["files"], tuple(outcomes))
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise DamagedFileError(path, f"its manifest can't be read: {error}"[:300]) from None
