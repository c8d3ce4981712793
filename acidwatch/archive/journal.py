"""The journal on HDFS: what people did to the dataset, one file an entry, so that `ledger rebuild` knows of it without the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from acidwatch.archive.sealed import DamagedFileError, seal, unseal
from acidwatch.archive.store import FileExistsAlreadyError, Store
from acidwatch.archive.zones import JOURNAL, highest_number, journal_path, numbers


def publish(store: Store, entries: Iterable[Mapping[str, Any]]) -> list[int]:
    """Write entries of the ledger's audit as `journal/00000001.json` and so on; the number is the `audit_id`.

    Returns:
        Numbers of the entries that are in the journal now, whoever wrote them. One whose number another entry has there is left out:
        a database that was made anew, or restored from a backup, counts from an earlier number again.

    Raises:
        DependencyAwayError: HDFS does not answer; those written until then may be written again.
    """
    there = []
    for entry in entries:
        path, data = journal_path(entry["audit_id"]), seal(entry)
        try:
            store.publish(path, data)
        except FileExistsAlreadyError:
            if store.read(path) != data:
                continue
        there.append(entry["audit_id"])
    return there


def read_journal(store: Store) -> Iterator[dict[str, Any] | DamagedFileError]:
    """The entries of the journal by number, with `at` as the text it was written as; what is wrong with one that is damaged."""
    return (_read(store, f"{JOURNAL}/{name}") for name in store.names(JOURNAL))


def entries(store: Store) -> set[int]:
    """Numbers of all entries of the journal, damaged ones too."""
    return numbers(store.names(JOURNAL))


def readable(store: Store, wanted: Set[int]) -> list[int]:
    """The numbers of those of these entries that are not damaged, in order."""
    return [number for number in sorted(wanted) if not isinstance(_read(store, journal_path(number)), DamagedFileError)]


def _read(store: Store, path: str) -> dict[str, Any] | DamagedFileError:
    try:
        entry: dict[str, Any] = unseal(path, store.read(path))
    except DamagedFileError as error:
        return error
    if path != journal_path(entry.get("audit_id", 0)):
        return DamagedFileError(path, f"it holds entry {entry.get('audit_id')}")
    return entry


def newest_number(store: Store) -> int:
    """Number of the newest entry, 0 when there is none."""
    return highest_number(store.names(JOURNAL))
