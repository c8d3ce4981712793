"""Debian's container engine as a process of root's, which takes back what it did to the machine when it is stopped."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.local.errors import PrerequisiteError, ServerFailedError

START_SECONDS = 60
STOP_SECONDS = 120
_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


class Daemon:
    """One engine with its images in a folder.

    Attributes:
        host: Its address, as DOCKER_HOST wants it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        # Sockets have short names only, and a clone may lie deep.
        self._run = Path("/run") / f"acidwatch-{hashlib.sha256(bytes(self._folder)).hexdigest()[:8]}"
        self.host = f"unix://{self._run}/docker.sock"
        self._log = self._folder / "dockerd.log"

    def start(self, env: Mapping[str, str], init: Path, answers: Callable[[], bool]) -> None:
        """Start it and wait until it answers.

        Args:
            env: Has the folders of its programs on its PATH.
            init: What containers with `init: true` get.
            answers: Whether it does.

        Raises:
            PrerequisiteError: This machine can't run one.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._run.mkdir(exist_ok=True)
        if not self._before.exists():
            self._before.write_text(_FORWARD.read_text())
        # Where it is on already, the engine does not forbid all other forwarding.
        _FORWARD.write_text("1")
        command = ["dockerd", "--storage-driver=overlay2", f"--data-root={self._folder / 'data'}"]
        command += [f"--exec-root={self._run / 'exec'}", f"--host={self.host}", f"--pidfile={self._run / 'pid'}"]
        command += [f"--mtu={_mtu()}", f"--init-path={init}"]
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                command, env=dict(env), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        end = time.monotonic() + START_SECONDS
        while not answers():
            if process.poll() is not None or time.monotonic() > end:
                self.stop()
                last = self._log.read_text(errors="replace").strip().splitlines()[-1:]
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
                    raise ServerFailedError("dockerd", f"did not stop within {STOP_SECONDS} s", self._log, [])
                time.sleep(0.1)
        for mount in reversed(_mounts_below(self._run, self._folder)):
            subprocess.run(["umount", mount], check=False, capture_output=True)
        if self._before.exists():
            subprocess.run(["ip", "link", "delete", "docker0"], check=False, capture_output=True)
            _remove_rules()
            _FORWARD.write_text(self._before.read_text())
            self._before.unlink()
        shutil.rmtree(self._run, ignore_errors=True)

    @property
    def _before(self) -> Path:
        """Whether the machine forwarded packets before it was started."""
        return self._folder / "ip_forward"

    def _pid(self) -> int | None:
        """Of the engine that runs on this folder."""
        try:
            pid = int((self._run / "pid").read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            dead = ") Z " in Path(f"/proc/{pid}/stat").read_text()
        except (OSError, ValueError):
            return None
        return pid if str(self._folder).encode() in command and not dead else None


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
