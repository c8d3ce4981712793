"""Reference versions: numbered, immutable, one for each pair of workbooks that differs from the one before."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pyarrow as pa
import pytest

from acidwatch.archive.memory import MemoryStore
from acidwatch.archive.reference import Pointer, newest_version, publish_reference, read_pointer, read_reference
from acidwatch.archive.store import MissingFileError, Store
from acidwatch.archive.zones import pointer_path

NOW = datetime(2024, 5, 17, tzinfo=UTC)


def load(store: Store, content: bytes = b"one", sites: tuple[str, ...] = ("020058",)) -> tuple[Pointer, bool]:
    tables = {
        "sites": pa.table({"PROGRAM_ID": ["LTM_ME"] * len(sites), "SITE_ID": list(sites)}),
        "methods": pa.table({"PROGRAM_ID": ["LTM_ME"]}),
    }
    return publish_reference(store, tables, {"sites.xlsx": content, "methods.xlsx": b"m"}, "me", NOW)


def test_a_stray_file_among_the_pointers_is_no_version() -> None:
    store = MemoryStore()
    load(store)
    for name in ("2.json", "notes.json", "000003.json.part"):
        store.publish(f"reference/{name}", b"x")
    assert newest_version(store) == 1


def test_nothing_loaded_is_version_0() -> None:
    store = MemoryStore()
    assert newest_version(store) == 0
    with pytest.raises(MissingFileError):
        read_pointer(store, 1)


def test_a_version_points_to_the_workbooks_as_received_and_to_typed_tables() -> None:
    store = MemoryStore()
    pointer, new = load(store)
    assert new
    assert (pointer["version"], pointer["author"], pointer["created_at"]) == (1, "me", "2024-05-17T00:00:00+00:00")
    assert read_pointer(store, 1) == pointer
    assert (pointer["sites"]["rows"], pointer["methods"]["rows"]) == (1, 1)
    assert store.read(pointer["workbooks"]["sites.xlsx"]["path"]) == b"one"
    for file in (pointer["sites"], pointer["methods"], *pointer["workbooks"].values()):
        assert len(store.read(file["path"])) == file["bytes"]
    assert read_reference(store, 1).sites == {("LTM_ME", "020058")}


def test_the_same_workbooks_again_make_no_new_version() -> None:
    store = MemoryStore()
    first, _ = load(store)
    files = dict(store.files)
    assert load(store) == (first, False)
    assert store.files == files


def test_other_workbooks_make_the_next_version_and_going_back_one_more() -> None:
    store = MemoryStore()
    load(store)
    load(store, b"two", ("020058", "77"))
    pointer, new = load(store)
    assert (pointer["version"], new, newest_version(store)) == (3, True, 3)
    assert [len(read_reference(store, version).sites) for version in (1, 2, 3)] == [1, 2, 1]


def test_a_race_for_a_number_takes_the_next_one() -> None:
    class Overtaken(MemoryStore):
        """Somebody else loads a version just before ours gets its number, twice."""

        def publish(self, path: str, data: bytes) -> str:
            if path in (pointer_path(1), pointer_path(2)):
                self.files.setdefault(path, orjson.dumps({"version": int(path[-6]), "theirs": True}))
            return super().publish(path, data)

    store = Overtaken()
    pointer, new = load(store)
    assert (pointer["version"], new) == (3, True)
    assert read_pointer(store, 3) == pointer
    assert read_pointer(store, 1)["theirs"]


def test_names_that_are_no_versions_are_no_versions() -> None:
    store = MemoryStore()
    load(store)
    store.publish("reference/notes.json", b"{}")
    assert newest_version(store) == 1
