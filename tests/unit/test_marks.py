"""Which marks a test has by the folder that it is in, wherever the project itself lies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mark", ["faults", "monitoring", "security", "cluster", "engine"])
def test_a_folder_marks_its_own_tests_and_the_projects_folder_none(tmp_path: Path, mark: str) -> None:
    project = tmp_path / mark
    for folder in (mark, f"unit/{mark}", "integration"):
        place = project / "tests" / folder
        place.mkdir(parents=True)
        (place / "test_it.py").write_text("def test_it(): pass\n")
    shutil.copytree(PROJECT / "tests/support", project / "tests/support")
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(PROJECT / name, project / name)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", mark],
        cwd=project, env={**os.environ, "PYTHONPATH": str(PROJECT)}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert [line for line in done.stdout.splitlines() if "::" in line] == [f"tests/{mark}/test_it.py::test_it"], done
