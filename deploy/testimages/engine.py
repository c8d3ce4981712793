"""The container engine that the tests use: the one that answers, or one of its own, which leaves nothing behind."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import PrerequisiteError, ServerFailedError
from deploy.local.prometheus import unpacked
from deploy.testimages.tools import CACHE, Tools, machine_tools, own_tools

FOLDER = CACHE / "engine"
START_SECONDS = 60
STOP_SECONDS = 60
_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


class Engine:
    """A running engine.

    Attributes:
        host: Its address, as DOCKER_HOST wants it; empty for what the client finds by itself.
    """

    def __init__(self, tools: Tools, host: str = "") -> None:
        self._tools, self.host = tools, host

    @property
    def docker(self) -> str:
        """The client."""
        return self._tools.docker

    @property
    def env(self) -> dict[str, str]:
        """What the client is to be called with."""
        address = {"DOCKER_HOST": self.host} if self.host else {}
        return {**os.environ, **self._tools.env, **address, "DOCKER_BUILDKIT": "1"}

    def run(self, *arguments: str) -> str:
        """Run `docker ARGUMENTS...`; what it prints.

        Raises:
            ServerFailedError: It failed.
        """
        command = [self.docker, *arguments]
        done = subprocess.run(
            command, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            lines = (done.stdout + done.stderr).strip().splitlines()[-20:]
            raise ServerFailedError("docker", f"failed: {shlex.join(command)}", Path(self.host or "its output"), lines)
        return done.stdout

    def answers(self) -> bool:
        """Whether somebody is there."""
        command = [self.docker, "version", "--format", "{{.Server.Version}}"]
        return subprocess.run(command, env=self.env, capture_output=True, check=False, timeout=30).returncode == 0


class OwnEngine(Engine):
    """Debian's engine with its data in a folder, started by root.

    It is not to be told from any other by those who use it, but it lies below `folder`, and `stop` takes back what it did to the network.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder.resolve()
        # Sockets have short names only, and a clone may lie deep.
        self._run = Path("/run") / f"acidwatch-{hashlib.sha256(bytes(self.folder)).hexdigest()[:8]}"
        super().__init__(own_tools(), f"unix://{self._run}/docker.sock")

    @property
    def log(self) -> Path:
        """All that it says."""
        return self.folder / "dockerd.log"

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            PrerequisiteError: This machine can't run one.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._run.mkdir(exist_ok=True)
        before = self.folder / "ip_forward"
        if not before.exists():
            before.write_text(_FORWARD.read_text())
        # Where it is on already, the engine does not forbid all other forwarding.
        _FORWARD.write_text("1")
        command = ["dockerd", "--storage-driver=overlay2", f"--data-root={self.folder / 'data'}"]
        command += [f"--exec-root={self._run / 'exec'}", f"--host={self.host}", f"--pidfile={self._run / 'pid'}"]
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [*command, f"--mtu={_mtu()}", f"--init-path={unpacked('tini') / 'usr/bin/tini-static'}"],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + START_SECONDS
        while not self.answers():
            if process.poll() is not None or time.monotonic() > end:
                self.stop()
                last = self.log.read_text(errors="replace").strip().splitlines()[-1:]
                raise PrerequisiteError(f"no container engine can run here: {' '.join(last)}")
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop it and its containers, and take back what it did to the machine; images stay in the folder."""
        pid = self._pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            end = time.monotonic() + STOP_SECONDS
            while self._pid() == pid:
                if time.monotonic() > end:
                    raise ServerFailedError("dockerd", f"did not stop within {STOP_SECONDS} s", self.log, [])
                time.sleep(0.1)
        for mount in reversed(_mounts_below(self._run, self.folder)):
            subprocess.run(["umount", mount], check=False, capture_output=True)
        if (before := self.folder / "ip_forward").exists():
            subprocess.run(["ip", "link", "delete", "docker0"], check=False, capture_output=True)
            _remove_rules()
            _FORWARD.write_text(before.read_text())
            before.unlink()
        shutil.rmtree(self._run, ignore_errors=True)

    def _pid(self) -> int | None:
        """Of the engine that runs on this folder."""
        try:
            pid = int((self._run / "pid").read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            dead = ") Z " in Path(f"/proc/{pid}/stat").read_text()
        except (OSError, ValueError):
            return None
        return pid if str(self.folder).encode() in command and not dead else None


@contextmanager
def running_engine(folder: Path = FOLDER) -> Iterator[Engine]:
    """An engine for as long as it is needed: the machine's if one answers, else one of its own.

    Raises:
        PrerequisiteError: There is none, and none can be started.
    """
    if (there := answering_engine()) is not None:
        yield there
        return
    own = OwnEngine(folder)
    if own.answers():  # somebody gave `python -m deploy.testimages up`, and goes on using it
        yield own
        return
    own.start()
    try:
        yield own
    finally:
        own.stop()


def answering_engine() -> Engine | None:
    """The machine's engine, or that of DOCKER_HOST."""
    if (docker := shutil.which("docker")) is None or not Engine(Tools(docker, {})).answers():
        return None
    return Engine(machine_tools() or own_tools())


def _mtu() -> str:
    """Of the way out: a bridge that is wider loses what is large."""
    route = subprocess.run(["ip", "route", "show", "default"], capture_output=True, text=True, check=True).stdout
    device = re.search(r"\bdev (\S+)", route)
    return Path(f"/sys/class/net/{device[1]}/mtu").read_text().strip() if device else "1500"


def _mounts_below(*folders: Path) -> list[str]:
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [mount for mount in mounts if any(Path(mount).is_relative_to(folder) for folder in folders)]


def _remove_rules() -> None:
    """Take the engine's rules out of the firewall, one by one: others may have theirs beside them."""
    for table in ("nat", "filter"):
        listed = subprocess.run(["iptables", "-t", table, "-S"], capture_output=True, text=True, check=False).stdout
        ours = [shlex.split(line) for line in listed.splitlines() if re.search(r"\bDOCKER|docker0", line)]
        commands = [["-D", *rule[1:]] for rule in ours if rule[0] == "-A"]
        commands += [["-X", *rule[1:]] for rule in ours if rule[0] == "-N"]
        for command in commands:
            subprocess.run(["iptables", "-t", table, *command], check=False, capture_output=True)
