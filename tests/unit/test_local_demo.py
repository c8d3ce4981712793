"""`make demo` without its servers: whose data it removes, and the commands that it types."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import typer

from acidwatch.cli.__main__ import app
from acidwatch.errors import ConfigError
from deploy.local import demo
from deploy.local.errors import StackBusyError
from deploy.local.layout import Layout
from deploy.local.services import ONE_SHOTS
from deploy.local.stack import take_lock


class NoStack:
    """Starts nothing, and has no settings."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def env(self) -> dict[str, str]:
        return {}


@pytest.fixture(autouse=True)
def typed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands that the demo would run."""
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(demo, "Stack", NoStack)
    monkeypatch.setattr(demo.Cli, "run", lambda _, *arguments: commands.append(arguments))
    return commands


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of an earlier demo."""
    layout = Layout(tmp_path / "demo")
    layout.make()
    (layout.data / "kafka").mkdir()
    (layout.data / "kafka" / "log").write_text("records")
    layout.env_file.write_text("X=1")
    return layout.root


def test_a_second_demo_leaves_the_data_of_the_one_that_runs_alone(root: Path, typed: list[tuple[str, ...]]) -> None:
    lock = take_lock(Layout(root))
    try:
        with pytest.raises(StackBusyError) as caught:
            demo.run_demo(root, None)
    finally:
        os.close(lock)
    assert (caught.value.exit_code, f"down --root {root}" in str(caught.value)) == (2, True)
    assert (root / "data" / "kafka" / "log").read_text() == "records"
    assert typed == []


def test_a_demo_begins_with_nothing_but_the_lock_of_the_one_before(root: Path) -> None:
    os.close(take_lock(Layout(root)))
    lock = (root / "run" / "lock").stat()
    assert demo.run_demo(root, None) == 0
    assert sorted(path.name for path in root.iterdir()) == ["run"]
    assert (root / "run" / "lock").stat().st_ino == lock.st_ino, (
        "who waits for a lock's file must not wait for a deleted one"
    )


def test_files_that_may_not_be_removed_are_one_line(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path / "log"))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(ConfigError, match=r"log: can't be removed \(Permission denied\)") as caught:
        demo.run_demo(root, None)
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_that_can_not_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file"):
        demo.run_demo(tmp_path / "file" / "demo", None)


def test_every_command_of_the_demo_and_of_make_up_is_one_that_there_is(
    tmp_path: Path, typed: list[tuple[str, ...]]
) -> None:
    demo.run_demo(tmp_path / "demo", None)
    assert {"send", "wait", "job", "metrics"} <= {arguments[0] for arguments in typed}
    for arguments in (*typed, *(one_shot[2:] for one_shot in ONE_SHOTS)):
        parse(arguments)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["send", "x.xlsx", "--intervall", "0"], "No such option"),
        (["versions", "lists"], "lists"),
        (["generate", "--rows", "many"], "valid integer"),
    ],
)
def test_a_command_that_is_none_would_be_seen(wrong: list[str], said: str) -> None:
    with pytest.raises(Exception, match=said):
        parse(wrong)


def parse(arguments: tuple[str, ...] | list[str]) -> None:
    """Read a command line as the command would, and run nothing."""
    command: Any = typer.main.get_command(app)
    words: Iterator[str] = iter(arguments)
    while hasattr(command, "commands"):
        command = command.commands[next(words)]
    command.make_context(command.name, list(words))
