"""The watchdog's judgement at given moments: what is a stall, and what only looks like one."""

from __future__ import annotations

import time
from typing import Any

import pytest
from prometheus_client import REGISTRY

from acidwatch.streaming.group import GroupReader, Progress
from acidwatch.streaming.watchdog import Watchdog
from acidwatch.telemetry.health import Health
from tests.unit.streaming.conftest import FakeApp, TopicPartition, stream_settings

T = 100_000.0  # a moment of the monotonic clock
TP = TopicPartition("t", 0)


class Scene:
    """A watchdog over a fake app and a broker that answers, or does not."""

    def __init__(self, app: FakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
        self.app, self.health, self.answers = app, Health("test", {}), True
        monkeypatch.setattr(
            "acidwatch.streaming.watchdog.why_away", lambda settings: "" if self.answers else "no broker answers"
        )

        async def commit(group: list[Any]) -> None:
            pass

        self.reader = GroupReader(app, commit, stream_settings(), self.health)
        self.reader.progress = Progress(last_acknowledged=T)
        self.watchdog = Watchdog(app, self.reader, "t", stream_settings(), 120.0, self.health)

    def look(self, seconds: float) -> str:
        """Look so long after T."""
        return self.watchdog.look(T + seconds)

    def lag(self) -> None:
        """There are ten records that were not acknowledged."""
        self.app.consumer.highwaters[TP] = 10
        self.app.consumer._committed_offset[TP] = 0


@pytest.fixture
def scene(app: FakeApp, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(app, monkeypatch)


def test_nothing_to_read_is_no_stall_however_long_it_lasts(scene: Scene) -> None:
    scene.app.consumer.highwaters[TP] = 10
    scene.app.consumer._committed_offset[TP] = 10
    assert [scene.look(seconds) for seconds in (0, 1000, 100_000)] == ["", "", ""]


def test_a_record_that_was_read_and_is_not_acknowledged_in_time_is_a_stall(scene: Scene) -> None:
    scene.reader.progress.oldest_read = T
    assert scene.look(120) == ""
    assert scene.look(121) == "a record has been read but not acknowledged for 121 s"


def test_a_group_that_was_held_back_with_those_before_it_has_its_own_time_after_them(scene: Scene) -> None:
    scene.reader.progress = Progress(oldest_read=T, last_acknowledged=T + 3600)
    assert scene.look(3720) == ""
    assert scene.look(3721) == "a record has been read but not acknowledged for 121 s"


def test_a_client_that_has_given_up_its_group_is_a_stall_even_while_there_is_nothing_to_read(scene: Scene) -> None:
    scene.app.consumer.refusal = "may not join"
    scene.app.consumer.assigned = set()
    assert [scene.look(seconds) for seconds in (0, 120)] == ["", ""]
    assert scene.look(121) == "the consumer group was given up 121 s ago: may not join"
    scene.app.consumer.refusal = ""
    assert scene.look(122) == ""


def test_lag_without_acknowledgements_is_a_stall(scene: Scene) -> None:
    scene.lag()
    assert [scene.look(seconds) for seconds in (0, 60, 120)] == ["", "", ""]
    assert scene.look(121) == "there are records to read, but none was acknowledged for 121 s"


def test_lag_that_has_just_begun_after_a_quiet_night_is_no_stall(scene: Scene) -> None:
    assert scene.look(0) == ""
    scene.lag()
    assert [scene.look(seconds) for seconds in (30_000, 30_120)] == ["", ""]
    assert scene.look(30_121).startswith("there are records to read")


def test_lag_is_no_stall_while_groups_are_acknowledged(scene: Scene) -> None:
    scene.lag()
    for seconds in range(0, 1000, 100):
        assert scene.look(seconds) == ""
        scene.reader.progress = Progress(last_acknowledged=T + seconds)


def test_lag_of_what_was_never_committed_counts_from_the_beginning(scene: Scene) -> None:
    scene.app.consumer.highwaters[TP] = 1
    scene.look(0)
    assert scene.look(121) != ""


def test_a_rebalance_that_does_not_end_is_a_stall_and_one_that_ends_is_none(scene: Scene) -> None:
    scene.app.rebalancing = True
    assert [scene.look(seconds) for seconds in (0, 120)] == ["", ""]
    assert scene.look(121) == "rebalancing for 121 s"
    scene.app.rebalancing = False
    assert scene.look(122) == ""
    scene.app.rebalancing = True
    assert scene.look(123) == "", "another one begins to count anew"


def test_retries_of_a_known_outage_are_no_stall_and_their_end_is(scene: Scene) -> None:
    scene.lag()
    scene.reader.progress.oldest_read = T
    scene.look(0)
    for seconds in range(100, 4000, 50):
        scene.reader.progress.retrying = T + seconds
        assert scene.look(seconds + 1) == ""
    assert scene.look(3950 + 61) != ""


def test_an_outage_seen_by_whoever_only_looks_is_known_while_the_group_at_hand_hangs_in_it(scene: Scene) -> None:
    scene.lag()
    scene.reader.progress.oldest_read = T
    scene.health.last_away = T + 90
    assert [scene.look(seconds) for seconds in (121, 149)] == ["", ""]
    assert scene.look(151).startswith("a record has been read")


def test_a_dependency_reported_away_is_an_outage_seen_now(scene: Scene) -> None:
    before = time.monotonic()
    scene.health.away("PostgreSQL", "it does not answer")
    assert before <= (scene.health.last_away or 0.0) <= time.monotonic()


def test_a_rebalance_that_waited_for_an_outage_counts_from_the_end_of_the_outage(scene: Scene) -> None:
    scene.app.rebalancing = True
    for seconds in range(0, 600, 10):
        scene.reader.progress.retrying = T + seconds
        assert scene.look(seconds) == ""
    scene.reader.progress = Progress(last_acknowledged=T + 600)
    assert [scene.look(seconds) for seconds in (601, 720)] == ["", ""]
    assert scene.look(722).startswith("rebalancing")


def test_a_broker_that_is_away_is_no_stall_and_its_return_gives_time_to_rejoin(scene: Scene) -> None:
    scene.lag()
    scene.app.rebalancing = True
    scene.answers = False
    for seconds in range(0, 1000, 5):
        assert scene.look(seconds) == ""
    assert scene.health.readiness()[1]["waiting_for"]["Kafka"] == "no broker answers"
    scene.answers = True
    assert scene.look(1000) == ""
    assert "Kafka" not in scene.health.waiting_for
    assert scene.look(1061) == ""
    assert [scene.look(seconds) != "" for seconds in (1065, 1180, 1190)] == [False, False, True]


def test_without_partitions_it_is_not_ready_and_with_them_it_is(scene: Scene) -> None:
    scene.app.consumer.assigned = set()
    assert scene.look(0) == ""
    assert "no partitions assigned" in scene.health.waiting_for["partitions"]
    scene.app.consumer.assigned = {TP}
    scene.look(1)
    assert scene.health.readiness()[0]
    scene.app.rebalancing = True
    scene.look(2)
    assert not scene.health.readiness()[0]


def test_the_age_of_the_oldest_record_at_hand_is_shown_by_its_time_of_sending(scene: Scene) -> None:
    def shown() -> float:
        return REGISTRY.get_sample_value("acidwatch_oldest_unacknowledged_seconds", {"service": "test"}) or 0.0

    scene.reader.progress.oldest_sent = time.time() - 300
    scene.look(0)
    assert 300 <= shown() < 360
    scene.reader.progress = Progress(last_acknowledged=T)
    scene.look(1)
    assert shown() == 0


def test_a_stall_is_shown_and_ends_the_process(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(BaseException):
        pass

    codes: list[int] = []

    def leave(code: int) -> None:
        codes.append(code)
        raise Ended

    looks = iter([RuntimeError("the loop changed what we read"), "", "no progress at all"])

    def look(now: float) -> str:
        found = next(looks)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr("acidwatch.streaming.watchdog._LOOK_SECONDS", 0.0)
    monkeypatch.setattr(Watchdog, "look", lambda self, now: look(now))
    with pytest.raises(Ended):
        scene.watchdog._watch(leave)
    assert (codes, scene.health.liveness()[0]) == ([70], False)
