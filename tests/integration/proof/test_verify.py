"""Verify finds each changed byte, each lost row and each sum that is wrong; and nothing where nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acidwatch.archive.memory import MemoryStore
from acidwatch.ledger import changes, tags
from acidwatch.ledger.connection import Ledger
from acidwatch.proof.backup import backup, prune
from acidwatch.proof.faults import Fault
from acidwatch.proof.gc import find, remove
from acidwatch.proof.verify import Verified, verify
from tests.support.archived import History, Sent
from tests.support.deployment import Deployment

A, B, BAD = Sent("a"), Sent("b", index=1, year=2000), Sent("c", index=2, good=False)


def check(history: History, version: int | None = None) -> Verified:
    return verify(history.store, history.ledger, version, lambda done, total: None)


def fill(history: History) -> None:
    """Two accepted batches in a group with a rejected one, one more, one taken out, a tag, all in the journal."""
    history.commit(A, B, BAD)
    history.commit(Sent("d", index=3, year=2010, rows=7))
    with history.ledger.transaction() as connection:
        changes.quarantine(connection, ["a"], "wrong unit", "ann")
        tags.tag(connection, "good", 2, "before", "ann")
    history.flush()


@pytest.fixture
def filled(history: History) -> History:
    fill(history)
    return history


def test_a_sound_archive_has_no_fault_and_everything_was_looked_at(filled: History, store: MemoryStore) -> None:
    found = check(filled)
    assert found.faults == []
    assert found.checked == {"versions": 4, "raw": 2, "clean": 2, "quarantine": 1, "reference": 4, "journal": 2}
    assert sum(found.checked.values()) - 4 + 1 == len(store.files), "and each file but the pointer is counted"


def test_progress_tells_how_many_files_of_how_many(filled: History) -> None:
    steps: list[tuple[int, int]] = []
    verify(filled.store, filled.ledger, None, lambda done, total: steps.append((done, total)))
    assert steps == [(number, len(steps)) for number in range(1, len(steps) + 1)]


class BusyNight(MemoryStore):
    """Before the first file of clean/ is read, and before all that come after it, gc and a new backup remove what they may."""

    def __init__(self, store: MemoryStore, tidy: Callable[[], None]) -> None:
        super().__init__()
        self.files, self._written, self._one = store.files, store._written, Lock()
        self.tidy: Callable[[], None] | None = tidy

    def read(self, path: str) -> bytes:
        with self._one:
            if self.tidy and path.startswith("clean/"):
                self.tidy()
                self.tidy = None
        return super().read(path)


def test_what_gc_and_a_new_backup_remove_meanwhile_is_no_fault(filled: History, store: MemoryStore) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    for hours in range(2):
        backup(store, filled.ledger, now + timedelta(hours=hours))

    def tidy() -> None:
        filled.compact()
        backup(store, filled.ledger, now + timedelta(hours=2))
        assert len(prune(store, 1, now)) == 2
        removed = remove(
            store, filled.ledger, find(store, filled.ledger, now + timedelta(days=900), timedelta(0)), "", ""
        )
        assert len(removed) == 2

    busy = BusyNight(store, tidy)
    assert verify(busy, filled.ledger, None, lambda done, total: None).faults == []
    assert busy.tidy is None
    assert check(filled).faults == []


@pytest.fixture(scope="module")
def one_history(deployment: Deployment) -> Any:
    """Filled once: the property below only reads the ledger."""
    from pydantic import SecretStr

    from acidwatch.settings import PostgresSettings
    from tests.support.archived import empty

    empty(deployment.database_url)
    ledger = Ledger(PostgresSettings(database_url=SecretStr(deployment.database_url)))
    made = History(MemoryStore(), ledger)
    made.load_reference()
    fill(made)
    yield made
    ledger.close()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_each_byte_of_each_kind_of_file_that_is_changed_is_found(one_history: History, data: st.DataObject) -> None:
    store = one_history.store
    assert isinstance(store, MemoryStore)
    path = data.draw(st.sampled_from(sorted(store.files)))
    sound = store.files[path]
    place, bit = data.draw(st.integers(0, len(sound) - 1)), data.draw(st.integers(0, 7))
    store.files[path] = sound[:place] + bytes([sound[place] ^ 1 << bit]) + sound[place + 1 :]
    try:
        assert [fault.subject for fault in check(one_history).faults] == [path]
    finally:
        store.files[path] = sound


@pytest.mark.parametrize("zone", ["raw", "clean", "quarantine", "reference", "journal"])
def test_a_file_that_is_gone_is_named(filled: History, store: MemoryStore, zone: str) -> None:
    path = next(
        path
        for path in sorted(store.files, reverse=True)
        if path.startswith(zone + "/") and path != "reference/000001.json"
    )
    del store.files[path]
    (fault,) = check(filled).faults
    assert (fault.subject, fault.kind) == (path, "missing")


def test_a_file_that_was_cut_is_named_with_both_lengths(filled: History, store: MemoryStore) -> None:
    path = next(path for path in store.files if path.startswith("clean/"))
    whole = store.files[path]
    store.files[path] = whole[:-1]
    assert check(filled).faults == [
        Fault(path, "length", f"it has {len(whole) - 1} bytes instead of {len(whole)}")
    ]  # fmt: skip


def change(deployment: Deployment, statement: str) -> None:
    with psycopg.connect(deployment.database_url) as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "subjects", "kind"),
    [
        ("UPDATE ledger.versions SET rows = rows + 1 WHERE version = 2", {"version 2"}, "rows"),
        ("UPDATE ledger.versions SET bytes = bytes - 1 WHERE version = 3", {"version 3"}, "bytes"),
        ("UPDATE ledger.memberships SET to_version = NULL WHERE batch_id = 'a'", {"version 4"}, "rows"),
        ("UPDATE ledger.datasets SET rows = rows + 1", {"dataset"}, "rows"),
        ("UPDATE ledger.datasets SET duplicates = 5", {"dataset"}, "duplicates"),
        ("DELETE FROM ledger.file_batches WHERE batch_id = 'b' AND zone = 'clean'", {"batch b"}, "no-file"),
        ("UPDATE ledger.files SET condemned_at = now() WHERE zone = 'clean'", {"batch a", "batch b", "batch d"}, "no-file"),
    ],
)  # fmt: skip
def test_sums_and_places_that_are_wrong_in_the_ledger_are_named(
    filled: History, deployment: Deployment, statement: str, subjects: set[str], kind: str
) -> None:
    change(deployment, statement)
    faults = check(filled).faults
    assert subjects <= {fault.subject for fault in faults}
    assert kind in {fault.kind for fault in faults}


def test_rows_that_a_clean_file_lacks_are_named_by_batch(filled: History, deployment: Deployment) -> None:
    change(deployment, "UPDATE ledger.attempts SET rows = 6 WHERE batch_id = 'b'")
    (fault,) = (fault for fault in check(filled).faults if fault.subject.startswith("clean/"))
    assert (fault.kind, fault.message) == ("rows", "it holds 5 rows of batch b attempt 1, not 6")


def test_a_version_that_is_missing_is_a_gap(filled: History, deployment: Deployment) -> None:
    change(deployment, "DELETE FROM ledger.tags")
    change(
        deployment,
        "UPDATE ledger.attempts SET version = NULL WHERE version = 2; DELETE FROM ledger.memberships WHERE from_version = 2;"
        " DELETE FROM ledger.versions WHERE version = 2",
    )
    gaps = [fault.subject for fault in check(filled).faults if fault.kind == "gap"]
    assert gaps == ["version 3", "version 4"]


def test_one_version_is_checked_by_its_own_files_only(filled: History, store: MemoryStore) -> None:
    first = next(path for path in sorted(store.files) if path.startswith("clean/"))
    assert check(filled, 1).checked == {"versions": 1, "clean": 1}
    quarantined = next(path for path in store.files if path.startswith("quarantine/"))
    store.files[quarantined] = b"x"
    assert check(filled, 1).faults == []
    store.files[first] = b"x"
    assert {fault.subject for fault in check(filled, 1).faults} <= {first}
