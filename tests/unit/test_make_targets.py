"""`make down`, `status` and `clean` use what is installed, and install nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not here")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone, as far as make looks at it."""
    shutil.copy(PROJECT / "Makefile", tmp_path)
    (tmp_path / "requirements").mkdir()
    for name in ("pyproject.toml", "requirements/dev.txt"):
        (tmp_path / name).write_text("")
    return tmp_path


def make(folder: Path, target: str) -> subprocess.CompletedProcess[str]:
    """PYTHON, which an installation begins with, fails."""
    return subprocess.run(
        ["make", "--no-print-directory", target, "PYTHON=false"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("target", "code", "said"), [("down", 0, "nothing runs\n"), ("status", 2, "the stack is down\n")]
)
def test_where_nothing_is_installed_nothing_runs(clone: Path, target: str, code: int, said: str) -> None:
    done = make(clone, target)
    assert (done.returncode, done.stdout) == (code, said)
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize("target", ["down", "clean"])
def test_a_half_made_installation_is_no_hindrance(clone: Path, target: str) -> None:
    python = clone / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho ModuleNotFoundError\nexit 1\n")
    python.chmod(0o755)
    assert make(clone, target).returncode == 0
    assert (clone / ".venv").exists() is (target == "down")


def test_a_fresh_clone_is_cleaned_without_installing_anything(clone: Path) -> None:
    (clone / ".local").mkdir()
    done = make(clone, "clean")
    assert done.returncode == 0, done.stderr
    assert not (clone / ".local").exists()


@pytest.mark.parametrize("target", ["down", "status", "clean"])
def test_what_runs_is_stopped_by_what_it_was_started_with_whatever_changed_since(clone: Path, target: str) -> None:
    python = clone / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "ran $*"\n')
    python.chmod(0o755)
    ready = clone / ".venv" / ".ready"
    ready.touch()
    os.utime(ready, (0, 0))  # pyproject.toml is newer
    done = make(clone, target)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"ran -m deploy.local {'down' if target == 'clean' else target}\n")
