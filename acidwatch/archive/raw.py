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
    """The records of the given (path, origin) pairs, all of them.

    Raises:
        DependencyAwayError: See `read_sound_records`.
        DamagedFileError: A file can't be read, or a record is not as it was judged.
    """
    found, damaged = read_sound_records(store, wanted)
    for error in damaged.values():
        raise error
    return found


def read_sound_records(
    store: Store, wanted: Iterable[tuple[str, Origin]]
) -> tuple[dict[Origin, RawRecord], dict[Origin, DamagedFileError]]:
    """The records of the given (path, origin) pairs, and what is wrong with those that are damaged, so that one holds up no other.

    Each file is read once, and only what is wanted is kept.

    Raises:
        DependencyAwayError: HDFS does not answer, or a file or a record is not there: raw/ is never garbage, so somebody has to make the
            archive whole again.
    """
    by_path: dict[str, set[Origin]] = {}
    for path, origin in wanted:
        by_path.setdefault(path, set()).add(origin)
    found: dict[Origin, RawRecord] = {}
    damaged: dict[Origin, DamagedFileError] = {}
    for path, origins in by_path.items():
        try:
            data = store.read(path)
        except MissingFileError as error:
            raise DependencyAwayError("HDFS", path, error) from error
        try:
            records = {record.origin: record for record in read_raw(data) if record.origin in origins}
            judged = {Origin(**outcome["origin"]): outcome["value_sha256"] for outcome in read_outcomes(data)}
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
            damaged |= dict.fromkeys(origins, DamagedFileError(path, f"{error}"[:300]))
            continue
        for origin in origins:
            if origin not in records:
                raise DependencyAwayError("HDFS", path, f"it does not hold the record {origin}")
            if value_digest(records[origin].value) == judged.get(origin):
                found[origin] = records[origin]
            else:
                reason = f"the bytes of record {origin} are not those that were judged"
                damaged[origin] = DamagedFileError(path, reason)
    return found, damaged
