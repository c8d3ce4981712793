"""What `acidwatch send` prints to go on with after an interruption."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from acidwatch.cli import checking, fate, send, sending
from acidwatch.cli.__main__ import app
from tests.unit.checking.makers import spoiled, write_rows

Interrupted = Callable[..., list[str]]


@pytest.fixture
def interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Interrupted:
    """Sends 201 rows, is stopped after the first batch, and gives the command that it says to go on with."""
    monkeypatch.setenv("ACIDWATCH_KAFKA_BOOTSTRAP", "nowhere.invalid:1")
    monkeypatch.setenv("ACIDWATCH_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    monkeypatch.setattr(checking, "newest_reference", lambda: (None, "there is none"))
    monkeypatch.setattr(send, "_say_what_was_taken_out", lambda _: None)
    monkeypatch.setattr(sending, "send_with_progress", lambda *_, **__: 1)
    monkeypatch.setattr(fate, "fate_of", lambda *_: pytest.fail("waited for what was not sent"))
    book = write_rows(tmp_path / "my lakes.xlsx", spoiled(201, {}))

    def run(*options: str) -> list[str]:
        done = CliRunner().invoke(app, ["send", str(book), *options], catch_exceptions=False)
        (line,) = [line for line in done.stderr.splitlines() if "go on with: " in line]
        assert done.exit_code == (1 if "--wait" in options else 0)
        return shlex.split(line.split("go on with: ")[1])[3:]

    return run


@pytest.mark.parametrize(
    ("given", "again"),
    [
        ([], []),
        (["--interval", "10s", "--timeout", "300"], []),
        (["--interval", "0"], ["--interval", "0s"]),
        (["--interval", "250ms", "--batch-size", "50"], ["--batch-size", "50", "--interval", "0.25s"]),
        (["--wait", "--timeout", "20d"], ["--wait", "--timeout", "1728000s"]),
        (["--force", "--interval", "1m", "--wait"], ["--interval", "60s", "--force", "--wait"]),
    ],
)  # fmt: skip
def test_going_on_is_as_the_sending_was(interrupted: Interrupted, given: list[str], again: list[Any]) -> None:
    said = interrupted(*given)
    place = said.index("--from-batch")
    assert said[place + 1] == "1"
    assert said[:place] + said[place + 2 :] == again
    assert interrupted(*said) == said, "the command that is printed can be given"
