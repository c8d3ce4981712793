"""The container engine that the tests use: the one that answers, or one of their own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import ServerFailedError
from deploy.local.prometheus import unpacked
from deploy.testimages.daemon import Daemon
from deploy.testimages.tools import CACHE, Tools, machine_tools, own_tools

FOLDER = CACHE / "engine"


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


@contextmanager
def running_engine(folder: Path = FOLDER) -> Iterator[Engine]:
    """An engine for as long as it is needed; one that ran already goes on running.

    Raises:
        PrerequisiteError: There is none, and none can be started.
    """
    found, daemon = find_or_start(folder)
    try:
        yield found
    finally:
        if daemon is not None:
            daemon.stop()


def find_or_start(folder: Path = FOLDER) -> tuple[Engine, Daemon | None]:
    """The machine's engine if one answers, else one of Debian's on this folder; what to stop if it had to be started.

    Raises:
        PrerequisiteError: There is none, and none can be started.
    """
    if (docker := shutil.which("docker")) is not None and Engine(Tools(docker, {})).answers():
        return Engine(machine_tools() or own_tools()), None
    daemon = Daemon(folder)
    engine = Engine(own_tools(), daemon.host)
    if engine.answers():
        return engine, None
    daemon.start(engine.env, unpacked("tini") / "usr/bin/tini-static", engine.answers)
    return engine, daemon
