"""Compaction: every version reads the same before and after, whatever is done in between; the small files stay until gc's grace is over."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from acidwatch.archive.compacted import ORDER
from acidwatch.archive.groupfile import clean_file, read_manifest
from acidwatch.archive.memory import MemoryStore
from acidwatch.contract.outcome import FileRef, Outcome
from acidwatch.history.rows import read_rows
from acidwatch.ledger import changes, tags
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.files import MovedMeanwhileError, move_batches, needed_files
from acidwatch.ledger.members import members
from acidwatch.proof.backup import backup
from acidwatch.proof.compact import Compaction
from acidwatch.proof.gc import Garbage, find, remove
from acidwatch.proof.newer import newer_than_ledger
from acidwatch.proof.rebuild import rebuild
from acidwatch.proof.restore import choose, restore
from acidwatch.proof.verify import verify
from acidwatch.settings import PostgresSettings
from tests.support.archived import History, Sent, empty

A, B, C = Sent("a"), Sent("b", index=1, year=2000), Sent("c", index=2, year=2010)
DAY = timedelta(days=1)
LATER = datetime.now(UTC) + timedelta(days=30)


def rows_of(history: History, version: int) -> list[dict[str, Any]]:
    """The rows of a version, read as every reader does."""
    with history.ledger.transaction() as connection:
        found = members(connection, version)
    rows: list[dict[str, Any]] = read_rows(history.store, found).to_pylist()
    return sorted(rows, key=lambda row: (row["batch_id"], row["attempt"], row["row"]))


def all_versions(history: History) -> dict[int, list[dict[str, Any]]]:
    versions = history.query("SELECT version FROM ledger.versions ORDER BY 1")
    return {row["version"]: rows_of(history, row["version"]) for row in versions}


def needed(history: History) -> list[str]:
    with history.ledger.transaction() as connection:
        return sorted(file.path for file in needed_files(connection, 10**9))


def faults(history: History) -> list[Any]:
    return verify(history.store, history.ledger, None, lambda done, total: None).faults


def found(history: History, now: datetime, grace: timedelta) -> list[Garbage]:
    return find(history.store, history.ledger, now, grace)


def compaction(history: History) -> Compaction:
    return Compaction(history.store, history.ledger, lambda: datetime.now(UTC), "ann", "tidy", 100_000)


def half_way(history: History) -> tuple[Compaction, tuple[FileRef, Any, Any]]:
    """A compaction that has written its file, and not told the ledger."""
    job = compaction(history)
    (group,) = job.plan()
    held = job.ask(group)
    parts = job.read(held, [])
    return job, (job.write(parts), parts, held)


@pytest.fixture
def eventful(history: History) -> History:
    """Batches in files of their own: taken out, brought back, run again, replaced, tagged, rejected."""
    for one in (A, B, C, Sent("bad", index=3, good=False)):
        history.commit(one)
    history.publish_letters()
    with history.ledger.transaction() as connection:
        changes.quarantine(connection, ["a"], "wrong bottle", "ann")
        tags.tag(connection, "without-a", 4, "", "ann")
    history.commit(history.again("reprocess", B, rows=4))
    history.commit(history.again("reprocess", A, rows=3))
    with history.ledger.transaction() as connection:
        changes.restore(connection, 3, "back to the start", "ann")
    history.commit(Sent("late", index=4, year=2015))
    history.commit(Sent("other", source="lake v2", count=1, year=2020, replaces="lake"))
    history.commit(A)  # a duplicate
    return history


def test_every_version_reads_the_same_before_and_after_and_no_version_is_made(
    eventful: History, store: MemoryStore
) -> None:
    before = all_versions(eventful)
    assert len(before) == 9
    assert len(needed(eventful)) == 7
    done = eventful.compact()
    assert (done.files, len(done.written), done.given_up, done.faults) == (7, 1, [], [])
    assert needed(eventful) == done.written
    assert all_versions(eventful) == before
    assert eventful.query("SELECT version FROM ledger.tags WHERE tag = 'without-a'") == [{"version": 4}]
    assert faults(eventful) == []
    assert not [path for path in store.files if path.startswith("_tmp/")]
    (entry,) = eventful.query(
        "SELECT action, author, message, details, version FROM ledger.audit WHERE action = 'compact'"
    )
    assert entry == {
        "action": "compact", "author": "ann", "message": "tidy", "version": None,
        "details": {"path": done.written[0], "files": 7, "batches": 7, "rows": done.rows},
    }  # fmt: skip


def test_what_was_compacted_is_left_alone_until_there_is_more(history: History) -> None:
    history.commit(A)
    assert history.compact().files == 0, "one file is as few as can be"
    history.commit(B)
    assert history.compact().files == 2
    assert history.compact().files == 0
    history.commit(C)
    assert history.compact().files == 2
    assert len(needed(history)) == 1
    assert faults(history) == []


def test_the_small_files_stay_for_the_grace_time_after_they_were_left_and_all_reads_the_same_without_them(
    eventful: History, store: MemoryStore
) -> None:
    before = all_versions(eventful)
    small = needed(eventful)
    for path in small:
        store._written[path] -= 300 * DAY  # their own age must not count
    eventful.compact()
    assert not set(small) & {one.path for one in found(eventful, datetime.now(UTC) + 6 * DAY, 7 * DAY)}
    garbage = found(eventful, datetime.now(UTC) + 8 * DAY, 7 * DAY)
    assert set(small) < {one.path for one in garbage}
    remove(store, eventful.ledger, garbage, "ann", "tidy")
    assert not set(small) & set(store.files)
    assert all_versions(eventful) == before
    assert faults(eventful) == []


def test_a_reader_that_listed_the_small_files_before_still_reads_them(history: History) -> None:
    history.commit(A)
    history.commit(B)
    with history.ledger.transaction() as connection:
        listed = members(connection, 2)
    rows = rows_of(history, 2)
    history.compact()
    remove(history.store, history.ledger, found(history, datetime.now(UTC), DAY), "ann", "tidy")
    read = read_rows(history.store, listed).to_pylist()
    assert sorted(read, key=lambda row: (row["batch_id"], row["attempt"], row["row"])) == rows


def test_a_new_file_is_sorted_and_its_footer_says_of_each_batch_what_the_small_ones_said(
    eventful: History, store: MemoryStore
) -> None:
    said = {
        (outcome["batch_id"], outcome["attempt"]): outcome
        for path in needed(eventful)
        for outcome in read_manifest(store.files[path])["outcomes"]
    }
    (path,) = eventful.compact().written
    manifest = read_manifest(store.files[path])
    assert {(one["batch_id"], one["attempt"]): one for one in manifest["outcomes"]} == said
    assert len(manifest["outcomes"]) == len(said) == 7
    assert (manifest["format"], manifest["files"]) == (1, {"clean": path})
    keys = [tuple(row[name] for name in ORDER) for row in pq.read_table(io.BytesIO(store.files[path])).to_pylist()]
    assert keys == sorted(keys)
    assert len({key[2] for key in keys}) > 20


def test_batches_that_are_elsewhere_by_now_are_not_moved_and_nothing_else_is(history: History) -> None:
    history.commit(A)
    history.commit(B)
    job, (file, parts, held) = half_way(history)
    other = history.compact()
    with pytest.raises(MovedMeanwhileError, match=file.path):
        job.move(file, parts, held)
    assert needed(history) == other.written
    assert history.query("SELECT 1 FROM ledger.files WHERE path = %s", file.path) == []
    assert file.path in {one.path for one in found(history, LATER, DAY)}, "it is an orphan"
    assert faults(history) == []


def test_one_batch_that_is_elsewhere_keeps_the_others_where_they_are(history: History) -> None:
    history.commit(A)
    history.commit(B)
    job, (file, parts, held) = half_way(history)
    (path,) = [path for path in needed(history) if ("a", 1) in held[path].rows]
    history.store.publish("clean/copy.parquet", history.store.read(path))
    with history.ledger.transaction() as connection:
        move_batches(connection, FileRef("clean", "clean/copy.parquet", 1, held[path].sha256), {path: [("a", 1)]})
    before = needed(history)
    with pytest.raises(MovedMeanwhileError):
        job.move(file, parts, held)
    assert needed(history) == before


def test_what_people_do_while_files_are_written_is_not_lost(history: History) -> None:
    history.commit(A)
    history.commit(B)
    job, (file, parts, held) = half_way(history)
    with history.ledger.transaction() as connection:
        changes.quarantine(connection, ["a"], "wrong bottle", "ann")
    history.commit(history.again("reprocess", B, rows=4))
    before = all_versions(history)
    job.move(file, parts, held)
    assert all_versions(history) == before
    assert {row["batch_id"]: row["attempt"] for row in before[4]} == {"b": 2}
    assert needed(history) == sorted({file.path, *(row["path"] for row in _newest_members(history))})
    assert faults(history) == []


def _newest_members(history: History) -> list[dict[str, Any]]:
    return history.query("SELECT path FROM ledger.members((SELECT newest_version FROM ledger.datasets))")


def test_a_new_file_that_gc_took_for_garbage_is_not_named(history: History, store: MemoryStore) -> None:
    history.commit(A)
    history.commit(B)
    job, (file, parts, held) = half_way(history)
    before = needed(history)
    remove(store, history.ledger, found(history, LATER, DAY), "ann", "too soon")
    assert file.path not in store.files
    with pytest.raises(MovedMeanwhileError):
        job.move(file, parts, held)
    assert needed(history) == before
    assert faults(history) == []


def test_a_damaged_small_file_is_named_and_left_and_the_others_are_compacted(
    history: History, store: MemoryStore
) -> None:
    for one in (A, B, C):
        history.commit(one)
    damaged = needed(history)[0]
    store.files[damaged] = store.files[damaged][:-1] + b"?"
    done = history.compact()
    assert [(fault.subject, fault.kind) for fault in done.faults] == [(damaged, "damaged")]
    assert needed(history) == sorted([damaged, *done.written])
    del store.files[damaged]
    history.commit(Sent("d", index=3))
    again = history.compact()
    assert [(fault.subject, fault.kind) for fault in again.faults] == [(damaged, "missing")]
    assert again.files == 2


def test_a_file_that_lacks_rows_of_the_ledger_is_left(history: History, store: MemoryStore) -> None:
    history.commit(A)
    history.commit(B)
    with history.ledger.transaction() as connection:
        connection.execute("UPDATE ledger.attempts SET rows = rows + 1 WHERE batch_id = 'b'")
    done = history.compact()
    assert [fault.message for fault in done.faults] == ["it holds 5 rows of batch b attempt 1, not 6"]
    assert done.written == []


def test_files_of_two_contracts_stay_apart_and_keep_their_columns(history: History, store: MemoryStore) -> None:
    """The older contract's files have no remarks; some of its software wrote one more column."""
    outcomes = [history.judge(Sent(name, index=index)) for index, name in enumerate("abcdefg")]
    for index, made in enumerate(outcomes):
        older = index < 5
        history.record([_as_of("1.1", store, made[0], extra=index == 4)] if older else made)
    before = all_versions(history)
    schemas = {path: pq.read_schema(io.BytesIO(store.files[path])).names for path in needed(history)}
    done = history.compact()
    assert (done.files, len(done.written)) == (6, 2), "the one with another column has nothing to go with"
    assert all_versions(history) == before
    held = {path: pq.read_schema(io.BytesIO(store.files[path])).names for path in done.written}
    assert sorted("remarks" in names for names in held.values()) == [False, True]
    assert all(names in schemas.values() for names in held.values())
    assert history.compact().files == 0
    assert faults(history) == []


