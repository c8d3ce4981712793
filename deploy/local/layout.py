"""Where everything lies below a stack's root, and how small state files are written."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
DEFAULT_ROOT = PROJECT / ".local"
JARS = DEFAULT_ROOT / "jars"  # shared by every root, the jars never change


@dataclass(frozen=True)
class Layout:
    """The folders of one stack."""

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", self.root.resolve())

    @property
    def conf(self) -> Path:
        """Configuration files, written anew at every start."""
        return self.root / "conf"

    @property
    def data(self) -> Path:
        """What survives `down` and `up`."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Who runs now: the lock, and one pid file a process."""
        return self.root / "run"

    @property
    def tmp(self) -> Path:
        """Scratch space of the Java servers."""
        return self.root / "tmp"

    @property
    def env_file(self) -> Path:
        """The settings that clients read."""
        return self.root / "stack.env"

    def make(self) -> None:
        """Create the folders."""
        for folder in (self.root, self.conf, self.data, self.logs, self.run, self.tmp):
            folder.mkdir(parents=True, exist_ok=True)


def write_atomically(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a whole file or nothing, also when the writer is killed."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a state file; one that is missing or damaged counts as empty."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
