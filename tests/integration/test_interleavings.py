"""What may happen at once or out of order, one test each, on a real PostgreSQL (design: how nothing is lost, what is stored)."""

from __future__ import annotations

from typing import Any

import pytest

from acidwatch.contract.batch import Origin
from acidwatch.contract.outcome import FileRef
from acidwatch.errors import UnusableInputError
from acidwatch.ledger import changes, queries
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.members import members
from acidwatch.ledger.places import mark_rerun, pending_reruns
from acidwatch.ledger.plans import Kind, mark_sent, plan_attempts
from tests.support.outcomes import digest, outcome, put


def newest(ledger: Ledger) -> int:
    with ledger.transaction() as connection:
        return int(queries.dataset(connection)["newest_version"])


def held(ledger: Ledger, version: int | None = None) -> set[tuple[str, int]]:
    """Members (batch id, attempt) of a version, the newest without one."""
    with ledger.transaction() as connection:
        return {
            (m.batch_id, m.attempt) for m in members(connection, version if version is not None else newest(ledger))
        }


def plan(ledger: Ledger, batch: str, kind: Kind, value: bytes = b"value", *, sent: bool = True) -> int:
    with ledger.transaction() as connection:
        (attempt,) = plan_attempts(connection, [(batch, digest(value))], kind, "kim", "why")
    if sent:
        with ledger.transaction() as connection:
            mark_sent(connection, [(batch, attempt)])
    return attempt


def quarantine(ledger: Ledger, *batches: str) -> changes.Change:
    with ledger.transaction() as connection:
        return changes.quarantine(connection, batches, "bad titration", "kim")


def restore(ledger: Ledger, version: int) -> changes.Change:
    with ledger.transaction() as connection:
        return changes.restore(connection, version, "as it was", "kim")


def letter(ledger: Ledger, batch: str) -> dict[str, Any]:
    with ledger.transaction() as connection:
        found: dict[str, Any] = queries.batch(connection, batch)["dead_letter"]
    return found


def test_twin_files_after_a_crash_leave_the_file_that_was_recorded_first(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0))
    twin = outcome("a", 0, files=(FileRef("raw", "raw/twin", 1, "0"), FileRef("clean", "clean/twin", 1, "0")))
    assert put(ledger, twin).redeliveries == 1
    with ledger.transaction() as connection:
        assert [member.path for member in members(connection, 1)] == ["clean/0.parquet"]


def test_of_two_verdicts_for_one_attempt_the_first_one_stands(ledger: Ledger) -> None:
    attempt = 2
    put(ledger, outcome("a", 0, rejected=True))
    assert plan(ledger, "a", "replay") == attempt
    put(ledger, outcome("a", 1, attempt=attempt, rejected=True), outcome("a", 2, attempt=attempt))
    assert held(ledger) == set()
    assert letter(ledger, "a")["failures"] == 2


def test_two_replays_of_one_letter_are_two_attempts_and_add_nothing_twice(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0, rejected=True))
    first, second = plan(ledger, "a", "replay"), plan(ledger, "a", "replay")
    assert (first, second) == (2, 3)
    done = put(ledger, outcome("a", 1, attempt=first), outcome("a", 2, attempt=second))
    assert (done.accepted, done.not_members, done.version) == (2, 1, 1)
    assert held(ledger) == {("a", 2)}
    assert letter(ledger, "a")["state"] == "resolved"


def test_a_replay_that_crashed_before_it_was_confirmed_sends_the_same_number_again(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0, rejected=True))
    assert plan(ledger, "a", "replay", sent=False) == 2
    assert plan(ledger, "a", "replay", sent=False) == 2
    assert plan(ledger, "a", "replay", b"edited", sent=False) == 3, "other bytes are another attempt"
    put(ledger, outcome("a", 1, attempt=2, rejected=True))
    assert plan(ledger, "a", "replay") == 4, "the first one arrived after all: it was an attempt of its own"


def test_a_planned_attempt_that_comes_with_other_bytes_is_a_conflict(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0, rejected=True))
    attempt = plan(ledger, "a", "replay", b"edited")
    assert put(ledger, outcome("a", 1, attempt=attempt, value=b"forged")).conflicts == 1
    assert held(ledger) == set()
    put(ledger, outcome("a", 2, attempt=attempt, value=b"edited"))
    assert held(ledger) == {("a", attempt)}


