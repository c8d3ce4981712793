"""Read single records back from raw/, file by file."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from acidwatch.archive.groupfile import RawRecord, read_outcomes, read_raw
from acidwatch.archive.sealed import DamagedFileError
from acidwatch.archive.store import MissingFileError, Store
from acidwatch.contract.batch import Origin, value_digest
from acidwatch.errors import DependencyAwayError


def read_records(store: Store, wanted: Iterable[tuple[str, Origin]]) -> dict[Origin, RawRecord]:
    """The records of the given (path, origin) pairs; each file is read once, and only what is wanted is kept.

    Raises:
        DependencyAwayError: HDFS does not answer, or a file or a record is not there: raw/ is never garbage, so somebody has to make the
            archive whole again.
        DamagedFileError: A file can't be read, or a record is not as it was judged.
    """
    by_path: dict[str, set[Origin]] = {}
    for path, origin in wanted:
        by_path.setdefault(path, set()).add(origin)
    found: dict[Origin, RawRecord] = {}
    for path, origins in by_path.items():
        try:
            data = store.read(path)
        except MissingFileError as error:
            raise DependencyAwayError("HDFS", path, error) from error
        try:
            records = {record.origin: record for record in read_raw(data) if record.origin in origins}
            judged = {Origin(**outcome["origin"]): outcome["value_sha256"] for outcome in read_outcomes(data)}
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
            raise DamagedFileError(path, f"{error}"[:300]) from error
        for origin in origins:
            if origin not in records:
                raise DependencyAwayError("HDFS", path, f"it does not hold the record {origin}")
            if value_digest(records[origin].value) != judged.get(origin):
                raise DamagedFileError(path, f"the bytes of record {origin} are not those that were judged")
        found |= records
    return found


def read_sound_records(
    store: Store, wanted: Iterable[tuple[str, Origin]]
) -> tuple[dict[Origin, RawRecord], dict[Origin, DamagedFileError]]:
    """As `read_records`, but of what is damaged it says what is wrong, so that it holds up no other."""
    found: dict[Origin, RawRecord] = {}
    damaged: dict[Origin, DamagedFileError] = {}
    by_path: dict[str, list[Origin]] = {}
    for path, origin in wanted:
        by_path.setdefault(path, []).append(origin)
    for path, origins in by_path.items():
        try:
            found |= read_records(store, [(path, origin) for origin in origins])
        except DamagedFileError:
            for origin in origins:  # others of the file may be sound
                try:
                    found |= read_records(store, [(path, origin)])
                except DamagedFileError as error:
                    damaged[origin] = error
    return found, damaged