def _as_of(contract: str, store: MemoryStore, outcome: Outcome, extra: bool) -> Outcome:
    """The outcome as if another version of the software had judged it, with its clean file written anew."""
    raw, clean = outcome.files
    table = pq.read_table(io.BytesIO(store.files.pop(clean.path))).drop_columns(["remarks"])
    if extra:
        table = table.append_column("extra", pa.nulls(len(table), pa.int32()))
    data = clean_file(table, b"{}")
    store.files[clean.path] = data
    file = FileRef("clean", clean.path, len(data), hashlib.sha256(data).hexdigest())
    return replace(outcome, contract_version=contract, files=(raw, file))


def test_an_outcome_that_comes_late_for_a_compacted_file_becomes_a_member_and_goes_with_the_next_compaction(
    history: History, store: MemoryStore
) -> None:
    first, late = history.judge(A, C)
    history.record([first])
    history.commit(B)
    history.compact()
    history.record([late])
    assert len(needed(history)) == 2
    before = all_versions(history)
    assert faults(history) == []
    assert history.compact().files == 2
    assert len(needed(history)) == 1
    assert all_versions(history) == before
    assert faults(history) == []


def test_an_outcome_that_comes_after_its_compacted_file_was_removed_is_run_again(history: History) -> None:
    first, late = history.judge(A, C)
    history.record([first])
    history.commit(B)
    history.compact()
    remove(history.store, history.ledger, found(history, LATER, DAY), "ann", "tidy")
    assert history.record([late]).reruns == 1
    history.commit(C)
    assert {row["batch_id"] for row in rows_of(history, 3)} == {"a", "b", "c"}
    assert faults(history) == []


