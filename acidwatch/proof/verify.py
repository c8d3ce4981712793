"""Verify: every file that is named is there with its length, checksum and contents, and every version adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from acidwatch.archive.sealed import DamagedFileError, unseal
from acidwatch.archive.store import MissingFileError, Store
from acidwatch.archive.threads import in_threads
from acidwatch.archive.zones import BACKUP, JOURNAL, REFERENCE, journal_path
from acidwatch.ledger import checks
from acidwatch.ledger.condemned import needed_or_condemned
from acidwatch.ledger.connection import Connection, Ledger
from acidwatch.proof.backup import read_backup
from acidwatch.proof.contents import Expected, check
from acidwatch.proof.faults import Fault

Progress = Callable[[int, int], None]
"""Called with how many files are checked, and of how many."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked, by kind, and what was found wrong."""

    checked: dict[str, int]
    faults: list[Fault]


def verify(store: Store, ledger: Ledger, version: int | None, progress: Progress) -> Verified:
    """Check everything, or only one version: its rows and the files that hold its members."""
    with ledger.transaction() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")  # counts are of one moment
        expected = _named_by_ledger(connection, version)
        faults = _ledger_faults(connection, version)
        journaled = checks.journaled(connection)
        versions = 1 if version is not None else checks.counts(connection)[0]["newest_version"]
    if version is None:
        for named, found in (_named_by_pointers(store), _named_by_backups(store)):
            expected += named
            faults += found
        entries, found = _journal(store, journaled)
        faults += found
    checked = Counter({"versions": versions})
    checked.update(file.what for file in expected)
    if version is None:
        checked["journal"] = entries
    faults += check_all(store, expected, progress)
    removed = _removed_since(store, ledger, {fault.subject for fault in faults if fault.kind == "missing"})
    return Verified(dict(checked), sorted(fault for fault in faults if fault.subject not in removed))


def _removed_since(store: Store, ledger: Ledger, missing: Collection[str]) -> set[str]:
    """Of files that are not there, those that gc, or a new backup, has rightly removed while others were read: that may take hours."""
    with ledger.transaction() as connection:
        _, condemned = needed_or_condemned(connection, sorted(missing))
    backups = {path: path.rsplit("/", 1)[0] for path in missing if path.startswith(f"{BACKUP}/")}
    return condemned | {path for path, folder in backups.items() if "manifest.json" not in store.names(folder)}


def check_all(store: Store, expected: Sequence[Expected], progress: Progress) -> list[Fault]:
    """Check files in threads."""
    faults: list[Fault] = []
    for done, found in enumerate(in_threads(lambda file: check(store, file), expected), start=1):
        faults += found
        progress(done, len(expected))
    return faults


def _named_by_ledger(connection: Connection, version: int | None) -> list[Expected]:
    rows = checks.rows_by_file(connection, version)
    records = checks.records_by_file(connection) if version is None else {}
    return [
        Expected(file.path, file.zone, file.bytes, file.sha256, rows.get(file.path), records.get(file.path))
        for file in checks.named_files(connection, version)
    ]


def _ledger_faults(connection: Connection, version: int | None) -> list[Fault]:
    faults = []
    for row in checks.versions_that_do_not_add_up(connection):
        if version is not None and row["version"] != version:
            continue
        subject = f"version {row['version']}"
        if row["version"] != row["due"]:
            faults.append(Fault(subject, "gap", f"its number should be {row['due']}: versions before it are missing"))
        for name in ("rows", "bytes"):
            if row[name] != row[f"member_{name}"]:
                message = f"it says {row[name]} {name}; its members have {row[f'member_{name}']}"
                faults.append(Fault(subject, name, message))
    stands, due = checks.counts(connection)
    for name in stands:
        if version is None and stands[name] != due[name]:
            faults.append(
                Fault("dataset", name, f"it counts {stands[name]} {name.replace('_', ' ')}; there are {due[name]}")
            )
    for batch_id, attempt in checks.members_without_file(connection):
        faults.append(Fault(f"batch {batch_id}", "no-file", f"no clean file is named for its attempt {attempt}"))
    return faults


def _named_by_pointers(store: Store) -> tuple[list[Expected], list[Fault]]:
    """Every reference version's tables and workbooks; one that several versions name is checked once."""
    expected: dict[str, Expected] = {}
    faults = []
    for name in store.names(REFERENCE):
        if not name.endswith(".json"):
            continue
        path = f"{REFERENCE}/{name}"
        try:
            pointer = unseal(path, store.read(path))
            for file in (pointer["sites"], pointer["methods"], *pointer["workbooks"].values()):
                expected[file["path"]] = Expected(file["path"], "reference", file["bytes"], file["sha256"])
        except DamagedFileError as error:
            faults.append(Fault(path, "damaged", error.reason))
    return list(expected.values()), faults


def _named_by_backups(store: Store) -> tuple[list[Expected], list[Fault]]:
    expected, faults = [], []
    for stamp in store.names(BACKUP):
        try:
            tables = read_backup(store, stamp).tables
        except MissingFileError:
            continue  # one that is being made, or was never finished
        except DamagedFileError as error:
            faults.append(Fault(error.path, "damaged", error.reason))
            continue
        expected += [Expected(table.path, "backup", table.file_bytes, table.file_sha256) for table in tables]
    return expected, faults


def _journal(store: Store, journaled: Sequence[int]) -> tuple[int, list[Fault]]:
    faults = []
    names = store.names(JOURNAL)
    for name in names:
        path = f"{JOURNAL}/{name}"
        try:
            unseal(path, store.read(path))
        except DamagedFileError as error:
            faults.append(Fault(path, "damaged", error.reason))
    for path in {journal_path(number) for number in journaled} - {f"{JOURNAL}/{name}" for name in names}:
        faults.append(Fault(path, "missing", "the file is not there; the ledger has the entry as copied"))
    return len(names), faults