def test_an_old_letter_replayed_after_its_correction_does_not_become_newer_than_it(ledger: Ledger) -> None:
    put(ledger, outcome("old", 0, rejected=True, source_id="first", source_time="2026-11-01T00:00:00+00:00"))
    put(ledger, outcome("new", 1, source_id="corrected", source_time="2026-11-09T00:00:00+00:00"))
    attempt = plan(ledger, "old", "replay")
    late = outcome("old", 2, attempt=attempt, source_id="first", source_time="2026-11-20T00:00:00+00:00")
    put(ledger, late)
    with ledger.transaction() as connection:
        order = sorted(members(connection, 2), key=lambda member: member.source_sent_at)
    assert [member.batch_id for member in order] == ["old", "new"], (
        "the source's first sending counts, so the correction wins"
    )


def test_a_reprocess_numbered_before_a_quarantine_never_becomes_a_member(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0))
    before = plan(ledger, "a", "reprocess")
    quarantine(ledger, "a")
    done = put(ledger, outcome("a", 1, attempt=before))
    assert (done.not_members, done.version) == (1, 2)
    after = plan(ledger, "a", "reprocess")
    put(ledger, outcome("a", 2, attempt=after))
    assert held(ledger) == {("a", after)}
    with ledger.transaction() as connection:
        assert queries.version(connection, 3)["kind"] == "reprocess"


def test_a_crashed_reprocess_is_numbered_anew_after_a_quarantine(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0))
    assert plan(ledger, "a", "reprocess", sent=False) == 2
    quarantine(ledger, "a")
    assert plan(ledger, "a", "reprocess", sent=False) == 3


def test_a_reprocess_takes_the_place_of_the_earlier_attempt_in_one_version(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0), outcome("b", 1))
    attempt = plan(ledger, "a", "reprocess")
    put(ledger, outcome("a", 2, attempt=attempt, rows=90))
    assert held(ledger) == {("a", attempt), ("b", 1)}
    assert held(ledger, 2) == {("a", 1), ("b", 1)}
    with ledger.transaction() as connection:
        found = queries.version(connection, 3)
    assert (found["kind"], found["author"], found["message"], found["rows"]) == ("reprocess", "kim", "why", 190)


def test_of_two_reprocesses_the_later_numbered_one_stays_whatever_comes_first(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0))
    first, second = plan(ledger, "a", "reprocess"), plan(ledger, "a", "reprocess")
    done = put(ledger, outcome("a", 2, attempt=second), outcome("a", 1, attempt=first))
    assert done.not_members == 1
    assert held(ledger) == {("a", second)}


def test_a_rejected_reprocess_leaves_the_earlier_attempt_and_makes_no_letter(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0))
    attempt = plan(ledger, "a", "reprocess")
    assert put(ledger, outcome("a", 1, attempt=attempt, rejected=True)).rejected == 1
    assert held(ledger) == {("a", 1)}
    assert letter(ledger, "a") is None


def test_an_outcome_that_names_a_condemned_file_is_run_again_from_raw(ledger: Ledger) -> None:
    late = outcome("a", 0)
    with ledger.transaction() as connection:
        connection.execute(
            "INSERT INTO ledger.files (path, zone, bytes, sha256, condemned_at) VALUES ('clean/0.parquet', 'clean', 10, '00', now())"
        )
    done = put(ledger, late)
    assert (done.reruns, done.accepted, done.version) == (1, 0, 0)
    with ledger.transaction() as connection:
        places = pending_reruns(connection, 10)
        assert [(place.path, place.origin) for place in places] == [("raw/0.parquet", late.origin)]
        mark_rerun(connection, places)
        assert pending_reruns(connection, 10) == []
    assert put(ledger, late).redeliveries == 1
    again = outcome("a", 5)
    assert put(ledger, again).accepted == 1
    assert held(ledger) == {("a", 1)}


def test_a_condemned_file_does_not_disturb_an_attempt_that_is_recorded_with_another_one(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0))
    with ledger.transaction() as connection:
        connection.execute(
            "INSERT INTO ledger.files (path, zone, bytes, sha256, condemned_at) VALUES ('clean/7.parquet', 'clean', 10, '00', now())"
        )
    assert put(ledger, outcome("a", 7)).duplicates == 1


def test_a_topic_made_anew_gives_the_same_offsets_to_other_records(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0))
    anew = Origin("water-quality", 0, 0, 1_900_000_000_000)
    assert put(ledger, outcome("b", 0, origin=anew)).accepted == 1
    assert put(ledger, outcome("a", 0, origin=anew)).redeliveries == 1


def test_a_redelivery_is_not_counted_and_a_duplicate_is(ledger: Ledger) -> None:
    first = outcome("a", 0)
    put(ledger, first)
    assert put(ledger, first, outcome("a", 9), outcome("a", 9)).duplicates == 1
    with ledger.transaction() as connection:
        assert queries.dataset(connection)["duplicates"] == 1