def test_a_backup_from_before_compaction_is_restored_and_reads_the_same_after_gc(
    eventful: History, other: Ledger, store: MemoryStore
) -> None:
    before = all_versions(eventful)
    backup(store, eventful.ledger, LATER)
    eventful.compact()
    remove(store, eventful.ledger, found(eventful, LATER, DAY), "ann", "tidy")
    restore(store, other, choose(store, None), force=False)
    restored = History(store, other)
    assert all_versions(restored) == before
    assert faults(restored) == []
    assert restored.compact().files == 7
    assert all_versions(restored) == before


def test_what_came_after_a_backup_and_was_compacted_is_added_to_what_was_restored(
    history: History, other: Ledger, store: MemoryStore
) -> None:
    history.commit(A)
    backup(store, history.ledger, LATER)
    history.commit(B)
    history.commit(C)
    before = all_versions(history)
    history.compact()
    assert len(remove(store, history.ledger, found(history, LATER, DAY), "ann", "tidy")) == 2, (
        "the backup names the third"
    )
    restore(store, other, choose(store, None), force=False)
    done = rebuild(store, other, newer_than_ledger(store, other), lambda done, total: None)
    assert (done.records, done.reruns) == (2, 0)
    restored = History(store, other)
    assert all_versions(restored) == before
    assert faults(restored) == []


def test_a_restore_of_the_database_while_files_are_written_is_not_lost(history: History, store: MemoryStore) -> None:
    """The restored database gives the numbers of its files to others again."""
    history.commit(A)
    backup(store, history.ledger, LATER)
    history.commit(B)
    job, (file, parts, held) = half_way(history)
    restore(store, history.ledger, choose(store, None), force=True)
    history.commit(C)
    before = all_versions(history)
    with pytest.raises(MovedMeanwhileError):
        job.move(file, parts, held)
    assert all_versions(history) == before
    assert faults(history) == []


def test_two_compactions_at_once_move_each_batch_once(history: History, deployment: Any) -> None:
    for number in range(12):
        history.commit(Sent(f"n{number}", index=number, year=1980 + number))
    second = Ledger(PostgresSettings(database_url=SecretStr(deployment.database_url)))
    try:
        jobs = [compaction(history), replace(compaction(history), ledger=second)]
        plans = [job.plan() for job in jobs]
        before = all_versions(history)
        results = [job.run(plan, lambda done, total: None) for job, plan in zip(jobs, plans, strict=True)]
        assert [done.files for done in results] == [12, 0]
        assert all_versions(history) == before
        assert faults(history) == []
    finally:
        second.close()
        empty(deployment.database_url)
