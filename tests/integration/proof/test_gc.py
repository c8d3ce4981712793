"""gc removes what nothing can reach, and only that; whatever outcome comes late, no version ever lacks a file."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from acidwatch.archive.memory import MemoryStore
from acidwatch.ledger import changes
from acidwatch.ledger.condemned import condemn
from acidwatch.ledger.connection import Ledger
from acidwatch.proof.gc import Garbage, find, remove
from acidwatch.proof.verify import verify
from acidwatch.proof.whole import LedgerNotWholeError, require_whole
from services.versioner.reruns import Reruns
from tests.support.archived import TOPIC, History, Sent, Topic
from tests.support.deployment import Deployment

A, B, BAD = Sent("a"), Sent("b", index=1, year=2000), Sent("c", index=2, good=False)
HOUR = timedelta(hours=1)
LATER = datetime.now(UTC) + timedelta(days=30)


def clean_files(store: MemoryStore) -> set[str]:
    return {path for path in store.files if path.startswith("clean/")}


def found(history: History, now: datetime = LATER, grace: timedelta = HOUR) -> list[Garbage]:
    return find(history.store, history.ledger, now, grace)


def collect(history: History) -> list[str]:
    return [one.path for one in remove(history.store, history.ledger, found(history), "ann", "tidy")]


def faults(history: History) -> list[Any]:
    return verify(history.store, history.ledger, None, lambda done, total: None).faults


def test_nothing_of_a_sound_archive_is_garbage(history: History) -> None:
    history.commit(A, B, BAD)
    assert found(history) == []


def test_what_a_version_ever_held_stays_also_when_it_was_taken_out(history: History) -> None:
    history.commit(A)
    with history.ledger.transaction() as connection:
        changes.quarantine(connection, ["a"], "wrong unit", "ann")
    assert found(history) == []


def test_a_twin_that_a_crash_left_is_removed_and_the_file_that_counts_stays(
    history: History, store: MemoryStore
) -> None:
    history.commit(A, BAD)
    before = set(store.files)
    history.offset = 0
    history.judge(A, BAD)
    twins = {path for path in set(store.files) - before if not path.startswith("raw/")}
    assert {(one.path, one.why) for one in found(history)} == {(path, "unreachable") for path in twins}
    assert set(collect(history)) == twins
    assert before <= set(store.files)
    assert sum(path.startswith("raw/") for path in store.files) == 2, "raw/ is never garbage"
    assert faults(history) == []
    (entry,) = history.query("SELECT action, author, message, details FROM ledger.audit")
    assert (entry["action"], entry["author"], entry["details"]["files"]) == ("gc", "ann", 2)


def test_what_was_written_within_the_grace_time_stays(history: History) -> None:
    history.judge(A)
    assert found(history, datetime.now(UTC), HOUR) == []
    assert len(found(history, datetime.now(UTC) + 2 * HOUR, HOUR)) == 1


def test_files_that_only_duplicates_name_are_removed(history: History, store: MemoryStore) -> None:
    history.commit(A, BAD)
    kept = clean_files(store)
    history.commit(A)
    history.commit(BAD)
    assert {one.why for one in found(history)} == {"unreachable"}
    assert len(collect(history)) == 2
    assert clean_files(store) == kept
    assert faults(history) == []


def test_findings_of_a_rejected_reprocess_go_and_those_of_a_dead_letter_stay(history: History) -> None:
    history.commit(A, BAD)
    history.commit(history.again("reprocess", A, good=False))
    (one,) = found(history)
    assert one.path.startswith("quarantine/")
    assert collect(history) == [one.path]
    assert faults(history) == []


def test_unfinished_writes_and_unpublished_runs_are_removed_and_published_ones_stay(
    history: History, store: MemoryStore, deployment: Deployment
) -> None:
    for path in (
        "_tmp/0a",
        "enriched/run=1/x",
        "enriched/run=2/x",
        "enriched/run=2/y",
        "samples/run=2/x",
        "enriched/run=3/x",
        "samples/run=3/x",
        "enriched/notes/x",
        "control/x",
        "backup/1/x",
    ):
        store.publish(path, b"12")
    with psycopg.connect(deployment.database_url) as connection:
        connection.execute(
            "INSERT INTO metrics.runs SELECT 1, 1, 1, 'c', true, now(), now(), 'enriched/run=1', 0, 0, 0, 0, 0, 0, 0, 0, 0"
        )
        # Run 3 is kept no longer, but run 1 takes a site from it.
        connection.execute("INSERT INTO metrics.site_rows SELECT 1, 'P', 'S', 3, 1, 0, 1, 0, 0, 0, 0, 0, '2020-01-01'")
    assert [(one.path, one.why, one.bytes) for one in found(history)] == [
        ("_tmp/0a", "leftover", 2),
        ("enriched/run=2", "unpublished", 4),
        ("samples/run=2", "unpublished", 2),
    ]
    collect(history)
    kept = ["backup/1/x", "control/x", "enriched/notes/x", "enriched/run=1/x", "enriched/run=3/x", "samples/run=3/x"]
    assert sorted(path for path in store.files if not path.startswith("reference/")) == kept


def test_a_file_that_became_needed_between_looking_and_removing_stays(history: History, store: MemoryStore) -> None:
    outcomes = history.judge(A)
    garbage = found(history)
    assert len(garbage) == 1
    history.record(outcomes)
    assert remove(history.store, history.ledger, garbage, "ann", "tidy") == []
    assert clean_files(store) == {garbage[0].path}
    assert faults(history) == []


class Killed(MemoryStore):
    """Dies at the first deletion."""

    def delete(self, path: str) -> bool:
        raise KeyboardInterrupt


def test_an_interrupted_gc_is_ended_by_the_next_one_without_waiting(history: History, ledger: Ledger) -> None:
    killed = Killed()
    killed.files, killed._written = history.store.files, history.store._written  # type: ignore[attr-defined]
    history.judge(A)
    with pytest.raises(KeyboardInterrupt):
        remove(killed, ledger, found(history), "ann", "tidy")
    (one,) = found(history, datetime.now(UTC), timedelta(days=7))
    assert one.why == "condemned"
    assert collect(history) == [one.path]
    assert found(history) == []


def test_an_outcome_that_comes_after_its_file_was_removed_is_run_again_from_raw(history: History) -> None:
    outcomes = history.judge(A, BAD)
    assert len(collect(history)) == 2
    done = history.record(outcomes)
    assert (done.reruns, done.accepted, done.rejected, done.version) == (2, 0, 0, 0)
    assert history.query("SELECT * FROM ledger.batches") == []

    topic = Topic()
    reruns = Reruns(history.ledger, history.store, topic, TOPIC, 1_000_000)  # type: ignore[arg-type]
    assert asyncio.run(reruns.send_left(0)) == 2
    assert {record.value for record in topic.records} == {A.value, BAD.value}
    assert asyncio.run(reruns.send_left(0)) == 0

    done = history.commit(A, BAD)  # what the ingestor makes of them
    assert (done.accepted, done.rejected, done.version) == (1, 1, 1)
    assert faults(history) == []
    assert found(history) == []


def test_a_record_that_the_topic_would_not_take_again_holds_up_no_other(history: History) -> None:
    outcomes = history.judge(A, BAD)
    collect(history)
    history.record(outcomes)
    topic = Topic()
    reruns = Reruns(history.ledger, history.store, topic, TOPIC, 10)  # type: ignore[arg-type]
    assert asyncio.run(reruns.send_left(0)) == 2
    assert topic.records == []
    assert asyncio.run(reruns.send_left(0)) == 0


def whole(history: History, until: datetime = LATER, ledger: Ledger | None = None) -> None:
    found = find(history.store, ledger or history.ledger, until, timedelta())
    require_whole(history.store, ledger or history.ledger, until, [one.path for one in found])


def test_a_group_of_which_the_ledger_knows_some_records_only_keeps_its_files(history: History) -> None:
    good, bad = history.judge(A, BAD)
    history.record([bad])
    assert [one.path.partition("/")[0] for one in found(history)] == ["clean"]
    with pytest.raises(LedgerNotWholeError, match="it lacks 1 records of raw/"):
        whole(history)
    history.record([good])
    whole(history)


def test_changes_that_a_restored_ledger_lacks_are_missed_whatever_was_noted_since(history: History) -> None:
    history.commit(A)
    with history.ledger.transaction() as connection:
        changes.quarantine(connection, ["a"], "wrong unit", "ann")
    history.flush()
    with history.ledger.transaction() as connection:
        connection.execute("DELETE FROM ledger.audit")
        changes.restore(connection, 1, "right after all", "ann")  # is number 2
    with pytest.raises(LedgerNotWholeError, match="journal/ has 1 changes that it lacks, the first is number 1"):
        whole(history)


def test_a_ledger_that_knows_all_of_raw_and_journal_is_whole_whatever_a_crash_left(history: History) -> None:
    whole(history)
    history.commit(A, BAD)
    history.offset = 0
    history.judge(A, BAD)  # the ingestor was killed before it acknowledged, and read the same records again
    with history.ledger.transaction() as connection:
        changes.quarantine(connection, ["a"], "wrong unit", "ann")
    history.flush()
    whole(history)


def test_an_empty_a_half_rebuilt_or_a_late_ledger_is_not_whole(history: History, other: Ledger) -> None:
    history.commit(A)
    with pytest.raises(LedgerNotWholeError, match="it lacks 1 records of raw/"):
        whole(history, ledger=other)
    late = history.judge(B, BAD)
    whole(history, datetime.now(UTC) - HOUR)  # within the grace time records may be on their way
    with pytest.raises(LedgerNotWholeError, match="it lacks 2 records of raw/"):
        whole(history)
    history.record(late)
    with history.ledger.transaction() as connection:
        changes.quarantine(connection, ["a"], "wrong unit", "ann")
    history.flush()
    with pytest.raises(LedgerNotWholeError, match="journal/ has 1 changes that it lacks, the first is number 1"):
        whole(history, ledger=other)


def test_a_file_of_raw_that_can_not_be_read_holds_up_nothing(history: History, store: MemoryStore) -> None:
    history.commit(A)
    store.publish("raw/damaged.parquet", b"PAR1")
    whole(history)


def test_a_file_of_a_member_can_not_be_condemned(history: History, store: MemoryStore) -> None:
    history.commit(A)
    (path,) = clean_files(store)
    with history.ledger.transaction() as connection:
        assert condemn(connection, [(path, 1)]) == []
        assert condemn(connection, [("clean/unknown", 1)]) == ["clean/unknown"]
    assert faults(history) == []
