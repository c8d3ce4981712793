"""Which reference version a run joins with: the newest one in the archive."""

from __future__ import annotations

from dataclasses import dataclass

from acidwatch.archive.reference import newest_version, read_pointer
from acidwatch.archive.store import Store
from acidwatch.errors import UnusableInputError


@dataclass(frozen=True, slots=True)
class ReferenceTables:
    """The typed tables of one reference version, paths below the root."""

    version: int
    sites_path: str
    methods_path: str


def newest_reference(store: Store) -> ReferenceTables:
    """Read the newest pointer.

    Raises:
        UnusableInputError: No reference version was loaded yet.
        DependencyAwayError: HDFS does not answer.
    """
    version = newest_version(store)
    if version == 0:
        raise UnusableInputError(
            "no methods and sites are loaded yet: run `acidwatch reference load --sites FILE --methods FILE`"
        )
    pointer = read_pointer(store, version)
    return ReferenceTables(version, pointer["sites"]["path"], pointer["methods"]["path"])
