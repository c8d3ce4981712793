"""The compose file of a copy of the project on a real container engine, as somebody has it who follows docs/deploy.md."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from deploy.local.ports import Ports
from deploy.testimages.engine import Engine
from deploy.testimages.images import WITHOUT, names
from tests.support.deployment import PROJECT, until
from tests.support.runbook import as_script

PAGE = PROJECT / "docs" / "deploy.md"
NAME = "acidwatch-test"
_NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".local", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info")


def blocks(section: str) -> list[str]:
    """The blocks of commands of a section of the page that are meant to be run."""
    text = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    part = next(part for part in text if part.startswith(section + "\n"))
    return re.findall(r"^```console\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)


class Composed:
    """A folder with the compose file.

    Attributes:
        folder: deploy/compose/ of the copy.
        ports: Variable of compose.yaml -> port on this machine.
        before: What the engine had before; see `left`.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        given = Ports(folder.parent / "ports.json")
        wanted = set(re.findall(r"\$\{(\w+_PORT):", (folder / "compose.yaml").read_text()))
        self.ports = {name: given.get(name) for name in sorted(wanted)}
        self.before = self.left()
        self.env = {
            **engine.env,
            **names(),
            **{name: str(port) for name, port in self.ports.items()},
            "COMPOSE_PROJECT_NAME": NAME,
            "COMPOSE_PROGRESS": "plain",
            "COLUMNS": "200",
            "INTERVAL_SECONDS": "0.5",
            "METRICS_SCHEDULE": "0 0 1 1 *",  # a run is started by the test
        }

    @classmethod
    @contextmanager
    def of_project(cls, engine: Engine, folder: Path) -> Iterator[Composed]:
        """A copy of the project, without what can't be had here; at the end all of it is taken down."""
        copy = folder / "project"
        shutil.copytree(PROJECT, copy, ignore=_NOT_COPIED)
        compose = copy / "deploy" / "compose"
        for made in ("secrets", ".env"):  # what a person has in the clone is nothing to a test
            shutil.rmtree(compose / made, ignore_errors=True)
            (compose / made).unlink(missing_ok=True)
        left_out = {"services": {service: {"profiles": ["without"]} for service in WITHOUT}}
        (compose / "compose.override.yaml").write_text(yaml.safe_dump(left_out))
        made = cls(engine, compose)
        try:
            yield made
        finally:
            made.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "20")

    def follow(self, block: str, timeout: float = 3000) -> str:
        """Run a block of the page as it is written; what it prints. Fails at the first command that does."""
        done = self._run(["bash", "-c", as_script(block)], timeout)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{self.state()}"
        return done.stdout

    def compose(self, *arguments: str, code: int = 0) -> str:
        """Run `docker compose ARGUMENTS...`; what it prints."""
        done = self._run([self.engine.docker, "compose", *arguments], 1200)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.state()}"
        return done.stdout

    def _run(self, command: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def cli(self, *arguments: str) -> Any:
        """Run a command of acidwatch; its JSON."""
        return json.loads(self.compose("run", "--rm", "--no-deps", "-T", "cli", *arguments, "--output", "json"))

    def up(self, *arguments: str) -> None:
        """Start what does not run, and wait until all is well."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", "600", *arguments)

    def containers(self, service: str = "") -> list[dict[str, Any]]:
        """What the engine knows of each container of the project, or of one service."""
        label = f"label=com.docker.compose.project={NAME}"
        which = ["--filter", f"label=com.docker.compose.service={service}"] if service else []
        found = self.engine.run("ps", "--all", "--quiet", "--filter", label, *which).split()
        return json.loads(self.engine.run("inspect", *found)) if found else []

    def left(self) -> dict[str, set[str]]:
        """Containers, networks and volumes that the engine has, also those without a name."""
        asked = {"containers": ("ps", "--all"), "networks": ("network", "ls"), "volumes": ("volume", "ls")}
        return {what: set(self.engine.run(*how, "--quiet").split()) for what, how in asked.items()}

    def state(self) -> str:
        """What runs, and the last lines of what is not well, for a person who asks why a test failed."""
        told = []
        for one in self.containers():
            state = one["State"]
            health = state.get("Health", {}).get("Status", "")
            told.append(f"{one['Name']}: {state['Status']} {health} {state['ExitCode']}")
            if (state["Status"] != "running" and state["ExitCode"]) or health not in {"", "healthy"}:
                command = [self.engine.docker, "logs", "--tail", "30", one["Id"]]
                logs = subprocess.run(command, env=self.engine.env, capture_output=True, text=True, check=False)
                told += [f"  | {line}" for line in (logs.stdout + logs.stderr).splitlines()]
        return "\n".join(told)

    def wait_healthy(self, service: str) -> None:
        """Wait until every container of a service says that it is well."""

        def well() -> bool:
            found = self.containers(service)
            return bool(found) and all(one["State"].get("Health", {}).get("Status") == "healthy" for one in found)

        until(well, f"{service} to be healthy", seconds=600)


def service_of(container: dict[str, Any]) -> str:
    """The name of a container's service in compose.yaml."""
    return str(container["Config"]["Labels"]["com.docker.compose.service"])
