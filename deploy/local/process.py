"""One supervised child: its own session, its log, its end; nothing of it survives a supervisor that was killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from deploy.local.layout import PROJECT, Layout, read_json, write_atomically

MAX_LOG_BYTES = 10 * 1024**2
LAUNCH = Path(__file__).with_name("launch.py")

# Linux sends the parent-death signal when the THREAD that forked ends, so every child is forked by one that lasts.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


class Child:
    """A process that can be started again and again under one name."""

    def __init__(
        self, layout: Layout, name: str, env: Mapping[str, str], *, stop_signal: signal.Signals = signal.SIGTERM
    ) -> None:
        self.name = name
        self.env = dict(env)
        self.log = layout.logs / f"{name}.log"
        self.pid_file = layout.run / f"{name}.json"
        self.frozen = False
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def returncode(self) -> int | None:
        """How the last run ended; None while it runs or before the first."""
        return self._process.poll() if self._process else None

    def start(self, command: Sequence[str]) -> None:
        """Start the command; its output is appended to the log."""
        self.frozen = False
        self._process = _spawner.submit(self._spawn, list(command)).result()
        try:
            created = psutil.Process(self._process.pid).create_time()
        except psutil.NoSuchProcess:
            return  # over already, and said why in its log
        write_atomically(self.pid_file, json.dumps({"pid": self._process.pid, "create_time": created}))

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        if self.log.exists() and self.log.stat().st_size > MAX_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            return subprocess.Popen(
                [sys.executable, "-I", "-S", str(LAUNCH), str(psutil.Process().pid), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=PROJECT,
                start_new_session=True,
            )

    def wait(self, seconds: float) -> bool:
        """Whether it ended within this time."""
        if self._process is None:
            return True
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, grace_seconds: float) -> None:
        """Ask it to end, and make it end when the grace is over."""
        self.thaw()
        if (pid := self.pid) is not None:
            for process in with_descendants(pid)[:1]:
                _signal(process, self._stop_signal)
            if not self.wait(grace_seconds):
                self.kill()
        self.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it and its descendants as a power cut would, and wait until all are gone."""
        tree = self._tree()
        for process in tree:
            _signal(process, signal.SIGKILL)
        self.wait(10)
        psutil.wait_procs(tree[1:], timeout=10)
        self.frozen = False
        self.pid_file.unlink(missing_ok=True)

    def freeze(self) -> None:
        """Stop its clock: it keeps its connections and answers nothing."""
        tree = self._tree()
        for process in tree:
            _signal(process, signal.SIGSTOP)
        end = time.monotonic() + 5  # the kernel stops it soon, not at once
        while any(not _is_still(process) for process in tree) and time.monotonic() < end:
            time.sleep(0.01)
        self.frozen = True

    def thaw(self) -> None:
        """Let it run on after `freeze`."""
        if self.frozen:
            for process in reversed(self._tree()):
                _signal(process, signal.SIGCONT)
        self.frozen = False

    def last_lines(self, count: int = 20) -> list[str]:
        """The end of what it wrote since its last start."""
        if not self.log.exists():
            return []
        with self.log.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(self._log_start, size - 64 * 1024))
            return log.read().decode("utf-8", "replace").splitlines()[-count:]

    def _tree(self) -> list[psutil.Process]:
        # Not the process group: every backend of PostgreSQL has a group of its own.
        if (pid := self.pid) is None:
            return []
        return with_descendants(pid)


def with_descendants(pid: int) -> list[psutil.Process]:
    """The process first, then all below it; empty when it's gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def is_same_process(pid: int, create_time: float) -> bool:
    """Whether the process that was noted still runs; a pid alone may belong to somebody else by now."""
    try:
        process = psutil.Process(pid)
        # Two seconds: the kernel keeps start times relative to the boot, whose time moves when the clock is set.
        return abs(process.create_time() - create_time) < 2 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def noted_pid(pid_file: Path) -> int | None:
    """The pid in a pid file, if that very process still runs."""
    noted = read_json(pid_file)
    if {"pid", "create_time"} <= noted.keys() and is_same_process(noted["pid"], noted["create_time"]):
        return int(noted["pid"])
    return None


def kill_noted(run: Path) -> list[str]:
    """Kill what a dead supervisor left behind and forget it.

    Returns:
        The names of the processes that still ran.
    """
    left = []
    for pid_file in sorted(run.glob("*.json")):
        if (pid := noted_pid(pid_file)) is not None and pid != psutil.Process().pid:
            tree = with_descendants(pid)
            for process in tree:
                _signal(process, signal.SIGKILL)
            psutil.wait_procs(tree, timeout=10)
            left.append(pid_file.stem)
        pid_file.unlink(missing_ok=True)
    return left


def wait_gone(pid: int, create_time: float, seconds: float) -> bool:
    """Whether a process that is not our child ended within this time."""
    end = time.monotonic() + seconds
    while is_same_process(pid, create_time):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _is_still(process: psutil.Process) -> bool:
    try:
        return process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        pass


def kill_tree(pid: int, *, running_in: Path) -> None:
    """Kill a process and its descendants, if its working folder proves that it's the one that is meant."""
    try:
        if Path(psutil.Process(pid).cwd()) != running_in:
            return
    except psutil.Error:
        return
    tree = with_descendants(pid)
    for process in tree:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(tree, timeout=10)
