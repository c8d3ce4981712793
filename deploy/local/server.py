"""What every server of the stack has in common: prepare, start, be ready, stop; and be broken on purpose by tests."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.local.errors import AbortedError, ServerFailedError
from deploy.local.layout import Layout
from deploy.local.process import Child

PROBE_INTERVAL_SECONDS = 0.1


class Server:
    """One process with a port; subclasses say how it's configured, started and asked whether it's ready."""

    name = "server"
    stop_signal = signal.SIGTERM
    ready_seconds = 60.0
    grace_seconds = 15.0

    def __init__(self, layout: Layout, port: int, abort: threading.Event) -> None:
        self.layout = layout
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.wanted = False  # False while it's down on purpose
        self.child = Child(layout, self.name, self.environment(), stop_signal=self.stop_signal)
        self._abort = abort

    def environment(self) -> dict[str, str]:
        """The environment of the process."""
        return dict(os.environ)

    def prepare(self) -> None:
        """Write the configuration and, the first time, make the data folder."""

    def command(self) -> list[str]:
        """What to run."""
        raise NotImplementedError

    def probe(self) -> bool:
        """Whether clients are served now; False or any exception mean not yet."""
        raise NotImplementedError

    @property
    def running(self) -> bool:
        """Whether its process is alive and not frozen."""
        return self.child.pid is not None and not self.child.frozen

    def spawn(self) -> None:
        """Start the process without waiting for it."""
        self.wanted = True
        self.child.start(self.command())

    def start(self) -> None:
        """Start it and wait until it serves clients.

        Raises:
            ServerFailedError: It ended, or it isn't ready in time.
        """
        if self.child.pid is None:
            self.prepare()
            self.spawn()
        self.wait_ready(self.ready_seconds)

    def wait_ready(self, seconds: float) -> None:
        """Wait until it serves clients, or raise ServerFailedError."""
        end = time.monotonic() + seconds
        while not self.is_ready():
            if self._abort.is_set():
                raise AbortedError(f"{self.name} was not waited for any longer")
            if self.child.pid is None:
                raise self.failed(f"ended with code {self.child.returncode} instead of getting ready")
            if time.monotonic() > end:
                raise self.failed(f"is not ready after {seconds:.0f} s")
            time.sleep(PROBE_INTERVAL_SECONDS)

    def is_ready(self) -> bool:
        """Whether the probe succeeds now."""
        try:
            return self.running and self.probe()
        except Exception:
            return False

    def failed(self, reason: str) -> ServerFailedError:
        """The error that shows the end of this server's log."""
        return ServerFailedError(self.name, reason, self.child.log, self.child.last_lines())

    def stop(self) -> None:
        """End it cleanly."""
        self.wanted = False
        self.child.stop(self.grace_seconds)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.wanted = False
        self.child.kill()

    def freeze(self) -> None:
        """Stop its clock: connections stay open and nothing is answered."""
        self.child.freeze()

    def thaw(self) -> None:
        """Let it run on after `freeze`."""
        self.child.thaw()

    def run_once(self, what: str, command: Sequence[str], *, seconds: float = 60.0) -> None:
        """Run a preparing command to its end.

        Raises:
            ServerFailedError: It failed or took too long; `what` says what it should have done.
        """
        child = Child(self.layout, f"{self.name}-{what}", self.environment())
        run_to_end(child, command, self._abort, seconds=seconds)


def run_to_end(child: Child, command: Sequence[str], abort: threading.Event, *, seconds: float) -> None:
    """Run a command that ends by itself.

    Raises:
        ServerFailedError: It ended with another code than 0, or did not end in time.
        AbortedError: The start was given up.
    """
    child.start(command)
    end = time.monotonic() + seconds
    try:
        while not child.wait(PROBE_INTERVAL_SECONDS):
            if abort.is_set():
                raise AbortedError(f"{child.name} was given up")
            if time.monotonic() > end:
                raise ServerFailedError(child.name, f"did not end in {seconds:.0f} s", child.log, child.last_lines())
    finally:
        child.kill()
    if child.returncode != 0:
        reason = f"ended with code {child.returncode}"
        raise ServerFailedError(child.name, reason, child.log, child.last_lines())


def make_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Make a data folder wholly or not at all: without its marker, what a killed start left is made anew.

    Args:
        folder: Holds the marker `formatted` and the data in `content`.
        make: Fills `content`, which exists and is empty.

    Returns:
        The data folder, `folder/content`.
    """
    marker, content = folder / "formatted", folder / "content"
    if not marker.exists():
        shutil.rmtree(folder, ignore_errors=True)
        content.mkdir(parents=True)
        make(content)
        marker.touch()
    return content
