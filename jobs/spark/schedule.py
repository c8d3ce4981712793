"""Running a job at the times of a cron expression until SIGTERM: a run that fails is logged, the next one is tried.

The process that waits serves /metrics, /healthz and /readyz as the services do.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import FrameType

from cronsim import CronSim, CronSimError

from acidwatch.errors import AcidwatchError, UnusableInputError
from acidwatch.settings import ServiceSettings, load
from acidwatch.telemetry import health as health_server
from acidwatch.telemetry.health import Health
from acidwatch.telemetry.metrics import JOB_DUE, JOB_LAST_SUCCESS, JOB_ROWS, JOB_RUNS, JOB_SECONDS

log = logging.getLogger("acidwatch.jobs.schedule")

KILL_AFTER_SECONDS = 20.0
_ASK_AGAIN = timedelta(minutes=5)


def next_time(expression: str, after: datetime) -> datetime:
    """The next time of a cron expression, UTC.

    Raises:
        UnusableInputError: It is no cron expression, or never comes.
    """
    try:
        return next(CronSim(expression, after.astimezone(UTC)))
    except (CronSimError, StopIteration) as error:
        raise UnusableInputError(
            f"{expression!r} is no schedule ({error or 'it never comes'}); five fields: minute hour day month weekday, UTC, "
            "such as '15 * * * *' (a quarter past every hour)"
        ) from None


@dataclass(frozen=True, slots=True)
class Task:
    """What is run on a schedule, and what its schedule asks.

    Attributes:
        name: What the metrics call it.
        rows: How many rows the newest published run read; asked after each run that ended well.
        ready: Whether there is anything to run on yet, asked before each run; where there is not none is begun, and none has failed.
        succeeded: When a run last ended well, whoever began it; asked at the start, since what was due while this process was not there
            is late too, and again while one is late, or it could not be asked.
    """

    name: str
    rows: Callable[[], int] | None = None
    ready: Callable[[], bool] | None = None
    succeeded: Callable[[], datetime | None] | None = None


def keep_running(
    expression: str, run: Callable[[], None], stop: threading.Event, now: Callable[[], datetime], task: Task
) -> None:
    """Call `run` at each time of the expression until `stop` is set; times that pass during a run are skipped.

    Args:
        expression: Five fields as in crontab, UTC; a sixth in front is seconds.
        run: One run; whatever it raises is logged.
        stop: Ends the waiting at once.
        now: The time.
        task: What the run is of.

    Raises:
        UnusableInputError: The expression is wrong; said before anything is run.
    """
    for result in ("succeeded", "failed"):
        JOB_RUNS.labels(task.name, result)
    overdue = _is_overdue(expression, now(), task)
    while not stop.is_set():
        due = next_time(expression, now())
        if overdue is not True:  # what failed, or hangs, stays due at the time at which it should have begun
            JOB_DUE.labels(task.name).set(due.timestamp())
        log.info("next run at %s", due.isoformat())
        while now() < due:
            if _wait_until(min(due, now() + _ASK_AGAIN), stop, now):
                return
            if overdue is not False and (found := _is_overdue(expression, now(), task)) is not None:
                overdue = found
        if not _is_ready(task):
            log.info("nothing to run on yet")
            overdue = False
            continue
        began = time.monotonic()
        try:
            run()
        except Exception as error:
            overdue = True
            log.error("run failed, next try at %s: %s", next_time(expression, now()).isoformat(), error)
        else:
            if stop.is_set():  # it was stopped, which is neither
                return
            overdue = False
            JOB_LAST_SUCCESS.labels(task.name).set(now().timestamp())
            _show_rows(task)
        JOB_RUNS.labels(task.name, "failed" if overdue else "succeeded").inc()
        JOB_SECONDS.labels(task.name).set(time.monotonic() - began)


def _is_overdue(expression: str, now: datetime, task: Task) -> bool | None:
    """Whether a run was due and has not ended well since; shows it. None: nobody knows."""
    try:
        last = task.succeeded() if task.succeeded else None
    except AcidwatchError as error:
        log.warning("when a run last ended well could not be asked for: %s", error)
        return None
    if last is None:
        return None
    JOB_LAST_SUCCESS.labels(task.name).set(last.timestamp())
    due = next_time(expression, last)
    JOB_DUE.labels(task.name).set(due.timestamp())
    return due < now


def _is_ready(task: Task) -> bool:
    try:
        return task.ready is None or task.ready()
    except AcidwatchError:
        return True  # the run will say it


def _show_rows(task: Task) -> None:
    if task.rows is None:
        return
    try:
        JOB_ROWS.labels(task.name).set(task.rows())
    except AcidwatchError as error:  # the run is done; its count is shown after the next one
        log.warning("what the run came to could not be asked for: %s", error)


class ChildRun:
    """A run in a process of its own: its memory is given back, and a JVM that dies takes nothing with it."""

    def __init__(self, command: Sequence[str], stop: threading.Event) -> None:
        self._command = list(command)
        self._stop = stop

    def __call__(self) -> None:
        """Run once.

        Raises:
            RuntimeError: It ended with another exit code than 0, unless it was stopped.
        """
        # In a session of its own: Ctrl-C reaches this process only, which then stops the run in order.
        with subprocess.Popen(self._command, start_new_session=True) as process:
            while process.poll() is None:
                if self._stop.wait(0.2):
                    self._end(process)
        if process.returncode != 0 and not self._stop.is_set():
            raise RuntimeError(f"exit code {process.returncode}")

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        log.info("stopping the run; nothing of it is published")
        process.terminate()
        try:
            process.wait(KILL_AFTER_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; the signals' former handlers come back at the end."""
    stop = threading.Event()

    def handle(number: int, _: FrameType | None) -> None:
        log.info("%s: stopping", signal.Signals(number).name)
        stop.set()

    former = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def run_on_schedule(expression: str, command: Sequence[str], task: Task) -> None:
    """Run a command on a schedule until SIGTERM or Ctrl-C.

    Args:
        expression: Cron expression, UTC.
        command: What one run is.
        task: What it is.

    Raises:
        UnusableInputError: The expression is wrong.
        ConfigError: So is a setting of the health pages.
    """
    next_time(expression, datetime.now(UTC))
    settings, health = load(ServiceSettings), Health(task.name)
    port = health_server.serve(health, settings.health_host, settings.health_port)
    log.info("started, health http://%s:%d", settings.health_host, port)
    with stopped_by_signals() as stop:
        health.goes_on("start")
        keep_running(expression, ChildRun(command, stop), stop, lambda: datetime.now(UTC), task)
    log.info("stopped")


def _wait_until(due: datetime, stop: threading.Event, now: Callable[[], datetime]) -> bool:
    """Wait; True when told to stop. In slices, because the clock may be set meanwhile."""
    while (remaining := (due - now()).total_seconds()) > 0:
        if stop.wait(min(remaining, 30.0)):
            return True
    return stop.is_set()
