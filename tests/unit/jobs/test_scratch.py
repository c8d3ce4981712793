"""The folders that Spark writes to beside its memory, on a volume that several runs share and that outlives them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from acidwatch.errors import ConfigError
from jobs.spark.scratch import own_scratch


@pytest.fixture
def volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path))
    return tmp_path


def spill() -> Path:
    folder = Path(os.environ["SPARK_LOCAL_DIRS"]) / "blockmgr-1"
    folder.mkdir()
    (folder / "part").write_bytes(b"rows")
    return folder


def test_a_run_has_a_folder_of_its_own_that_goes_with_it(volume: Path) -> None:
    with own_scratch():
        assert spill().parent.parent == volume
    assert list(volume.iterdir()) == []
    assert os.environ["SPARK_LOCAL_DIRS"] == str(volume)


def test_what_a_killed_run_left_is_removed_by_the_next_one(volume: Path) -> None:
    left = volume / "run-killed"
    (left / "blockmgr-1").mkdir(parents=True)
    with own_scratch():
        assert not left.exists()


def test_what_another_run_still_uses_is_left_alone(volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with own_scratch():
        of_another = spill()
        monkeypatch.setenv("SPARK_LOCAL_DIRS", str(volume))
        with own_scratch():
            spill()
        assert (of_another / "part").read_bytes() == b"rows"


def test_what_somebody_else_has_put_there_is_left_alone(volume: Path) -> None:
    (volume / "notes").mkdir()
    with own_scratch():
        pass
    assert [path.name for path in volume.iterdir()] == ["notes"]


def test_several_disks_have_a_folder_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disks = [tmp_path / "a", tmp_path / "b"]
    monkeypatch.setenv("SPARK_LOCAL_DIRS", ",".join(map(str, disks)))
    with own_scratch():
        assert [Path(one).parent for one in os.environ["SPARK_LOCAL_DIRS"].split(",")] == disks


def test_without_the_variable_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPARK_LOCAL_DIRS", raising=False)
    with own_scratch():
        assert "SPARK_LOCAL_DIRS" not in os.environ


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="SPARK_LOCAL_DIRS"), own_scratch():
        pass
