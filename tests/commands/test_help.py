"""Help: every command has it, it is quick, and it needs none of the heavy libraries."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer.main
from click.testing import CliRunner

from acidwatch.cli.__main__ import app

HEAVY = ("pyspark", "pandas", "pyarrow", "numpy", "faust", "aiokafka", "psycopg", "openpyxl", "hdfs")
ROOT = typer.main.get_command(app)


def commands(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every command and group."""
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


PATHS = list(commands(ROOT))


def test_the_commands_that_people_rely_on_are_there() -> None:
    names = {" ".join(path) for path in PATHS}
    assert {
        "template", "validate",
        "send", "wait", "generate", "status", "sources list", "batches list", "batches show", "versions list", "versions show",
        "versions diff", "versions export", "versions restore", "versions tag", "quarantine",
        "reconcile", "verify", "gc", "ledger backup", "ledger backups list", "ledger restore", "ledger rebuild",
        "job metrics", "job compact", "metrics site", "metrics method", "metrics category", "metrics trend", "metrics region",
        "metrics acceleration", "metrics acidity", "metrics quality", "report",
        "reference load", "ledger migrate", "topics create",
        "ingest status", "ingest pause", "ingest resume",
        "dlq list", "dlq show", "dlq replay", "dlq park", "dlq unpark", "dlq export", "dlq resubmit", "reprocess",
    } <= names  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(
        ROOT, [*path, "-h" if len(path) == 1 else "--help"], env={"COLUMNS": "200", "TERM": "dumb"}
    )
    assert (result.exit_code, result.exception) == (0, None)
    assert "Usage:" in result.output
    command = ROOT
    for name in path:
        command = command.commands[name]  # type: ignore[attr-defined]
    assert command.help, "says what it does"
    assert not [parameter.name for parameter in command.params if not getattr(parameter, "help", None)]


@pytest.mark.parametrize("arguments", [["--help"], ["job", "metrics", "--help"], ["job", "compact", "--help"]])
def test_help_imports_none_of_the_heavy_libraries(arguments: list[str]) -> None:
    code = (
        "import sys; sys.argv[0] = 'acidwatch'\n"
        "from acidwatch.cli.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as end: print('exit', end.code)\n"
        f"print('imported', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.endswith("exit 0\nimported []\n")