def test_a_batch_restored_away_does_not_come_back_by_sending_or_by_an_older_replay(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0), outcome("b", 1))
    replay = plan(ledger, "b", "reprocess")
    restore(ledger, 1)
    assert held(ledger) == {("a", 1)}
    assert put(ledger, outcome("b", 2)).duplicates == 1
    assert put(ledger, outcome("b", 3, attempt=replay)).not_members == 1
    assert held(ledger) == {("a", 1)}
    restore(ledger, 2)
    assert held(ledger) == {("a", 1), ("b", 1)}


def test_a_letter_replayed_across_a_restore_still_becomes_a_member(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0), outcome("b", 1), outcome("c", 2, rejected=True))
    attempt = plan(ledger, "c", "replay")
    restore(ledger, 1)
    put(ledger, outcome("c", 3, attempt=attempt))
    assert held(ledger) == {("a", 1), ("c", attempt)}, "no person took this batch out"


def test_a_restore_can_be_undone_and_a_quarantine_too(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0), outcome("b", 1), outcome("c", 2))
    assert (quarantine(ledger, "a", "b").batches_out, held(ledger)) == (2, {("c", 1)})
    change = restore(ledger, 3)
    assert (change.version, change.batches_in, change.batches_out, change.rows) == (5, 2, 0, 300)
    restore(ledger, 4)
    assert held(ledger) == {("c", 1)}
    assert restore(ledger, 4).made is False


def test_a_batch_that_is_not_a_member_can_not_be_quarantined(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0), outcome("b", 1, rejected=True))
    with pytest.raises(UnusableInputError, match="batch b is not in the dataset now"):
        quarantine(ledger, "a", "b")
    assert held(ledger) == {("a", 1)}, "all or nothing"


OLD = {"source_id": "old", "source_time": "2026-11-01T00:00:00+00:00"}
NEW = {"source_id": "new", "source_time": "2026-11-09T00:00:00+00:00", "batch_count": 2, "replaces": "old"}


def test_the_old_workbook_leaves_in_the_version_in_which_the_new_one_is_whole(ledger: Ledger) -> None:
    put(ledger, outcome("o1", 0, **OLD), outcome("o2", 1, **OLD), outcome("x", 2))
    put(ledger, outcome("n1", 3, **NEW))
    assert held(ledger) == {("o1", 1), ("o2", 1), ("x", 1), ("n1", 1)}
    put(ledger, outcome("n2", 4, **NEW, rows=7))
    assert held(ledger) == {("x", 1), ("n1", 1), ("n2", 1)}
    with ledger.transaction() as connection:
        found = queries.version(connection, 5)
    assert (found["kind"], found["rows"], found["batch_rows"]) == ("append", 207, 7)
    restore(ledger, 3)
    assert held(ledger) == {("o1", 1), ("o2", 1), ("x", 1)}


def test_the_new_workbook_is_not_whole_before_its_rejected_batch_is_repaired(ledger: Ledger) -> None:
    put(ledger, outcome("o1", 0, **OLD))
    put(ledger, outcome("n1", 1, **NEW), outcome("n2", 2, rejected=True, **NEW))
    assert ("o1", 1) in held(ledger)
    attempt = plan(ledger, "n2", "replay", b"repaired")
    put(ledger, outcome("n2", 3, attempt=attempt, value=b"repaired", **NEW))
    assert held(ledger) == {("n1", 1), ("n2", attempt)}


def test_a_letter_of_a_replaced_workbook_replayed_late_does_not_bring_dropped_rows_back(ledger: Ledger) -> None:
    put(ledger, outcome("o1", 0, **OLD), outcome("o2", 1, rejected=True, **OLD))
    put(ledger, outcome("n1", 2, **NEW), outcome("n2", 3, **NEW))
    attempt = plan(ledger, "o2", "replay", b"repaired")
    assert put(ledger, outcome("o2", 4, attempt=attempt, value=b"repaired", **OLD)).not_members == 1
    assert held(ledger) == {("n1", 1), ("n2", 1)}


def test_the_old_workbook_may_come_after_the_one_that_replaces_it_and_adds_nothing(ledger: Ledger) -> None:
    put(ledger, outcome("n1", 0, **NEW), outcome("n2", 1, **NEW))
    assert put(ledger, outcome("o1", 2, **OLD)).not_members == 1
    assert held(ledger) == {("n1", 1), ("n2", 1)}


def test_a_workbook_that_is_whole_already_takes_the_old_one_out_when_it_is_sent_again(ledger: Ledger) -> None:
    plain = {**NEW, "replaces": ""}
    put(ledger, outcome("o1", 0, **OLD), outcome("n1", 1, **plain), outcome("n2", 2, **plain))
    put(ledger, outcome("n1", 3, **NEW), outcome("n2", 4, **NEW))
    assert held(ledger) == {("n1", 1), ("n2", 1)}
    assert newest(ledger) == 4, "one version, although both of its batches came again"


