"""Read single records back from raw/, file by file."""

from __future__ import annotations

from collections.abc import Iterable

from acidwatch.archive.groupfile import RawRecord, read_raw
from acidwatch.archive.store import MissingFileError, Store
from acidwatch.contract.batch import Origin
from acidwatch.errors import DependencyAwayError


def read_records(store: Store, wanted: Iterable[tuple[str, Origin]]) -> dict[Origin, RawRecord]:
    """The records of the given (path, origin) pairs; each file is read once, and only what is wanted is kept.

    Raises:
        DependencyAwayError: HDFS does not answer, or a file or a record is not there: raw/ is never garbage, so somebody has to make
            the archive whole again.
    """
    by_path: dict[str, set[Origin]] = {}
    for path, origin in wanted:
        by_path.setdefault(path, set()).add(origin)
    found: dict[Origin, RawRecord] = {}
    for path, origins in by_path.items():
        try:
            records = read_raw(store.read(path))
        except MissingFileError as error:
            raise DependencyAwayError("HDFS", path, error) from error
        found |= {record.origin: record for record in records if record.origin in origins}
        for origin in origins:
            if origin not in found:
                raise DependencyAwayError("HDFS", path, f"it does not hold the record {origin}")
    return found
