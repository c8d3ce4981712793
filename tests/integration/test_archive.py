"""The archive's promises, on HDFS and on its twin in memory: whole files or none, never changed, read back before they count."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.archive.memory import MemoryStore
from acidwatch.archive.store import FileExistsAlreadyError, MissingFileError, Store
from acidwatch.archive.threads import in_threads
from acidwatch.errors import DependencyAwayError
from acidwatch.settings import HdfsSettings
from deploy.local.stack import Stack

ROOT = "/acidwatch/archive-tests"


@pytest.fixture(params=["hdfs", "memory"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    stack: Stack = request.getfixturevalue("stack")
    yield HdfsStore(HdfsSettings(hdfs_url=stack.hdfs_url, hdfs_root=f"{ROOT}/{request.node.name}"))


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 20_000], ids=["empty", "one byte", "5 MB"])
def test_a_published_file_reads_back_byte_for_byte_with_its_checksum(store: Store, data: bytes) -> None:
    assert store.publish("raw/a.parquet", data) == hashlib.sha256(data).hexdigest()
    assert store.read("raw/a.parquet") == data


def test_a_published_file_is_never_changed(store: Store) -> None:
    store.publish("raw/a", b"first")
    with pytest.raises(FileExistsAlreadyError):
        store.publish("raw/a", b"second")
    assert store.read("raw/a") == b"first"


def test_names_are_sorted_and_a_missing_folder_is_empty(store: Store) -> None:
    for name in ("b", "a"):
        store.publish(f"raw/{name}", b"")
    assert store.names("raw") == ["a", "b"]
    assert store.names("nothing/here") == []


def test_reading_a_file_that_is_not_there_says_which(store: Store) -> None:
    with pytest.raises(MissingFileError, match="raw/none is not in the archive"):
        store.read("raw/none")


def test_every_file_below_a_folder_is_walked_with_its_length_and_time(store: Store) -> None:
    before = datetime.now(UTC)
    for path, data in (("raw/b/2", b"22"), ("raw/b/1", b""), ("raw/a", b"1"), ("rawest/x", b"")):
        store.publish(path, data)
    found = list(store.walk("raw"))
    assert [(file.path, file.bytes) for file in found] == [("raw/a", 1), ("raw/b/1", 0), ("raw/b/2", 2)]
    assert all(abs((file.modified_at - before).total_seconds()) < 120 for file in found)
    assert list(store.walk("nothing/here")) == []


def test_the_tail_of_a_file_is_its_last_bytes(store: Store) -> None:
    store.publish("raw/a", b"0123456789")
    assert [store.tail("raw/a", length) for length in (1, 4, 10, 99)] == [b"9", b"6789", b"0123456789", b"0123456789"]
    with pytest.raises(MissingFileError, match="raw/none"):
        store.tail("raw/none", 8)


def test_a_deleted_file_or_folder_is_gone_and_its_neighbours_are_not(store: Store) -> None:
    for path in ("clean/a", "clean/ab", "enriched/run=1/x", "enriched/run=1/y", "enriched/run=12/x"):
        store.publish(path, b"")
    assert [store.delete(path) for path in ("clean/a", "enriched/run=1", "clean/a")] == [True, True, False]
    assert [file.path for folder in ("clean", "enriched") for file in store.walk(folder)] == [
        "clean/ab",
        "enriched/run=12/x",
    ]
    store.publish("clean/a", b"again")
    assert store.read("clean/a") == b"again"


def test_nothing_is_left_under_tmp_after_a_publication(stack: Stack) -> None:
    store = HdfsStore(HdfsSettings(hdfs_url=stack.hdfs_url, hdfs_root=f"{ROOT}/tidy"))
    store.publish("raw/a", b"x")
    with pytest.raises(FileExistsAlreadyError):
        store.publish("raw/a", b"y")
    assert store.names("_tmp") == []


def test_a_server_that_is_away_is_named_with_its_address(stack: Stack) -> None:
    store = HdfsStore(HdfsSettings(hdfs_url="http://127.0.0.1:9", hdfs_timeout_seconds=2))
    for call in (lambda: store.publish("a", b""), lambda: store.read("a"), lambda: store.names("")):
        with pytest.raises(DependencyAwayError, match=r"HDFS is away at http://127\.0\.0\.1:9") as caught:
            call()
        assert caught.value.exit_code == 3


def test_files_are_read_in_their_order_and_once_one_fails_no_more_are_begun() -> None:
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise DependencyAwayError("HDFS", "nowhere", "gone")
        return number

    assert list(in_threads(work, range(3))) == [0, 1, 2]
    with pytest.raises(DependencyAwayError):
        list(in_threads(work, range(100_000)))
    assert len(begun) < 100_000
