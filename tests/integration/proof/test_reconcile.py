"""Reconcile names each difference between topic, raw/ and ledger, and takes nothing that is on its way for lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from acidwatch.archive.groupfile import read_raw as raw_records
from acidwatch.archive.memory import MemoryStore
from acidwatch.broker.scan import Range
from acidwatch.contract.batch import Origin, value_digest
from acidwatch.contract.headers import read_headers
from acidwatch.proof.gc import find, remove
from acidwatch.proof.places import Gap, Places, TopicRecord, list_files, read_ledger, read_raw
from acidwatch.proof.reconcile import Reconciled, SourceCounts, reconcile
from services.versioner.reruns import Reruns
from tests.support.archived import TOPIC, History, Sent, Topic, sha256
from tests.support.deployment import Deployment

A, B, BAD = Sent("a"), Sent("b", index=1, year=2000), Sent("c", source="pond", good=False)


def topic_of(history: History) -> dict[Origin, TopicRecord]:
    """The topic as it was when all that is in raw/ now was sent."""
    found = {}
    for file in history.store.walk("raw"):
        for record in raw_records(history.store.read(file.path)):
            headers = read_headers(record.headers)
            found[record.origin] = TopicRecord(
                headers.source_id or "", headers.source or "", value_digest(record.value)
            )  # fmt: skip
    return found


def places_of(history: History, topic: dict[Origin, TopicRecord] | None = None, *, outcomes_left: int = 0) -> Places:
    places = Places(TOPIC, outcomes_left=outcomes_left)
    places.on_topic = topic_of(history) if topic is None else topic
    end = max((origin.offset + 1 for origin in places.on_topic), default=0)
    places.held, places.committed = Range({0: 0}, {0: end}), {0: end}
    read_raw(history.store, places)
    read_ledger(history.ledger, places)
    list_files(history.store, places)
    return places


def kinds(found: Reconciled) -> list[tuple[str, str]]:
    return [(fault.subject, fault.kind) for fault in found.differences]


def compare(history: History, places: Places | None = None) -> Reconciled:
    return reconcile(places or places_of(history), history.store)


@pytest.fixture
def filled(history: History) -> History:
    history.commit(A, B, BAD, A)
    return history


def change(deployment: Deployment, statement: str) -> None:
    with psycopg.connect(deployment.database_url) as connection:
        connection.execute(statement)


def test_each_source_has_its_own_sum(filled: History) -> None:
    found = compare(filled)
    assert found.differences == []
    assert found.sources == [
        SourceCounts("lake.xlsx", sha256("lake"), sent=3, archived=3, accepted=2, duplicate=1),
        SourceCounts("pond.xlsx", sha256("pond"), sent=1, archived=1, rejected=1),
    ]


def test_what_is_not_acknowledged_is_in_flight_and_not_lost(filled: History) -> None:
    judged = filled.judge(Sent("d", index=3, year=2010))
    places = places_of(filled)
    places.committed = {0: 4}
    ahead = Origin(TOPIC, 0, 5, 1)
    places.on_topic[ahead] = TopicRecord(sha256("lake"), "lake.xlsx", "00")
    found = compare(filled, places)
    assert (found.differences, found.lost) == ([], [])
    assert [(source.in_flight, source.archived) for source in found.sources] == [(2, 4), (0, 1)]
    filled.record(judged)
    assert compare(filled).differences == []


def test_while_the_versioner_is_late_lost_is_not_told_from_in_flight_and_that_is_said(filled: History) -> None:
    assert compare(filled, places_of(filled, outcomes_left=3)).differences == [], "everything is recorded all the same"
    judged = filled.judge(Sent("d", index=3, year=2010))
    found = compare(filled, places_of(filled, outcomes_left=3))
    assert (kinds(found), found.lost) == ([("versioner", "undecided")], [])
    assert found.sources[0].in_flight == 1
    assert found.differences[0].message.startswith(
        "outcomes that it has yet to record: 3; records of raw/ that the ledger lacks: 1; lost can't be told"
    )
    filled.record(judged)
    assert compare(filled).differences == []


def test_an_outcome_that_never_came_is_lost_and_can_be_sent_again(filled: History) -> None:
    judged = filled.judge(Sent("d", index=3, year=2010))
    found = compare(filled)
    assert kinds(found) == [(f"record {judged[0].origin}", "lost-outcome"), ("source lake.xlsx", "sum")]
    (((file, outcome),),) = found.lost
    assert (outcome.batch_id, file.path) == ("d", judged[0].files[0].path)


def test_a_record_that_the_ingestor_acknowledged_and_raw_lacks_is_named(filled: History) -> None:
    topic = topic_of(filled) | {Origin(TOPIC, 0, 4, 1): TopicRecord(sha256("lake"), "lake.xlsx", "00")}
    assert kinds(compare(filled, places_of(filled, topic))) == [
        (f"record {TOPIC}/0@4", "not-in-raw"),
        ("source lake.xlsx", "sum"),
    ]


def test_records_that_retention_removed_from_the_topic_are_taken_from_raw(filled: History) -> None:
    topic = {origin: record for origin, record in topic_of(filled).items() if origin.offset >= 2}
    places = places_of(filled, topic)
    places.held = Range({0: 2}, {0: 4})
    found = compare(filled, places)
    assert found.differences == []
    assert [source.sent for source in found.sources] == [3, 1]


def test_a_topic_made_anew_is_no_difference_and_a_hole_in_it_is(filled: History) -> None:
    anew = {Origin(TOPIC, 0, offset, 9): TopicRecord("new", "new.xlsx", "00") for offset in (0, 1)}
    places = places_of(filled, anew)
    places.held, places.committed = Range({0: 0}, {0: 3}), {0: 0}
    assert kinds(compare(filled, places)) == [(f"record {TOPIC}/0@2", "not-on-topic")]


def test_a_file_of_raw_that_is_gone_is_named_with_its_records(filled: History, store: MemoryStore) -> None:
    topic = topic_of(filled)
    path = next(path for path in store.files if path.startswith("raw/"))
    del store.files[path]
    found = kinds(compare(filled, places_of(filled, topic)))
    assert found == [*((f"record {TOPIC}/0@{offset}", "not-in-raw") for offset in range(4)), (path, "missing")]


def test_a_file_of_raw_whose_manifest_is_damaged_is_named(filled: History, store: MemoryStore) -> None:
    topic = topic_of(filled)
    path = next(path for path in store.files if path.startswith("raw/"))
    store.files[path] = store.files[path][:-1]
    assert (path, "unreadable") in kinds(compare(filled, places_of(filled, topic)))


def test_a_clean_file_that_is_gone_is_named(filled: History, store: MemoryStore) -> None:
    path = next(path for path in store.files if path.startswith("clean/"))
    del store.files[path]
    assert kinds(compare(filled)) == [(path, "missing")]


def test_a_file_that_came_while_the_places_were_read_is_no_difference(filled: History) -> None:
    before = places_of(filled)
    filled.commit(Sent("d", index=3, year=2010))
    after = places_of(filled)
    after.in_raw, after.listed = before.in_raw, after.listed
    found = compare(filled, after)
    assert (found.differences, found.sources[0].archived) == ([], 4)


def test_a_twin_left_by_a_crash_is_no_difference(filled: History) -> None:
    filled.offset = 0
    filled.judge(A, B, BAD, A)  # the ingestor was killed before it acknowledged, and reads the same records again
    filled.offset = 4
    assert compare(filled).differences == []


@pytest.mark.parametrize(
    ("statement", "subject", "kind"),
    [
        ("UPDATE ledger.datasets SET accepted = 9", "dataset", "accepted"),
        ("UPDATE ledger.datasets SET newest_version = 1", "dataset", "newest_version"),
        ("UPDATE ledger.attempts SET verdict = 'rejected' WHERE batch_id = 'b'", f"record {TOPIC}/0@1", "verdict"),
        ("UPDATE ledger.attempts SET value_sha256 = '00' WHERE batch_id = 'b'", f"record {TOPIC}/0@1", "bytes"),
        ("UPDATE ledger.deliveries SET batch_id = 'a' WHERE batch_id = 'b'", f"record {TOPIC}/0@1", "identity"),
        ("DELETE FROM ledger.deliveries WHERE batch_id = 'b'", f"record {TOPIC}/0@1", "lost-outcome"),
        ("INSERT INTO ledger.deliveries SELECT topic, 0, 99, 1, batch_id, attempt, 'duplicate', raw_file_id FROM ledger.deliveries LIMIT 1",
         f"record {TOPIC}/0@99", "not-in-raw"),
    ],
)  # fmt: skip
def test_what_the_ledger_says_otherwise_is_named(
    filled: History, deployment: Deployment, statement: str, subject: str, kind: str
) -> None:
    change(deployment, statement)
    assert (subject, kind) in kinds(compare(filled))


def test_other_bytes_on_the_topic_than_in_raw_are_named(filled: History) -> None:
    topic = topic_of(filled)
    origin = next(iter(topic))
    topic[origin] = TopicRecord(topic[origin].source_id, topic[origin].source, "00")
    assert kinds(compare(filled, places_of(filled, topic))) == [(f"record {origin}", "bytes")]


def test_a_conflict_is_recorded_under_an_id_of_its_own_and_is_no_difference(filled: History) -> None:
    filled.commit(Sent("a", rows=6))
    found = compare(filled)
    assert (found.differences, found.sources[0].rejected) == ([], 1)


def test_records_that_were_removed_before_they_were_read_are_named(filled: History) -> None:
    places = places_of(filled)
    places.gaps = [Gap("water-quality.outcomes", 1, 5, 8)]
    (fault,) = compare(filled, places).differences
    assert (fault.subject, fault.message) == (
        "water-quality.outcomes/1",
        "records 5 to 7 were removed before they were read",
    )


def rerun(history: History, most_bytes: int) -> Topic:
    """Let gc remove the file of a judged batch before its outcome is recorded, and the versioner send the record again."""
    outcomes = history.judge(Sent("d", index=3, year=2010))
    later = datetime.now(UTC) + timedelta(days=30)
    remove(history.store, history.ledger, find(history.store, history.ledger, later, timedelta()), "ann", "tidy")
    assert history.record(outcomes).reruns == 1
    topic = Topic()
    reruns = Reruns(history.ledger, history.store, topic, TOPIC, most_bytes)  # type: ignore[arg-type]
    assert asyncio.run(reruns.send_left(0)) == 1
    return topic


def test_a_record_that_was_sent_to_be_judged_again_is_on_its_way_until_it_is_recorded(filled: History) -> None:
    (again,) = rerun(filled, 1_000_000).records
    places = places_of(filled)
    sent = Origin(TOPIC, 0, filled.offset, 1)
    places.on_topic[sent] = TopicRecord(sha256("lake"), "lake.xlsx", value_digest(again.value))
    found = compare(filled, places)
    assert (found.differences, found.sources[0].rerun, found.sources[0].in_flight) == ([], 1, 1)
    filled.commit(Sent("d", index=3, year=2010))
    assert compare(filled).differences == []


def test_a_record_that_could_not_be_sent_to_be_judged_again_is_named(filled: History) -> None:
    assert rerun(filled, 10).records == []
    found = compare(filled)
    assert kinds(found) == [(f"record {TOPIC}/0@4", "rerun-lost")]
    assert found.differences[0].message.startswith("batch d attempt 1 was to be judged again, and nothing came of it")
    filled.commit(Sent("d", index=3, year=2010))  # the laboratory sends it again
    assert compare(filled).differences == []
