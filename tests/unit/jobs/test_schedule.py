"""A job on a schedule: what its metrics say while runs end well, fail, or hang."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY

from acidwatch.errors import DependencyAwayError
from jobs.spark import schedule
from jobs.spark.schedule import Task, keep_running

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def shown(name: str, task: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"acidwatch_job_{name}", {"task": task, **labels})


class Clock:
    """Time that passes only where the schedule waits for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.stop = NOON, threading.Event()
        monkeypatch.setattr(schedule, "_wait_until", self._wait_until)

    def _wait_until(self, due: datetime, stop: threading.Event, now: Callable[[], datetime]) -> bool:
        self.now = due
        return stop.is_set()

    def run(self, *runs: Callable[[], None], task: str, **asked: Any) -> None:
        """Do these runs, one an hour at a quarter past, then stop."""
        left = list(runs)

        def run() -> None:
            left.pop(0)()

        keep_running("15 * * * *", run, self.stop, lambda: self.now, Task(task, **asked))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def at(hour: int, minute: int = 15) -> float:
    return NOON.replace(hour=hour, minute=minute).timestamp()


def test_a_run_that_fails_stays_due_until_one_ends_well(clock: Clock) -> None:
    due: list[float | None] = []

    def well() -> None:
        due.append(shown("due_timestamp_seconds", "one"))

    def badly() -> None:
        well()
        raise RuntimeError("exit code 3")

    def stopped() -> None:
        well()
        clock.stop.set()

    clock.run(well, badly, badly, well, stopped, task="one")
    assert due == [at(12), at(13), at(13), at(13), at(16)]
    assert shown("runs_total", "one", result="succeeded") == 2
    assert shown("runs_total", "one", result="failed") == 2
    assert shown("last_success_timestamp_seconds", "one") == at(15), "the run that was stopped is no success"


def test_before_its_first_run_a_job_shows_when_it_is_due_and_no_success(clock: Clock) -> None:
    clock.run(clock.stop.set, task="two")
    assert shown("due_timestamp_seconds", "two") == at(12)
    assert shown("last_success_timestamp_seconds", "two") is None
    assert shown("runs_total", "two", result="failed") == 0


def test_the_rows_of_the_newest_run_are_shown_and_a_database_that_is_away_stops_nothing(clock: Clock) -> None:
    answers = iter([2400, DependencyAwayError("PostgreSQL", "127.0.0.1:1", "no answer")])

    def rows() -> int:
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    clock.run(lambda: None, lambda: None, clock.stop.set, task="three", rows=rows)
    assert shown("rows", "three") == 2400
    assert shown("runs_total", "three", result="succeeded") == 2
    assert (shown("duration_seconds", "three") or 0) >= 0


def test_a_task_that_has_no_rows_shows_none(clock: Clock) -> None:
    clock.run(lambda: None, clock.stop.set, task="four")
    assert shown("rows", "four") is None


def test_while_there_is_nothing_to_run_on_no_run_is_begun_and_none_has_failed(clock: Clock) -> None:
    answers = [False, False, DependencyAwayError("PostgreSQL", "db:5432", "no answer"), True]

    def ready() -> bool:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def badly() -> None:
        raise RuntimeError("exit code 3")

    clock.run(badly, clock.stop.set, task="empty", ready=ready)
    assert answers == []
    assert shown("runs_total", "empty", result="failed") == 1, "of an outage the run itself tells"


def test_what_was_due_while_the_process_was_not_there_is_due_still_until_a_run_ends_well(clock: Clock) -> None:
    due: list[float | None] = []

    def look() -> None:
        due.append(shown("due_timestamp_seconds", "night"))

    clock.run(look, look, clock.stop.set, task="night", succeeded=lambda: NOON.replace(hour=8, minute=15))
    assert due == [at(9), at(13)]


def test_a_run_that_ended_well_since_it_was_last_due_is_shown_and_nothing_is_late(clock: Clock) -> None:
    due: list[float | None] = []

    def look() -> None:
        due.extend(
            (shown("due_timestamp_seconds", "fine"), shown("last_success_timestamp_seconds", "fine")),
        )
        clock.stop.set()

    clock.run(look, task="fine", succeeded=lambda: NOON.replace(hour=11, minute=15))
    assert due == [at(12), at(11)]


def test_where_it_cannot_be_asked_when_a_run_last_ended_well_the_schedule_begins_as_for_the_first_time(
    clock: Clock,
) -> None:
    def away() -> datetime:
        raise DependencyAwayError("HDFS", "127.0.0.1:1", "no answer")

    clock.run(clock.stop.set, task="unknown", succeeded=away)
    assert shown("due_timestamp_seconds", "unknown") == at(12)


def test_a_run_that_somebody_made_by_hand_is_seen_while_one_is_late(clock: Clock) -> None:
    due: list[float | None] = []

    def last() -> datetime:
        due.append(shown("due_timestamp_seconds", "by hand"))
        by_hand = NOON.replace(hour=12, minute=40)
        return by_hand if clock.now > by_hand else NOON.replace(hour=11, minute=15)

    def badly() -> None:
        raise RuntimeError("exit code 3")

    clock.run(badly, clock.stop.set, task="by hand", succeeded=last)
    assert due[0] is None and set(due[1:]) == {at(12)}, "asked until it is seen, and no more"
    assert shown("due_timestamp_seconds", "by hand") == at(13)
    assert shown("last_success_timestamp_seconds", "by hand") == at(12, 40)


def test_what_is_late_is_found_too_when_it_can_be_asked_only_later(clock: Clock) -> None:
    due: list[float | None] = []

    def last() -> datetime:
        if clock.now == NOON:
            raise DependencyAwayError("HDFS", "127.0.0.1:1", "no answer")
        return NOON.replace(hour=8, minute=15)

    def look() -> None:
        due.append(shown("due_timestamp_seconds", "asked later"))
        clock.stop.set()

    clock.run(look, task="asked later", succeeded=last)
    assert due == [at(9)]
