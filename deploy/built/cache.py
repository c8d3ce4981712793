"""Where what is fetched or built once is kept, by name and version."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from acidwatch.errors import RetryableError
from deploy.local.errors import PrerequisiteError
from deploy.local.layout import DEFAULT_ROOT


class MakingFailedError(RetryableError):
    """A command that fetches or builds failed.

    Attributes:
        command: It.
        code: What it ended with.
        lines: The last lines of what it said.
    """

    exit_code = 3

    def __init__(self, command: Sequence[str], code: int, lines: Sequence[str]) -> None:
        self.command, self.code, self.lines = command, code, lines
        shown = "\n".join(f"  | {line[:300]}" for line in lines)
        super().__init__(f"`{' '.join(command)}` ended with {code}:\n{shown}")


VARIABLE = "ACIDWATCH_BUILT"


def folder() -> Path:
    """`.local/built`, or the one that the environment names, which several clones can share."""
    return Path(os.environ.get(VARIABLE) or DEFAULT_ROOT / "built").resolve()


def once(name: str, make: Callable[[Path], None]) -> Path:
    """A folder of the cache, made wholly or not at all, and by one process while others wait.

    Args:
        name: With the version, so that another version is another folder.
        make: Fills the empty folder that it is given. That has its final name already, because a venv can't be moved.
    """
    path = folder() / name
    made, lock = path.with_name(f"{name}.made"), path.with_name(f"{name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir()
            make(path)
            made.touch()
    return path


def run(command: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command that fetches or builds; what it printed.

    Raises:
        PrerequisiteError: The program is not here.
        MakingFailedError: It failed.
    """
    if shutil.which(command[0]) is None:
        raise PrerequisiteError(f"{command[0]} was not found on PATH")
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise MakingFailedError(command, done.returncode, done.stderr.strip().splitlines()[-10:])
    return done.stdout
