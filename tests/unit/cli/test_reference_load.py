"""`reference load`, as it is given by a person and at each start of a deployment."""

from __future__ import annotations

from pathlib import Path

import pytest

from acidwatch.archive import hdfs
from acidwatch.archive.memory import MemoryStore
from acidwatch.archive.reference import newest_version
from acidwatch.workbook.generate import Generated, generate
from tests.support.command import Done, command


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    made = MemoryStore()
    monkeypatch.setattr(hdfs, "HdfsStore", lambda _: made)
    return made


def load(made: Generated, *more: str) -> Done:
    env = {"ACIDWATCH_HDFS_URL": "http://127.0.0.1:1"}
    return command(env, "reference", "load", "--sites", made.sites, "--methods", made.methods, *more)


def test_if_none_loads_the_first_tables_and_leaves_newer_ones_alone(store: MemoryStore, tmp_path: Path) -> None:
    old, newer = (generate(10, seed, tmp_path / str(seed), ()) for seed in (1, 2))
    first = load(old, "--if-none")
    assert (first.code, newest_version(store)) == (0, 1), first.err
    assert load(newer).code == 0
    again = load(old, "--if-none")
    assert (again.code, again.out) == (0, "reference version 2 is there: nothing loaded\n")
    assert load(old, "--if-none", "--output", "json").json["new"] is False
    assert newest_version(store) == 2


def test_if_none_asks_for_no_workbooks_once_there_is_a_version(store: MemoryStore, tmp_path: Path) -> None:
    made = generate(10, 1, tmp_path, ())
    load(made)
    made.sites.unlink()
    assert load(made, "--if-none").code == 0
    assert load(made).code == 2
