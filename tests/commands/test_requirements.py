"""Each process runs on what its own requirements file installs, and on nothing else: what its image holds."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.deployment import PROJECT

FIRST_PARTY = ("acidwatch", "services", "jobs")
MODULES = sorted(
    ".".join(path.relative_to(PROJECT).with_suffix("").parts) for path in PROJECT.glob("acidwatch/cli/*.py")
)
PROCESSES = {
    "producer": (["services.producer.__main__"], ()),
    "ingestor": (["services.ingestor.__main__"], ()),
    "versioner": (["services.versioner.__main__"], ()),
    "spark": (["jobs.spark.__main__"], ()),
    # Commands that run Spark are for the image of the Spark jobs.
    "cli": (MODULES, ("jobs.spark.bootstrap", "jobs.spark.live")),
}

# What a package imports only when it is used for what we use it for: PySpark, to take Arrow's tables in and out.
IMPORTED_LATE = {"spark": ["pandas", "pyarrow"]}

# What a process only looks for, to say what to install.
ASKED_FOR = {"cli": {"pyspark"}}

# Every module is imported by an interpreter that sees of the installed packages only those that are listed.
IMPORTER = """
import importlib, json, re, sys
from importlib.metadata import packages_distributions
modules, allowed = json.load(sys.stdin)
owners = packages_distributions()
class OnlyPinned:
    def find_spec(self, name, path=None, target=None):
        owned = owners.get(name.partition(".")[0], [])
        if owned and not {re.sub("[-_.]+", "-", owner).lower() for owner in owned} & {*allowed, "acidwatch"}:
            raise ModuleNotFoundError(f"{name} is of {owned[0]}", name=name)
        return None
for finder in [finder for finder in sys.meta_path if "editable" in str(finder).lower()]:
    sys.meta_path.remove(finder)
sys.meta_path.insert(0, OnlyPinned())
for module in modules:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        print(f"{module}: {error}")
"""


def file_of(module: str) -> Path | None:
    """The module's file, None when it is no module of ours."""
    path = PROJECT / Path(*module.split("."))
    return next((found for found in (path.with_suffix(".py"), path / "__init__.py") if found.is_file()), None)


def imports_of(path: Path) -> set[str]:
    """Modules, and what may be such, that a file imports anywhere, also inside functions; not for type checking alone."""
    tree = ast.parse(path.read_text())
    unreal = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in unreal:
            continue
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


def imported_by(path: Path) -> set[str]:
    """Modules of ours that a file imports."""
    return {name for name in imports_of(path) if name.split(".")[0] in FIRST_PARTY and file_of(name)}


def reached_from(entries: list[str], without: tuple[str, ...]) -> list[str]:
    reached: set[str] = set()
    waiting = list(entries)
    while waiting:
        module = waiting.pop()
        path = file_of(module)
        if module in reached or path is None or module.startswith(without or "-"):
            continue
        reached.add(module)
        waiting += imported_by(path)
    return sorted(reached)


def pinned(name: str) -> list[str]:
    return re.findall(
        r"^([a-z0-9-]+)(?:\[.*?\])?==", (PROJECT / "requirements" / f"{name}.txt").read_text(), re.MULTILINE
    )


def declared(extra: str) -> set[str]:
    """Packages that pyproject.toml names for a process; psycopg's extra `pool` is the package psycopg-pool."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    found = set()
    for requirement in [*project["dependencies"], *project["optional-dependencies"][extra]]:
        name, others = re.match(r"([A-Za-z0-9-]+)(?:\[([^]]*)\])?", requirement).groups()
        extras = others.split(",") if others else []
        if name == "acidwatch":
            found |= set().union(*map(declared, extras))
        else:
            found |= {name, *(f"{name}-{other}" for other in extras)}
    return found


@pytest.mark.parametrize("process", PROCESSES)
def test_what_a_process_imports_itself_is_declared_for_it(process: str) -> None:
    owners = packages_distributions()
    imported = {
        name.partition(".")[0]
        for module in reached_from(*PROCESSES[process])
        if (path := file_of(module)) is not None
        for name in imports_of(path)
    }
    needed = {owners[name][0].lower().replace("_", "-") for name in imported - {*FIRST_PARTY} if name in owners}
    assert needed - declared(process) - ASKED_FOR.get(process, set()) == set()


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_imports_only_what_its_requirements_pin(process: str) -> None:
    modules = reached_from(*PROCESSES[process]) + IMPORTED_LATE.get(process, [])
    assert len(modules) > 15
    done = subprocess.run(
        [sys.executable, "-c", IMPORTER],
        input=json.dumps([modules, pinned(process)]),
        capture_output=True,
        text=True,
        check=True,
        cwd=PROJECT,
        timeout=120,
    )
    assert done.stdout.splitlines() == []


def test_a_package_that_is_not_pinned_is_noticed() -> None:
    assert find_spec("duckdb")
    done = subprocess.run(
        [sys.executable, "-c", IMPORTER],
        input=json.dumps([["duckdb"], ["rich"]]),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "duckdb: duckdb is of duckdb\n"
