"""The archive's twin in memory: files are published once, read whole and listed by folder."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

import pytest

from acidwatch.archive.memory import MemoryStore
from acidwatch.archive.store import FileExistsAlreadyError, MissingFileError
from acidwatch.archive.zones import group_name, group_path, pointer_path


def test_what_was_published_is_read_and_its_checksum_returned() -> None:
    store = MemoryStore()
    assert store.publish("raw/a", b"x") == hashlib.sha256(b"x").hexdigest()
    assert store.read("raw/a") == b"x"


def test_a_published_file_never_changes() -> None:
    store = MemoryStore()
    store.publish("raw/a", b"x")
    with pytest.raises(FileExistsAlreadyError) as caught:
        store.publish("raw/a", b"y")
    assert (caught.value.path, store.read("raw/a")) == ("raw/a", b"x")


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(MissingFileError, match="raw/a is not in the archive") as caught:
        MemoryStore().read("raw/a")
    assert caught.value.path == "raw/a"


def test_a_folder_lists_its_names_once_and_sorted() -> None:
    store = MemoryStore()
    for path in ("r/b/1", "r/b/2", "r/a", "rr/x"):
        store.publish(path, b"")
    assert store.names("r") == store.names("r/") == ["a", "b"]
    assert store.names("none") == []


def test_files_of_a_group_lie_in_a_folder_a_day_under_a_name_that_no_other_write_has() -> None:
    moment = datetime(2024, 5, 7, 9, 3, 1, tzinfo=UTC)
    names = {group_name(moment) for _ in range(100)}
    assert len(names) == 100
    assert all(re.fullmatch(r"090301-[0-9a-f]{32}", name) for name in names)
    assert group_path("clean", moment, "090301-x") == "clean/2024-05-07/090301-x.parquet"
    assert pointer_path(12) == "reference/000012.json"
