"""Running a job at the times of a cron expression until SIGTERM: a run that fails is logged, the next one is tried."""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType

from cronsim import CronSim, CronSimError

from acidwatch.errors import UnusableInputError

log = logging.getLogger("acidwatch.jobs.schedule")

KILL_AFTER_SECONDS = 20.0


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


def keep_running(expression: str, run: Callable[[], None], stop: threading.Event, now: Callable[[], datetime]) -> None:
    """Call `run` at each time of the expression until `stop` is set; times that pass during a run are skipped.

    Args:
        expression: Five fields as in crontab, UTC; a sixth in front is seconds.
        run: One run; whatever it raises is logged.
        stop: Ends the waiting at once.
        now: The time.

    Raises:
        UnusableInputError: The expression is wrong; said before anything is run.
    """
    while not stop.is_set():
        due = next_time(expression, now())
        log.info("next run at %s", due.isoformat())
        if _wait_until(due, stop, now):
            return
        try:
            run()
        except Exception as error:
            log.error("run failed, next try at %s: %s", next_time(expression, now()).isoformat(), error)


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


def run_on_schedule(expression: str, command: Sequence[str]) -> None:
    """Run a command on a schedule until SIGTERM or Ctrl-C.

    Args:
        expression: Cron expression, UTC.
        command: What one run is.

    Raises:
        UnusableInputError: The expression is wrong.
    """
    with stopped_by_signals() as stop:
        keep_running(expression, ChildRun(command, stop), stop, lambda: datetime.now(UTC))
    log.info("stopped")


def _wait_until(due: datetime, stop: threading.Event, now: Callable[[], datetime]) -> bool:
    """Wait; True when told to stop. In slices, because the clock may be set meanwhile."""
    while (remaining := (due - now()).total_seconds()) > 0:
        if stop.wait(min(remaining, 30.0)):
            return True
    return stop.is_set()
