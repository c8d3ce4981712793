"""Database and backups gone: the dataset's content comes again from raw/ and the journal, whatever its history was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from acidwatch.archive.memory import MemoryStore
from acidwatch.ledger import changes, tags
from acidwatch.ledger.audit import note
from acidwatch.ledger.connection import Ledger
from acidwatch.proof.backup import backup
from acidwatch.proof.gc import find, remove
from acidwatch.proof.newer import Newer, newer_than_ledger
from acidwatch.proof.order import before_each
from acidwatch.proof.rebuild import Rebuilt, rebuild
from acidwatch.proof.restore import choose, restore
from acidwatch.proof.verify import verify
from acidwatch.settings import PostgresSettings
from tests.integration.proof.test_gc import HOUR, LATER
from tests.support.archived import History, Sent, empty
from tests.support.deployment import Deployment

A, B, C = Sent("a"), Sent("b", index=1, year=2000), Sent("c", index=2, good=False)


def again(store: MemoryStore, ledger: Ledger) -> Rebuilt:
    return rebuild(store, ledger, newer_than_ledger(store, ledger), lambda done, total: None)


def content(history: History) -> dict[str, Any]:
    """What a dataset is, but for numbers of versions and times."""
    members = history.query(
        "SELECT batch_id, attempt, rows, source_id FROM ledger.members((SELECT newest_version FROM ledger.datasets)) ORDER BY 1"
    )
    named: dict[str, list[Any]] = {}
    for row in history.query("SELECT tag, version FROM ledger.tags"):
        held = history.query("SELECT batch_id, attempt FROM ledger.members(%s) ORDER BY 1", row["version"])
        named[row["tag"]] = [(one["batch_id"], one["attempt"]) for one in held]
    return {
        "members": members,
        "dataset": history.query("SELECT rows, bytes, accepted, rejected, duplicates FROM ledger.datasets"),
        "letters": history.query(
            "SELECT batch_id, state, attempt, failures, reason, message FROM ledger.dead_letters ORDER BY 1"
        ),
        "attempts": history.query("SELECT batch_id, attempt, verdict FROM ledger.attempts ORDER BY 1, 2"),
        "deliveries": history.query('SELECT "offset", batch_id, attempt, kind FROM ledger.deliveries ORDER BY 1'),
        "replaced": history.query(
            "SELECT source_id, replaced_by FROM ledger.replacements WHERE to_version IS NULL ORDER BY 1"
        ),
        "plans": history.query(
            "SELECT batch_id, attempt, kind, value_sha256 FROM ledger.planned_attempts ORDER BY 1, 2"
        ),
        "tags": named,
        "audit": history.query("SELECT audit_id, at, author, action, message FROM ledger.audit ORDER BY 1"),
    }


def check_equal(history: History, other: Ledger) -> Rebuilt:
    """Rebuild into the second database, and compare."""
    history.publish_letters()
    history.flush()
    second = History(history.store, other, history.offset)
    done = again(history.store, other)  # type: ignore[arg-type]
    second.publish_letters()
    assert content(second) == content(history)
    assert verify(second.store, other, None, lambda done, total: None).faults == []
    assert done.remarks == []
    return done


def change(history: History, what: str, *arguments: Any) -> None:
    with history.ledger.transaction() as connection:
        getattr(changes, what)(connection, *arguments, f"{what} it", "ann")


def tag(history: History, name: str, version: int) -> None:
    with history.ledger.transaction() as connection:
        tags.tag(connection, name, version, "", "ann", move=True)


def newest(history: History) -> int:
    return int(history.query("SELECT newest_version AS n FROM ledger.datasets")[0]["n"])


def test_a_history_of_everything_that_can_happen_comes_out_equal(history: History, other: Ledger) -> None:
    history.commit(A, B, C)
    history.commit(A, Sent("b", rows=6))  # a duplicate, and a conflict
    history.publish_letters()
    tag(history, "first", 2)
    change(history, "quarantine", ["a"])
    history.commit(history.again("replay", C))  # rejected again
    history.publish_letters()
    history.commit(history.again("replay", C, good=True))
    history.commit(history.again("reprocess", B))
    before_replacement = newest(history)
    history.commit(Sent("n0", source="lake v2", count=2, replaces="lake", year=2010))
    history.commit(Sent("n1", source="lake v2", index=1, count=2, replaces="lake", year=2015))
    tag(history, "replaced", newest(history))
    change(history, "restore", before_replacement)
    history.commit(Sent("d", index=3, year=2020))  # of the source that is replaced no longer
    change(history, "restore", 2)
    history.commit(history.again("reprocess", A))
    history.commit(Sent("e", source="pond", good=False), Sent("f", source="pond", index=1, good=False))
    history.publish_letters()
    with history.ledger.transaction() as connection:
        connection.execute("UPDATE ledger.dead_letters SET state = 'parked' WHERE batch_id = 'e'")
        note(connection, "ann", "park", "ask the lab", {"batches": ["e"]})
        tags.untag(connection, "replaced", "", "ann")
    history.again("replay", Sent("f", source="pond", good=False))  # numbered, and not sent yet
    done = check_equal(history, other)
    assert (done.records, done.entries, done.version) == (14, 12, newest(history))


def test_versions_made_by_people_say_which_ones_they_were(history: History, other: Ledger) -> None:
    history.commit(A, B)
    change(history, "quarantine", ["a"])
    check_equal(history, other)
    (made,) = History(history.store, other).query(
        "SELECT kind, author, message, details FROM ledger.versions WHERE version = 3"
    )
    assert (made["kind"], made["author"], made["message"]) == ("quarantine", "ann", "quarantine it")
    assert made["details"] == {"batches_in": 0, "batches_out": 1, "was_version": 3}


def test_an_attempt_numbered_before_its_batch_was_taken_out_stays_out(history: History, other: Ledger) -> None:
    history.commit(A, B)
    late = history.judge(history.again("reprocess", A))
    change(history, "quarantine", ["a"])
    history.record(late)
    assert [row["batch_id"] for row in content(history)["members"]] == ["b"]
    check_equal(history, other)


def test_an_attempt_that_was_judged_before_and_recorded_after_a_restore_changes_nothing(
    history: History, other: Ledger
) -> None:
    history.commit(A, B)
    change(history, "quarantine", ["a"])
    late = history.judge(history.again("reprocess", A))
    change(history, "restore", 2)
    history.record(late)
    assert [(row["batch_id"], row["attempt"]) for row in content(history)["members"]] == [("a", 1), ("b", 1)]
    history.publish_letters()
    history.flush()
    again(history.store, other)  # type: ignore[arg-type]
    second = History(history.store, other)
    assert content(second)["members"] == content(history)["members"]


def test_a_clock_of_the_ingestor_that_is_ahead_does_not_put_effects_before_causes(history: History) -> None:
    """Records that entries name come before them, numbered attempts after their number, whatever the clocks say."""
    history.commit(A)
    change(history, "quarantine", ["a"])
    history.commit(history.again("reprocess", A))
    history.flush()
    newer = _of_an_empty_ledger(history)
    ahead = [replace(one, outcome=replace(one.outcome, judged_at="2099-01-01T00:00:00+00:00")) for one in newer.records]
    behind = [
        replace(one, outcome=replace(one.outcome, judged_at="1999-01-01T00:00:00+00:00")) for one in newer.records
    ]
    for records in (ahead, behind, newer.records):
        slots = [
            [(one.outcome.batch_id, one.outcome.attempt) for one in slot]
            for slot in before_each(records, newer.entries)
        ]
        assert slots == [[("a", 1)], [], [("a", 2)]]


def _of_an_empty_ledger(history: History) -> Newer:
    """All that the archive has."""
    from acidwatch.archive.journal import read_journal
    from acidwatch.archive.manifests import RawFile, read_manifests
    from acidwatch.proof.newer import ArchivedRecord, datetime

    newer = Newer()
    for file in read_manifests(history.store):
        assert isinstance(file, RawFile)
        newer.records += [ArchivedRecord(file, n, one, file.files_of(one)) for n, one in enumerate(file.outcomes)]
    newer.records.sort(key=lambda one: one.judged_at)
    for entry in read_journal(history.store):
        assert isinstance(entry, dict)
        newer.entries.append({**entry, "at": datetime.fromisoformat(entry["at"])})
    return newer


def test_a_twin_that_a_crash_left_is_recorded_once_with_a_file_that_is_there(
    history: History, other: Ledger, store: MemoryStore
) -> None:
    history.judge(A, C)  # killed before the outcomes were sent
    history.offset = 0
    history.commit(A, C)
    history.publish_letters()
    gone = remove(store, history.ledger, find(store, history.ledger, LATER, HOUR), "ann", "tidy")
    assert len(gone) == 2
    check_equal(history, other)


def test_rows_that_compaction_moved_are_found_in_their_new_file(
    history: History, other: Ledger, store: MemoryStore
) -> None:
    history.commit(A, C)
    history.commit(B)
    history.compact()
    history.commit(replace(B, batch="d", index=3))
    history.compact()
    assert len(remove(store, history.ledger, find(store, history.ledger, LATER, HOUR), "ann", "tidy")) == 4
    done = check_equal(history, other)
    assert (done.accepted, done.reruns) == (3, 0)
    second = History(store, other, history.offset)
    second.compact()
    assert content(second)["members"] == content(history)["members"]


def test_a_compacted_file_that_is_damaged_is_told_and_its_batches_are_judged_again(
    history: History, other: Ledger, store: MemoryStore
) -> None:
    history.commit(A)
    history.commit(B)
    (path,) = history.compact().written
    remove(store, history.ledger, find(store, history.ledger, LATER, HOUR), "ann", "tidy")
    store.files[path] = store.files[path][:-1]
    newer = newer_than_ledger(store, other)
    assert [path in told for told in newer.damaged] == [True]
    assert rebuild(store, other, newer, lambda done, total: None).reruns == 2


def test_a_batch_that_a_person_took_out_and_whose_rows_are_lost_is_told_to_come_back(
    history: History, other: Ledger, store: MemoryStore
) -> None:
    history.commit(B)
    history.commit(A)
    change(history, "quarantine", ["a"])
    history.flush()
    (path,) = (row["path"] for row in history.query("SELECT path FROM ledger.files f JOIN ledger.file_batches USING (file_id)"
                                                     " WHERE batch_id = 'a' AND f.zone = 'clean'"))  # fmt: skip
    del store.files[path]
    done = again(store, other)
    assert (done.reruns, done.version) == (1, 1)
    (remark,) = done.remarks
    assert "batch a was taken out, and comes back when it is judged again" in remark
    assert "acidwatch quarantine a --reason WHY" in remark


def test_the_version_that_is_told_is_the_newest_though_a_person_made_it(
    history: History, other: Ledger, store: MemoryStore
) -> None:
    history.commit(A, B)
    backup(store, history.ledger, LATER)
    change(history, "quarantine", ["a"])
    history.flush()
    restore(store, other, choose(store, None), force=False)
    done = again(store, other)
    assert (done.records, done.entries, done.version) == (0, 1, 3)


def test_a_record_whose_file_gc_removed_before_its_outcome_came_is_judged_again(
    history: History, other: Ledger, store: MemoryStore
) -> None:
    history.commit(B)
    late = history.judge(A)
    remove(store, history.ledger, find(store, history.ledger, LATER, HOUR), "ann", "tidy")
    done = again(store, other)
    assert (done.accepted, done.reruns) == (1, 1)
    second = History(store, other)
    assert [row["batch_id"] for row in second.query("SELECT batch_id FROM ledger.reruns WHERE sent_at IS NULL")] == [
        "a"
    ]
    assert second.record(late).redeliveries == 1


def test_what_came_after_a_backup_is_added_to_what_was_restored(
    history: History, other: Ledger, store: MemoryStore
) -> None:
    history.commit(A, B, C)
    history.publish_letters()
    tag(history, "first", 2)
    backup(store, history.ledger, LATER)
    change(history, "quarantine", ["a"])
    history.commit(history.again("replay", C, good=True))
    history.commit(Sent("d", index=3, year=2020))
    history.publish_letters()
    history.flush()
    restore(store, other, choose(store, None), force=False)
    done = check_equal(history, other)
    assert (done.records, done.entries, done.version) == (2, 2, 5)
    assert again(store, other).records == 0, "and nothing is left to add"


def test_a_tag_whose_version_can_not_be_found_again_is_told(
    history: History, other: Ledger, store: MemoryStore
) -> None:
    history.commit(A, B)
    tag(history, "first", 1)
    history.flush()
    raw = next(path for path in store.files if path.startswith("raw/"))
    del store.files[raw]
    done = again(store, other)
    assert done.remarks == ["entry 1 of the journal (tag): tag first named version 1; no version has these batches now"]


def test_a_damaged_manifest_is_told_and_the_others_are_recorded(
    history: History, other: Ledger, store: MemoryStore
) -> None:
    history.commit(A)
    history.commit(B)
    raw = next(path for path in store.files if path.startswith("raw/"))
    store.files[raw] = store.files[raw][:-1]
    newer = newer_than_ledger(store, other)
    assert [record.outcome.batch_id for record in newer.records] == ["b"]
    assert raw in newer.damaged[0]


def test_a_damaged_entry_of_the_journal_is_told_and_the_others_are_put_back(
    history: History, other: Ledger, store: MemoryStore
) -> None:
    history.commit(A, B)
    change(history, "quarantine", ["a"])
    change(history, "quarantine", ["b"])
    history.flush()
    store.files["journal/00000001.json"] = store.files["journal/00000001.json"].replace(b"quarantine", b"quarantime")
    newer = newer_than_ledger(store, other)
    assert len(newer.damaged) == 1 and "journal/00000001.json is damaged" in newer.damaged[0]
    assert rebuild(store, other, newer, lambda done, total: None).entries == 1
    assert [row["batch_id"] for row in content(History(store, other))["members"]] == ["a"]


BATCHES = [Sent(name, index=index, good=index % 3 != 2, year=1980 + 5 * index) for index, name in enumerate("abcdef")]
STEP = st.tuples(
    st.sampled_from(
        ["commit", "commit", "late", "replay", "reprocess", "quarantine", "restore", "tag", "replace", "compact"]
    ),
    st.integers(0, 99),
)


@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=st.lists(STEP, min_size=3, max_size=14))
def test_random_histories_come_out_equal(deployment: Deployment, other_url: str, steps: list[tuple[str, int]]) -> None:
    first, second = (
        Ledger(PostgresSettings(database_url=SecretStr(url))) for url in (deployment.database_url, other_url)
    )
    empty(deployment.database_url)
    empty(other_url)
    history = History(MemoryStore(), first)
    history.load_reference()
    try:
        for step, number in steps:
            _do(history, step, number)
            history.publish_letters()
        check_equal(history, second)
    finally:
        first.close()
        second.close()


def _do(history: History, step: str, number: int) -> None:
    """One step, if it is possible now."""
    one = BATCHES[number % len(BATCHES)]
    recorded = {row["batch_id"] for row in history.query("SELECT batch_id FROM ledger.batches")}
    members = {row["batch_id"] for row in content(history)["members"]}
    if step == "commit":
        history.commit(one, BATCHES[(number + 1) % len(BATCHES)])
    elif step == "late":
        history.record(history.judge(replace(one, source="other", batch=f"late{number}")))
    elif step == "replay" and one.batch in recorded and not one.good:
        history.commit(history.again("replay", one, good=number % 2 == 0))
    elif step == "reprocess" and one.batch in recorded and one.good:
        history.commit(history.again("reprocess", one, good=number % 4 != 0))
    elif step == "quarantine" and one.batch in members:
        change(history, "quarantine", [one.batch])
    elif step == "restore":
        change(history, "restore", number % (newest(history) + 1))
    elif step == "tag" and newest(history):
        tag(history, f"t{number % 2}", 1 + number % newest(history))
    elif step == "compact":
        history.compact()
        moved = {row["path"] for row in history.query("SELECT path FROM ledger.files WHERE moved_at IS NOT NULL")}
        garbage = [one for one in find(history.store, history.ledger, LATER, HOUR) if one.path in moved]
        remove(history.store, history.ledger, garbage, "ann", "tidy")
    elif step == "replace":
        history.commit(
            replace(one, batch=f"v{number}", source=f"lake {number}", count=1, index=0, good=True, replaces="lake")
        )