def test_all_of_it_in_one_group_is_the_same_as_one_by_one(ledger: Ledger) -> None:
    story = (
        outcome("o1", 0, **OLD),
        outcome("n1", 1, **NEW),
        outcome("o2", 2, **OLD),
        outcome("n2", 3, **NEW),
        outcome("o3", 4, **OLD),
    )
    put(ledger, *story)
    assert [held(ledger, version) for version in range(1, newest(ledger) + 1)] == [
        {("o1", 1)},
        {("o1", 1), ("n1", 1)},
        {("o1", 1), ("n1", 1), ("o2", 1)},
        {("n1", 1), ("n2", 1)},
    ]


def test_a_batch_reprocessed_in_the_group_that_completes_its_replacement_leaves_with_its_rows_once(
    ledger: Ledger,
) -> None:
    put(ledger, outcome("a", 0, source_id="old", batch_count=1, rows=10))
    attempt = plan(ledger, "a", "reprocess")
    put(
        ledger,
        outcome("a", 1, attempt=attempt, source_id="old", batch_count=1, rows=10),
        outcome("n", 2, source_id="new", batch_count=1, replaces="old", rows=7),
    )
    with ledger.transaction() as connection:
        dataset = queries.dataset(connection)
    assert (held(ledger), dataset["rows"], dataset["bytes"]) == ({("n", 1)}, 7, len(b"value"))


def test_a_reprocess_numbered_before_its_workbook_was_replaced_never_becomes_a_member(ledger: Ledger) -> None:
    put(ledger, outcome("o1", 0, **OLD), outcome("o2", 1, **OLD), outcome("n1", 2, **NEW))
    quarantine(ledger, "o1")
    before = plan(ledger, "o1", "reprocess")
    put(ledger, outcome("n2", 3, **NEW))
    assert put(ledger, outcome("o1", 4, attempt=before, **OLD)).not_members == 1
    assert held(ledger) == {("n1", 1), ("n2", 1)}
    after = plan(ledger, "o1", "reprocess")
    put(ledger, outcome("o1", 5, attempt=after, **OLD))
    assert held(ledger) == {("n1", 1), ("n2", 1), ("o1", after)}, "who asks for it now knows that it was replaced"


def test_nor_does_one_of_a_workbook_that_is_replaced_by_one_sent_again_or_by_a_restore(ledger: Ledger) -> None:
    plain = {**NEW, "replaces": ""}
    put(ledger, outcome("o1", 0, **OLD), outcome("n1", 1, **plain), outcome("n2", 2, **plain), outcome("x", 6))
    quarantine(ledger, "o1")
    before = plan(ledger, "o1", "reprocess")
    put(ledger, outcome("n1", 3, **NEW))
    assert put(ledger, outcome("o1", 4, attempt=before, **OLD)).not_members == 1
    replaced = newest(ledger)
    restore(ledger, 3)
    quarantine(ledger, "o1")
    again = plan(ledger, "o1", "reprocess")
    restore(ledger, replaced)
    assert put(ledger, outcome("o1", 5, attempt=again, **OLD)).not_members == 1
    assert held(ledger) == {("n1", 1), ("n2", 1), ("x", 1)}


def test_a_replacement_that_a_restore_has_undone_stays_undone_until_it_is_asked_for_again(ledger: Ledger) -> None:
    put(ledger, outcome("o1", 0, **OLD), outcome("n1", 1, **NEW), outcome("n2", 2, **NEW))
    restore(ledger, 2)
    again = plan(ledger, "n2", "reprocess")
    put(ledger, outcome("n1", 1, **NEW), outcome("n2", 3, attempt=again, **NEW))
    assert held(ledger) == {("o1", 1), ("n1", 1), ("n2", again)}, "neither a reprocess nor a redelivery asks for it"
    put(ledger, outcome("n1", 4, **NEW))
    assert held(ledger) == {("n1", 1), ("n2", again)}


def test_a_batch_whose_reprocess_was_rejected_counts_as_what_is_in_the_dataset(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0), outcome("b", 1, rejected=True), outcome("c", 2))
    put(ledger, outcome("a", 3, attempt=plan(ledger, "a", "reprocess"), rejected=True))
    put(ledger, outcome("b", 4, attempt=plan(ledger, "b", "replay"), rejected=True))
    quarantine(ledger, "c")
    put(ledger, outcome("c", 5, attempt=plan(ledger, "c", "reprocess"), rejected=True))
    with ledger.transaction() as connection:
        found = queries.fates(connection, ["a", "b", "c"])
    became = [(row["batch_id"], row["attempt"], row["verdict"]) for row in found]
    assert became == [("a", 1, "accepted"), ("b", 2, "rejected"), ("c", 2, "rejected")]
