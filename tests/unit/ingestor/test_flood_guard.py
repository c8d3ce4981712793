"""The flood guard around a group commit: what trips it, what it leaves behind, and how it lets go."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from acidwatch.archive.flood import Flood, newest_number, publish_flood, read_flood
from acidwatch.archive.memory import MemoryStore
from acidwatch.contract.columns import CONTRACT_VERSION
from acidwatch.contract.outcome import Outcome
from acidwatch.errors import DependencyAwayError, HeldError
from acidwatch.telemetry.health import Health
from tests.unit.ingestor.conftest import NOW, RecordingSender, load_reference
from tests.unit.ingestor.test_group_commit import commit_of, event
from tests.unit.ingestor.test_judge_group import BAD, GOOD

FOUR = {"flood_batches": 4, "flood_window_batches": 8}


def group(*ids: str, value: bytes = BAD, attempt: int = 1) -> list[Any]:
    return [event(number, value, batch_id=name, attempt=attempt) for number, name in enumerate(ids)]


def control(store: MemoryStore) -> Flood:
    return read_flood(store, newest_number(store))


def resume(store: MemoryStore, **more: Any) -> None:
    assert publish_flood(store, Flood(newest_number(store) + 1, "resumed", NOW.isoformat(), "ann", "mended", **more))


def archived(store: MemoryStore) -> int:
    return sum(path.startswith("raw/") for path in store.files)


def test_the_group_that_makes_a_flood_is_neither_archived_nor_sent_and_everything_is_paused(
    store: MemoryStore, sender: RecordingSender
) -> None:
    health = Health("ingestor")
    commit = commit_of(store, sender, health, **FOUR)

    async def scenario() -> None:
        await commit(group("a", "b", "c"))
        with pytest.raises(
            HeldError, match="4 of the last 4 first attempts were rejected, 4 of them by domain.SAMPLE_TYPE"
        ):
            await commit(group("d"))

    asyncio.run(scenario())
    assert (archived(store), len(sender.calls)) == (1, 1)
    state = control(store)
    assert (state.state, state.by, state.batches, state.rejected) == ("paused", "ingestor", 4, 4)
    assert (state.rules, state.sources) == ({"domain.SAMPLE_TYPE": 4}, {"s.xlsx": 4})
    assert (state.contract_version, state.reference_version) == (CONTRACT_VERSION, 1)
    assert len(state.examples) == 4
    assert state.examples[0].startswith("s.xlsx Sheet 1!")
    assert "domain.SAMPLE_TYPE: SAMPLE_TYPE is 'Monthly'" in state.examples[0]
    ready, body = health.readiness()
    assert not ready
    assert "domain.SAMPLE_TYPE" in body["waiting_for"]["flood guard"]
    assert "acidwatch ingest resume -m WHY" in body["waiting_for"]["flood guard"]


def test_while_paused_good_groups_wait_too_also_in_an_ingestor_that_was_started_since(
    store: MemoryStore, sender: RecordingSender
) -> None:
    async def scenario() -> None:
        with pytest.raises(HeldError):
            await commit_of(store, sender, **FOUR)(group("a", "b", "c", "d"))
        for commit in (commit_of(store, sender, **FOUR), commit_of(store, sender)):
            with pytest.raises(HeldError):
                await commit(group("e", value=GOOD))

    asyncio.run(scenario())
    assert (archived(store), sender.calls, newest_number(store)) == (0, [], 1)


def test_after_resuming_with_the_right_reference_tables_the_group_is_judged_anew(sender: RecordingSender) -> None:
    store = MemoryStore()
    load_reference(store, ("LTM_ME", "77"))
    recording, health = RecordingSender(store), Health("ingestor")
    commit = commit_of(store, recording, health, **FOUR)
    events = group("a", "b", "c", "d", value=GOOD)

    async def scenario() -> None:
        for _ in range(3):
            with pytest.raises(HeldError, match="reference.site"):
                await commit(events)
        load_reference(store)
        with pytest.raises(HeldError):
            await commit(events)
        resume(store)
        await commit(events)

    asyncio.run(scenario())
    outcomes = [Outcome.decode(record.value or b"") for record in recording.records]
    assert [(outcome.verdict, outcome.reference_version) for outcome in outcomes] == [("accepted", 2)] * 4
    assert "flood guard" not in health.waiting_for
    assert newest_number(store) == 2, "one pause, one resume"


def test_after_resuming_without_a_correction_it_trips_again_and_still_writes_nothing(
    store: MemoryStore, sender: RecordingSender
) -> None:
    commit, events = commit_of(store, sender, **FOUR), group("a", "b", "c", "d")

    async def scenario() -> None:
        for _ in range(3):
            with pytest.raises(HeldError):
                await commit(events)
            resume(store)

    asyncio.run(scenario())
    assert (archived(store), newest_number(store)) == (0, 6)


def test_the_window_is_empty_after_a_resume(store: MemoryStore, sender: RecordingSender) -> None:
    commit = commit_of(store, sender, **FOUR)

    async def scenario() -> None:
        await commit(group("a", "b", "c"))
        resume(store)
        await commit(group("d", "e", "f"))
        with pytest.raises(HeldError, match="4 of the last 4"):
            await commit(group("g"))

    asyncio.run(scenario())


def test_unguarded_lets_everything_through_until_its_time_is_over(store: MemoryStore, sender: RecordingSender) -> None:
    async def taken(until: str, first: str) -> None:
        resume(store, unguarded_until=until)
        await commit(group(*(f"{first}{number}" for number in range(20))))

    commit = commit_of(store, sender, **FOUR)
    asyncio.run(taken("2024-05-17T23:45:01+00:00", "a"))
    with pytest.raises(HeldError, match="4 of the last 4"):
        asyncio.run(_in_new_loop(store, sender))
    assert archived(store) == 1


async def _in_new_loop(store: MemoryStore, sender: RecordingSender) -> None:
    resume(store, unguarded_until=NOW.isoformat())
    await commit_of(store, sender, **FOUR)(group("b1", "b2", "b3", "b4"))


def test_replays_do_not_count(store: MemoryStore, sender: RecordingSender) -> None:
    commit = commit_of(store, sender, **FOUR)
    asyncio.run(commit(group(*(f"b-{number}" for number in range(50)), attempt=2)))
    assert (archived(store), newest_number(store)) == (1, 0)


def test_a_batch_delivered_again_counts_once(store: MemoryStore, sender: RecordingSender) -> None:
    async def scenario() -> None:
        commit = commit_of(store, sender, **FOUR)
        for _ in range(5):
            await commit(group("a", "b", "a", "b"))

    asyncio.run(scenario())
    assert newest_number(store) == 0


def test_a_group_that_is_sent_again_after_an_outage_counts_once(store: MemoryStore, sender: RecordingSender) -> None:
    async def scenario() -> None:
        commit, events = commit_of(store, sender, flood_batches=6), group("a", "b", "c")
        sender.failures = 5
        for _ in range(5):
            with pytest.raises(DependencyAwayError):
                await commit(events)
        await commit(events)
        await commit(group("d", "e", "f", value=GOOD))
        with pytest.raises(HeldError, match="4 of the last 7"):
            await commit(group("g"))

    asyncio.run(scenario())


def test_a_good_batch_that_makes_the_least_number_full_shows_what_was_wrong_with_those_before_it(
    store: MemoryStore, sender: RecordingSender
) -> None:
    async def scenario() -> None:
        commit = commit_of(store, sender, **FOUR)
        await commit(group("a", "b", "c"))
        with pytest.raises(HeldError, match="3 of the last 4"):
            await commit(group("d", value=GOOD))

    asyncio.run(scenario())
    assert len(control(store).examples) == 3


def test_a_pause_by_a_person_names_them_and_their_reason(store: MemoryStore, sender: RecordingSender) -> None:
    publish_flood(store, Flood(1, "paused", NOW.isoformat(), "ann", "the sites table is being mended"))
    with pytest.raises(
        HeldError, match="flood guard: paused by ann: the sites table is being mended; go on with: acidwatch"
    ):
        asyncio.run(commit_of(store, sender)(group("a", value=GOOD)))


def test_a_resume_while_a_group_is_weighed_is_not_overwritten(
    store: MemoryStore, sender: RecordingSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, events = commit_of(store, sender, **FOUR), group("a", "b", "c", "d")
    publish, raced = store.publish, []

    def lose_the_race(path: str, data: bytes) -> str:
        if path.startswith("control/") and not raced:
            raced.append(path)
            resume(store, unguarded_until="2024-05-18T00:00:00+00:00")
        return publish(path, data)

    monkeypatch.setattr(store, "publish", lose_the_race)

    async def scenario() -> None:
        with pytest.raises(HeldError, match="was changed while a group was weighed"):
            await commit(events)
        await commit(events)

    asyncio.run(scenario())
    assert (newest_number(store), control(store).state, archived(store)) == (1, "resumed", 1)


def test_a_state_of_a_newer_version_is_read_without_what_it_added(store: MemoryStore) -> None:
    store.publish(
        "control/flood/000007.json", b'{"number": 7, "state": "paused", "at": "", "by": "ann", "reason": "r", "new": 1}'
    )
    store.publish("control/flood/notes.txt", b"")
    state = control(store)
    assert (state.number, state.paused, state.reason) == (7, True, "r")


def test_a_store_that_is_away_is_an_outage_and_no_pause(
    store: MemoryStore, sender: RecordingSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: str) -> list[str]:
        raise DependencyAwayError("HDFS", "http://nowhere", "no answer")

    commit = commit_of(store, sender)
    monkeypatch.setattr(store, "names", away)
    with pytest.raises(DependencyAwayError, match="HDFS is away"):
        asyncio.run(commit(group("a", value=GOOD)))
