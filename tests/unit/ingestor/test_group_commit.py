"""The group commit: files before outcomes, repeated without writing twice, and nothing at all without reference tables."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from acidwatch.archive.groupfile import read_findings, read_manifest, read_raw
from acidwatch.archive.memory import MemoryStore
from acidwatch.contract.outcome import Outcome
from acidwatch.errors import DependencyAwayError
from acidwatch.telemetry.health import Health
from services.ingestor.commit import GroupCommit, received
from services.ingestor.flood import FloodGuard
from services.ingestor.reference import ReferenceWatch
from services.ingestor.settings import IngestorSettings
from tests.support.whole_groups import WholeGroups
from tests.unit.ingestor.conftest import NOW, RecordingSender, load_reference
from tests.unit.ingestor.test_judge_group import BAD, GOOD
from tests.unit.ingestor.test_judge_group import received as make_received


def event(offset: int, value: bytes | None = GOOD, **headers: Any) -> Any:
    """A Faust event."""
    record = make_received(offset, value, **headers)
    message = SimpleNamespace(
        topic=record.origin.topic, partition=record.origin.partition, offset=offset, timestamp=record.origin.timestamp_ms / 1000,
        key=record.key, value=value, headers=list(record.headers),
    )  # fmt: skip
    return SimpleNamespace(message=message)


def commit_of(
    store: MemoryStore,
    sender: RecordingSender,
    health: Health | None = None,
    now: Callable[[], datetime] = lambda: NOW,
    **settings: Any,
) -> WholeGroups:
    """All steps of a commit of an ingestor with these settings that looks at control files and reference versions each time."""
    health = health or Health("ingestor")
    given = {
        "kafka_bootstrap": "127.0.0.1:1",
        "hdfs_url": "http://127.0.0.1:1",
        "reference_check_seconds": 0.0,
    } | settings
    guard = FloodGuard(store, IngestorSettings(_env_file=None, **given), lambda: NOW, health)
    reference = ReferenceWatch(store, 0.0, health)
    return WholeGroups(GroupCommit(store, sender, reference, guard, "outcomes", now, health))  # type: ignore[arg-type]


def written(store: MemoryStore) -> dict[str, bytes]:
    """Zone to the only file in it."""
    found = {path.split("/")[0]: data for path, data in store.files.items() if not path.startswith("reference/")}
    assert len(found) == sum(not path.startswith("reference/") for path in store.files)
    return found


def test_a_group_becomes_files_and_then_one_outcome_for_each_record(
    store: MemoryStore, sender: RecordingSender
) -> None:
    events = [event(1), event(2, BAD, batch_id="b-2"), event(3)]
    asyncio.run(commit_of(store, sender)(events))
    files = written(store)
    assert sorted(files) == ["clean", "quarantine", "raw"]
    (records, before), = sender.calls  # fmt: skip
    assert before == frozenset(store.files), "every file was there before the first outcome was sent"
    assert [record.key for record in records] == [b"b-1", b"b-2", b"b-1"]
    assert {record.topic for record in records} == {"outcomes"}
    assert dict(records[1].headers)["ce_type"] == b"org.acidwatch.outcome.v1"
    outcomes = [Outcome.decode(record.value or b"") for record in records]
    assert [[file.zone for file in outcome.files] for outcome in outcomes] == [
        ["raw", "clean"], ["raw", "quarantine"], ["raw", "clean"],
    ]  # fmt: skip
    for outcome in outcomes:
        for file in outcome.files:
            assert len(store.files[file.path]) == file.bytes


def test_the_files_hold_every_record_each_accepted_row_once_and_all_findings(
    store: MemoryStore, sender: RecordingSender
) -> None:
    events = [event(1), event(2, BAD, batch_id="b-2"), event(3), event(4, BAD, batch_id="b-2")]
    asyncio.run(commit_of(store, sender)(events))
    files = written(store)
    assert [(record.origin.offset, record.value) for record in read_raw(files["raw"])] == [
        (1, GOOD),
        (2, BAD),
        (3, GOOD),
        (4, BAD),
    ]
    assert [(batch_id, finding.rule) for batch_id, _, finding in read_findings(files["quarantine"])] == [
        ("b-2", "domain.SAMPLE_TYPE")
    ]
    manifests = {zone: read_manifest(data) for zone, data in files.items()}
    offsets = {zone: [entry["origin"]["offset"] for entry in found["outcomes"]] for zone, found in manifests.items()}
    assert offsets == {"raw": [1, 2, 3, 4], "clean": [1, 3], "quarantine": [2, 4]}
    paths = {path.split("/")[0]: path for path in store.files if not path.startswith("reference/")}
    assert all(found["files"] == paths for found in manifests.values())
    assert "findings" in manifests["raw"]["outcomes"][0]


@pytest.mark.parametrize(
    ("value", "zones"), [(GOOD, ["clean", "raw"]), (BAD, ["quarantine", "raw"]), (None, ["quarantine", "raw"])]
)
def test_a_zone_without_batches_gets_no_file(
    store: MemoryStore, sender: RecordingSender, value: bytes | None, zones: list[str]
) -> None:
    asyncio.run(commit_of(store, sender)([event(1, value)]))
    assert sorted(written(store)) == zones


def test_repeating_a_group_after_a_failed_send_writes_no_file_again(
    store: MemoryStore, sender: RecordingSender
) -> None:
    async def scenario() -> None:
        announce = await commit_of(store, sender).steps([event(1)])
        sender.failures = 2
        for _ in range(2):
            with pytest.raises(DependencyAwayError, match="Kafka is away"):
                await announce()
        await announce()

    asyncio.run(scenario())
    assert len(written(store)) == 2
    assert [records for records, _ in sender.calls] == [sender.records] * 3, "the same outcomes each time"


def test_the_next_group_is_written_anew_even_when_it_holds_the_same_records(
    store: MemoryStore, sender: RecordingSender
) -> None:
    async def scenario() -> None:
        commit = commit_of(store, sender)
        await commit([event(1)])
        await commit([event(1)])

    asyncio.run(scenario())
    assert sum(path.startswith("raw/") for path in store.files) == 2


def test_a_clock_that_jumps_gives_every_group_files_of_its_own_and_the_same_verdicts(
    store: MemoryStore, sender: RecordingSender
) -> None:
    # It jumps back between judging and writing, stands still, and jumps ahead.
    clock = iter([NOW, NOW - timedelta(days=400), NOW, NOW, NOW + timedelta(days=400), NOW])

    async def scenario() -> None:
        commit = commit_of(store, sender, now=lambda: next(clock))
        for _ in range(3):
            await commit([event(1), event(2, BAD, batch_id="b-2")])

    asyncio.run(scenario())
    outcomes = [Outcome.decode(record.value or b"") for records, _ in sender.calls for record in records]
    paths = [file.path for outcome in outcomes for file in outcome.files if file.zone != "raw"]
    assert len(paths) == len(set(paths)) == 6
    assert all(path in store.files for path in paths)
    assert [outcome.verdict for outcome in outcomes] == ["accepted", "rejected"] * 3


def test_a_failed_write_sends_nothing_and_the_repetition_has_other_names(
    sender: RecordingSender, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, refused = store.publish, []

    def away_once(path: str, data: bytes) -> str:
        if path.startswith("clean/") and not refused:
            refused.append(path)
            raise DependencyAwayError("HDFS", "http://nowhere", "no answer")
        return publish(path, data)

    monkeypatch.setattr(store, "publish", away_once)

    async def scenario() -> None:
        commit, events = commit_of(store, sender), [event(1)]
        with pytest.raises(DependencyAwayError, match="HDFS is away"):
            await commit(events)
        assert sender.calls == []
        await commit(events)

    asyncio.run(scenario())
    (outcome,) = (Outcome.decode(record.value or b"") for record in sender.records)
    names = {file.path.split("/")[-1] for file in outcome.files}
    assert len(names) == 1
    assert names.isdisjoint({refused[0].split("/")[-1]})


def test_without_reference_tables_nothing_is_judged_written_or_sent() -> None:
    store = MemoryStore()
    sender, health = RecordingSender(store), Health("ingestor")
    commit, events = commit_of(store, sender, health), [event(1)]

    async def scenario() -> None:
        with pytest.raises(DependencyAwayError, match="none loaded yet; load them with: acidwatch reference load"):
            await commit(events)
        assert (store.files, sender.calls) == ({}, [])
        load_reference(store)
        await commit(events)

    asyncio.run(scenario())
    (outcome,) = (Outcome.decode(record.value or b"") for record in sender.records)
    assert (outcome.verdict, outcome.reference_version) == ("accepted", 1)


def test_a_new_reference_version_is_picked_up_between_groups(store: MemoryStore, sender: RecordingSender) -> None:
    async def scenario() -> list[tuple[str, int]]:
        commit, found = commit_of(store, sender), []
        for sites in ((), (("LTM_ME", "77"),)):
            if sites:
                load_reference(store, *sites)
            await commit([event(1)])
            outcome = Outcome.decode(sender.records[0].value or b"")
            found.append((outcome.verdict, outcome.reference_version))
        return found

    assert asyncio.run(scenario()) == [("accepted", 1), ("rejected", 2)]


def test_reference_versions_are_looked_for_only_so_often() -> None:
    store = MemoryStore()
    load_reference(store)

    async def scenario() -> list[int]:
        watch = ReferenceWatch(store, 3600.0, Health("ingestor"))
        versions = [(await watch.current()).version]
        load_reference(store, ("LTM_ME", "77"))
        return [*versions, (await watch.current()).version]

    assert asyncio.run(scenario()) == [1, 1]


@pytest.mark.parametrize("milliseconds", [0, 1, 1_715_988_600_123, 4_102_444_799_999])
def test_kafkas_milliseconds_survive_fausts_seconds(milliseconds: int) -> None:
    faust = event(1)
    faust.message.timestamp = milliseconds / 1000.0
    assert received(faust).origin.timestamp_ms == milliseconds


def test_a_record_without_headers_or_timestamp_is_received() -> None:
    faust = event(1, None)
    faust.message.headers = faust.message.timestamp = faust.message.key = None
    record = received(faust)
    assert (record.headers, record.origin.timestamp_ms, record.key, record.value) == ((), 0, None, None)
