"""The drop folder: each workbook once, across restarts, and what is no workbook refused once."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest
from prometheus_client import REGISTRY

from acidwatch.contract.columns import SAMPLE_NAMES
from acidwatch.contract.headers import read_headers
from acidwatch.errors import DependencyAwayError, PermanentError, UnreadableNowError, UnusableInputError
from acidwatch.telemetry.health import Health
from services.producer import folder as folder_module
from services.producer.folder import DropFolder
from services.producer.memory import Memory, Sent
from services.producer.settings import ProducerSettings
from tests.unit.producer.conftest import NOW, MakeBook, RecordingSender


class Drop:
    """A drop folder with its memory; `look` looks so many times in one process, and another `look` is a restart."""

    def __init__(self, tmp_path: Path, sender: RecordingSender) -> None:
        self.path, self.state, self.sender = tmp_path / "drop", tmp_path / "state", sender
        self.path.mkdir()
        self.health = Health("producer")

    def make(self, stop: asyncio.Event, **changes: Any) -> DropFolder:
        """The service's work in a new process."""
        given = {"drop_folder": self.path, "state_folder": self.state, "interval_seconds": 0.0, "batch_rows": 1,
                 "kafka_bootstrap": "127.0.0.1:1", "look_seconds": 0.001, "settle_seconds": 0.0} | changes  # fmt: skip
        settings = ProducerSettings(_env_file=None, **given)
        return DropFolder(settings, self.sender, Memory(self.state), self.health, lambda: NOW, stop)  # type: ignore[arg-type]

    def look(self, times: int = 2, **changes: Any) -> None:
        """Look so many times."""

        async def scenario() -> None:
            work = self.make(asyncio.Event(), **changes)
            for _ in range(times):
                await work._look()

        asyncio.run(scenario())

    @property
    def memories(self) -> list[Sent]:
        """What is remembered."""
        found = [Memory(self.state).recall(path.stem) for path in sorted(self.state.glob("*.json"))]
        return [sent for sent in found if sent is not None]


@pytest.fixture
def drop(tmp_path: Path, sender: RecordingSender) -> Drop:
    return Drop(tmp_path, sender)


def test_a_workbook_is_sent_once_however_often_the_folder_is_looked_at(drop: Drop, book: MakeBook) -> None:
    book(3, folder=drop.path)
    drop.look(5)
    assert drop.sender.indices == [0, 1, 2]


def test_what_was_sent_is_remembered_across_a_restart_and_under_another_name(drop: Drop, book: MakeBook) -> None:
    path = book(3, folder=drop.path)
    drop.look()
    drop.look()
    shutil.copy(path, drop.path / "copy.xlsx")
    drop.look()
    assert drop.sender.indices == [0, 1, 2]
    assert [(sent.name, sent.next_batch, sent.batches) for sent in drop.memories] == [("samples.xlsx", 3, 3)]


def test_a_restart_goes_on_at_the_next_batch_with_the_time_at_which_sending_began(drop: Drop, book: MakeBook) -> None:
    book(4, folder=drop.path)

    async def interrupted() -> None:
        stop = asyncio.Event()
        drop.sender.after = lambda calls: stop.set() if calls == 2 else None
        work = drop.make(stop, interval_seconds=0.001)
        await work._look()
        await work._look()

    asyncio.run(interrupted())
    assert [(sent.next_batch, sent.done) for sent in drop.memories] == [(2, False)]
    drop.look()
    assert drop.sender.indices == [0, 1, 2, 3]
    times = {read_headers(record.headers).source_time for call in drop.sender.calls for record in call}
    assert times == {NOW.isoformat()}


def test_a_restart_with_another_batch_size_goes_on_in_the_old_one_so_that_no_row_is_sent_as_another_batch(
    drop: Drop, book: MakeBook
) -> None:
    book(6, folder=drop.path)

    async def interrupted() -> None:
        stop = asyncio.Event()
        drop.sender.after = lambda calls: stop.set()
        work = drop.make(stop, interval_seconds=0.001)
        await work._look()
        await work._look()

    asyncio.run(interrupted())
    drop.sender.calls.clear()
    drop.look(batch_rows=3)
    assert drop.sender.indices == [1, 2, 3, 4, 5]
    assert drop.memories[0].done


def test_a_workbook_that_cannot_be_read_is_refused_once_with_its_reason(drop: Drop, book: MakeBook) -> None:
    (drop.path / "bad.xlsx").write_bytes(b"no workbook")
    book(1, "good.xlsx", folder=drop.path)
    drop.look(3)
    drop.look(3)
    refused = next(sent for sent in drop.memories if sent.refused)
    assert (refused.name, refused.batches, refused.done) == ("bad.xlsx", 0, True)
    assert "bad.xlsx" in refused.refused
    assert drop.sender.indices == [0], "the others are sent all the same"


def test_a_name_that_is_not_utf_8_keeps_nothing_from_being_sent(drop: Drop, book: MakeBook) -> None:
    strange = os.fsdecode(b"caf\xe9.xlsx")
    shutil.move(book(2, folder=drop.path), drop.path / strange)
    (drop.path / os.fsdecode(b"caf\xe8.xlsx")).write_bytes(b"no workbook")
    book(1, "good.xlsx", folder=drop.path)
    drop.look()
    assert drop.sender.indices == [0, 1, 0]
    sources = {read_headers(record.headers).source for call in drop.sender.calls for record in call}
    assert sources == {"caf%E9.xlsx", "good.xlsx"}
    assert sorted(sent.name for sent in drop.memories) == ["caf\ufffd.xlsx", "caf\ufffd.xlsx", "good.xlsx"]


@pytest.mark.parametrize(("until_restart", "later"), [(False, 1), (True, 2)], ids=["moved away", "too little memory"])
def test_a_workbook_that_cannot_be_read_now_is_not_remembered_as_refused(
    drop: Drop, book: MakeBook, monkeypatch: pytest.MonkeyPatch, until_restart: bool, later: int
) -> None:
    book(1, folder=drop.path)
    calls = []

    def not_now(*_: object) -> None:
        calls.append(1)
        raise UnreadableNowError("not now", until_restart=until_restart)

    with monkeypatch.context() as patched:
        patched.setattr(folder_module, "plan", not_now)
        drop.look(4)
    assert (len(calls), drop.memories) == (1 if until_restart else 3, [])
    drop.look(later + 1)
    assert drop.sender.indices == [0]


def test_a_file_that_is_still_growing_is_left_alone(drop: Drop, book: MakeBook) -> None:
    whole = book(2).read_bytes()
    target = drop.path / "samples.xlsx"

    async def scenario() -> None:
        work = drop.make(asyncio.Event())
        for part in (1, 2, 3):
            target.write_bytes(whole[: len(whole) * part // 3])
            await work._look()
            assert drop.sender.calls == []
        await work._look()

    asyncio.run(scenario())
    assert drop.sender.indices == [0, 1]
    assert not any(sent.refused for sent in drop.memories)


@pytest.mark.parametrize("name", ["~$samples.xlsx", ".samples.xlsx", "samples.xlsx.part", "samples.txt"])
def test_what_is_no_finished_workbook_by_its_name_is_left_alone(drop: Drop, name: str) -> None:
    (drop.path / name).write_bytes(b"x")
    (drop.path / "folder.xlsx").mkdir()
    drop.look(3)
    assert (drop.sender.calls, drop.memories) == ([], [])


def test_a_workbook_replaced_under_the_same_name_is_sent_as_another_source(drop: Drop, book: MakeBook) -> None:
    path = book(1, folder=drop.path)

    async def scenario() -> None:
        work = drop.make(asyncio.Event())
        await work._look()
        await work._look()
        book(2, folder=drop.path)
        os.utime(path, ns=(1, 1))
        await work._look()
        await work._look()

    asyncio.run(scenario())
    assert drop.sender.indices == [0, 0, 1]
    assert len(drop.memories) == 2


def test_a_file_that_is_taken_away_while_it_is_looked_at_ends_nothing(
    drop: Drop, book: MakeBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    book(1, folder=drop.path)
    digest = folder_module._digest

    def gone(path: Path) -> str:
        path.unlink()
        return digest(path)

    monkeypatch.setattr(folder_module, "_digest", gone)
    drop.look(3)
    assert (drop.sender.calls, drop.memories) == ([], [])


def test_a_file_that_changes_while_it_is_read_is_remembered_under_what_was_sent(
    drop: Drop, book: MakeBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    book(1, folder=drop.path)
    digest, replaced = folder_module._digest, []

    def replaced_once(path: Path) -> str:
        found = digest(path)
        if not replaced:
            replaced.append(found)
            book(2, folder=drop.path)
        return found

    monkeypatch.setattr(folder_module, "_digest", replaced_once)
    drop.look(4)
    assert drop.sender.indices == [0, 1]
    assert [sent.sha256 for sent in drop.memories] == [digest(drop.path / "samples.xlsx")]


def test_while_the_broker_is_away_it_is_not_ready_and_then_sends_what_was_not_confirmed(
    drop: Drop, book: MakeBook
) -> None:
    book(2, folder=drop.path)
    states: list[bool] = []

    async def scenario() -> None:
        stop = asyncio.Event()
        drop.sender.away_in = {1}

        def after(calls: int) -> None:
            states.append(drop.health.readiness()[0])
            stop.set()

        drop.sender.after = after
        await asyncio.wait_for(drop.make(stop).watch(), timeout=30)

    asyncio.run(scenario())
    assert states == [False]
    assert drop.sender.indices == [0, 1, 0, 1]
    assert drop.health.readiness()[0]


def test_told_to_stop_it_stops_looking(drop: Drop) -> None:
    async def scenario() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_soon(stop.set)
        await asyncio.wait_for(drop.make(stop, look_seconds=3600.0).watch(), timeout=30)

    asyncio.run(scenario())


def test_memory_is_whole_or_not_there(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "a" / "b")
    sent = Sent("ab" * 32, "s.xlsx", NOW.isoformat(), 5, 2)
    assert memory.recall(sent.sha256) is None
    memory.remember(sent)
    sent.next_batch = 5
    assert (memory.recall(sent.sha256) or sent).next_batch == 2
    memory.remember(sent)
    assert memory.recall(sent.sha256) == sent
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == [f"{sent.sha256}.json"]


def test_a_workbook_that_was_refused_for_its_name_is_sent_once_it_is_renamed(drop: Drop, book: MakeBook) -> None:
    path = book(2, folder=drop.path)
    wrong = path.rename(path.with_suffix(".xls"))
    drop.look()
    assert drop.sender.indices == [] and "name it .xlsx" in drop.memories[0].refused
    wrong.rename(path)
    drop.look(3)
    drop.look(3)
    assert drop.sender.indices == [0, 1]
    assert [(sent.name, sent.refused) for sent in drop.memories] == [("samples.xlsx", "")]


def test_a_batch_that_the_topic_would_not_take_ends_that_workbook_and_no_other(drop: Drop, book: MakeBook) -> None:
    book(3, "a.xlsx", folder=drop.path)
    book(1, "b.xlsx", folder=drop.path)
    drop.look(3, batch_rows=3, max_record_bytes=1024)
    drop.look(3, batch_rows=3, max_record_bytes=1024)
    assert drop.sender.indices == []
    assert ["can't be sent" in sent.refused for sent in drop.memories] == [True, True]
    drop.look(3, batch_rows=1)
    assert [sent.refused for sent in drop.memories] == ["", ""], "with other settings they are sent"
    assert sorted(drop.sender.indices) == [0, 0, 1, 2]


def test_once_the_broker_confirms_it_is_not_away_any_more_though_the_workbook_goes_on(
    drop: Drop, book: MakeBook
) -> None:
    book(2, folder=drop.path)
    drop.health.away("Kafka", "no answer")
    seen: list[bool] = []
    drop.sender.after = lambda calls: seen.append("Kafka" in drop.health.readiness()[1]["waiting_for"])
    drop.look(interval_seconds=0.001)
    assert seen == [True, False]


def header_only(path: Path, *, without: str = "") -> None:
    """A text file with the names of the columns, but for one, and an empty row."""
    names = [name for name in SAMPLE_NAMES if name != without]
    path.write_text(",".join(names) + "\nx" + "," * (len(names) - 1) + "\n")


def test_a_refusal_whose_reason_holds_a_name_that_is_not_utf_8_keeps_nothing_from_being_sent(
    drop: Drop, book: MakeBook
) -> None:
    header_only(drop.path / os.fsdecode(b"a\xfc.csv"), without="SITE_ID")
    book(1, "good.xlsx", folder=drop.path)
    drop.look(3)
    assert drop.sender.indices == [0]
    assert [sent.name for sent in drop.memories if "SITE_ID" in sent.refused] == ["a\ufffd.csv"]


@pytest.mark.parametrize(
    "error", [TypeError("no idea"), MemoryError(), OSError("no more processes"), PermanentError("Kafka takes it not")]
)
def test_whatever_is_wrong_with_a_file_the_others_are_sent_and_it_is_told(
    drop: Drop, book: MakeBook, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    bad = book(1, "a.xlsx", folder=drop.path)
    book(2, "b.xlsx", folder=drop.path)

    def plan(path: Path, *rest: Any) -> Any:
        if path == bad and failing:
            raise error
        return real(path, *rest)

    real, failing = folder_module.plan, [True]
    with monkeypatch.context() as patched:
        patched.setattr(folder_module, "plan", plan)
        drop.look(4)
        assert drop.sender.indices == [0, 1]
        assert REGISTRY.get_sample_value("acidwatch_sources_unreadable") == 1
        patched.setattr(folder_module, "TRY_AGAIN_SECONDS", 0.0)
        failing.clear()
        drop.look(4)
    assert drop.sender.indices == [0, 1, 0], "it is tried again"
    assert REGISTRY.get_sample_value("acidwatch_sources_unreadable") == 0


def test_a_folder_that_is_gone_is_told_and_waited_for(drop: Drop) -> None:
    drop.path.rmdir()
    with pytest.raises(DependencyAwayError, match="drop folder is away"):
        drop.look()


def test_a_state_folder_that_is_full_is_told_and_waited_for(
    drop: Drop, book: MakeBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    book(1, folder=drop.path)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(DependencyAwayError, match="state folder is away .*No space left"):
            drop.look()
    drop.look()
    assert drop.sender.indices == [0]


def test_what_was_refused_while_it_was_replaced_is_not_remembered(
    drop: Drop, book: MakeBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = book(1, folder=drop.path)
    whole, real = path.read_bytes(), folder_module.plan

    def half_copied(path: Path, *rest: Any) -> Any:
        if not drop.memories and path.read_bytes() == whole:
            path.write_bytes(b"")
        return real(path, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(folder_module, "plan", half_copied)
        drop.look(2)
    assert drop.memories == []
    path.write_bytes(whole)
    drop.look(2)
    assert drop.sender.indices == [0]


def test_a_half_sent_workbook_that_is_refused_keeps_how_far_it_was_sent(
    drop: Drop, book: MakeBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = book(3, folder=drop.path)
    sha256 = folder_module._digest(path)
    Memory(drop.state).remember(Sent(sha256, path.name, NOW.isoformat(), 3, 2, 1))

    def refuse(*_: Any) -> None:
        raise UnusableInputError("not by this version")

    with monkeypatch.context() as patched:
        patched.setattr(folder_module, "plan", refuse)
        drop.look()
    (sent,) = drop.memories
    assert (sent.refused, sent.next_batch, sent.batches, sent.batch_rows) == ("not by this version", 2, 3, 1)


def test_a_half_sent_workbook_that_was_refused_is_sent_on_as_it_was_cut_whatever_the_setting_says_by_now(
    drop: Drop, book: MakeBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = book(6, folder=drop.path)
    Memory(drop.state).remember(Sent(folder_module._digest(path), path.name, NOW.isoformat(), 6, 2, 1))

    def refuse(*_: Any) -> None:
        raise UnusableInputError("not by this version")

    with monkeypatch.context() as patched:
        patched.setattr(folder_module, "plan", refuse)
        drop.look()
    drop.look(batch_rows=3)
    assert drop.sender.indices == [2, 3, 4, 5]
    assert [(sent.refused, sent.next_batch, sent.batch_rows) for sent in drop.memories] == [("", 6, 1)]


def test_a_half_sent_workbook_whose_next_batch_was_too_large_is_sent_on_as_it_was_cut(
    drop: Drop, book: MakeBook
) -> None:
    path = book(6, folder=drop.path)
    Memory(drop.state).remember(Sent(folder_module._digest(path), path.name, NOW.isoformat(), 2, 1, 3))
    drop.look(batch_rows=3, max_record_bytes=1024)
    assert ["can't be sent" in sent.refused for sent in drop.memories] == [True]
    drop.look(batch_rows=1)
    assert drop.sender.indices == [1]
    assert [(sent.refused, sent.next_batch, sent.batch_rows) for sent in drop.memories] == [("", 2, 3)]


@pytest.mark.parametrize(
    ("remembered", "indices"),
    [
        pytest.param({"batches": 0, "batch_rows": 0}, [], id="could not be read"),
        pytest.param({"batches": 1, "batch_rows": 3}, [0, 1, 2], id="was too large"),
        pytest.param({"batches": 3, "next_batch": 1, "batch_rows": 1}, [1, 2], id="was half sent"),
    ],
)
def test_what_an_earlier_release_refused_without_saying_for_what_is_tried_again_unless_it_could_not_be_read(
    drop: Drop, book: MakeBook, remembered: dict[str, Any], indices: list[int]
) -> None:
    path = book(3, folder=drop.path)
    sent = {"sha256": folder_module._digest(path), "name": path.name, "source_time": NOW.isoformat(), "refused": "why"}
    drop.state.mkdir()
    (drop.state / f"{sent['sha256']}.json").write_bytes(orjson.dumps(sent | remembered))
    drop.look()
    assert drop.sender.indices == indices


def test_the_older_file_is_sent_first_whatever_it_is_called(drop: Drop, book: MakeBook) -> None:
    os.utime(book(1, "samples.xlsx", folder=drop.path), ns=(10, 10))
    os.utime(book(2, "corrected.xlsx", folder=drop.path), ns=(20, 20))
    drop.look()
    sources = [read_headers(record.headers).source for call in drop.sender.calls for record in call]
    assert sources == ["samples.xlsx", "corrected.xlsx", "corrected.xlsx"]


def test_a_file_must_not_have_changed_for_a_while(drop: Drop, book: MakeBook, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(folder_module.time, "monotonic", lambda: clock[0])
    path = book(1, folder=drop.path)

    async def scenario() -> None:
        work = drop.make(asyncio.Event(), settle_seconds=10.0)
        await work._look()
        clock[0] += 9.0
        await work._look()
        os.utime(path, ns=(1, 1))  # the copy goes on after a pause
        await work._look()
        clock[0] += 9.9
        await work._look()
        assert drop.sender.calls == []
        clock[0] += 0.2
        await work._look()

    asyncio.run(scenario())
    assert drop.sender.indices == [0]


def test_the_time_at_which_sending_began_is_that_of_the_first_batch_that_was_confirmed(
    drop: Drop, book: MakeBook
) -> None:
    path = book(1, folder=drop.path)
    Memory(drop.state).remember(Sent(folder_module._digest(path), path.name, "2000-01-01T00:00:00+00:00", 1, 0, 1))
    drop.look()
    times = {read_headers(record.headers).source_time for call in drop.sender.calls for record in call}
    assert times == {NOW.isoformat()}


def test_what_an_earlier_release_remembered_without_its_cut_is_sent_from_the_beginning(
    drop: Drop, book: MakeBook
) -> None:
    path = book(3, folder=drop.path)
    Memory(drop.state).remember(Sent(folder_module._digest(path), path.name, NOW.isoformat(), 3, 2))
    drop.look()
    assert drop.sender.indices == [0, 1, 2]


def test_what_failed_for_another_reason_is_tried_again_by_the_same_process_after_a_while(
    drop: Drop, book: MakeBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    book(1, folder=drop.path)
    real, clock, calls = folder_module.plan, [100.0], [0]
    monkeypatch.setattr(folder_module.time, "monotonic", lambda: clock[0])

    def plan(*given: Any) -> Any:
        calls[0] += 1
        if calls[0] == 1:
            raise OSError(errno.ENOMEM, "can't fork")
        return real(*given)

    monkeypatch.setattr(folder_module, "plan", plan)

    async def scenario() -> None:
        work = drop.make(asyncio.Event())
        for _ in range(4):
            await work._look()
        assert calls == [1]
        clock[0] += folder_module.TRY_AGAIN_SECONDS
        await work._look()

    asyncio.run(scenario())
    assert drop.sender.indices == [0]


def test_a_file_that_was_written_while_another_one_was_sent_is_left_alone(
    drop: Drop, book: MakeBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(folder_module.time, "monotonic", lambda: clock[0])
    os.utime(book(1, "a.xlsx", folder=drop.path), ns=(10, 10))
    growing = book(1, "b.xlsx", folder=drop.path)

    def meanwhile(calls: int) -> None:
        clock[0] += 3600.0
        os.utime(growing, ns=(int(clock[0]), int(clock[0])))

    drop.sender.after = meanwhile

    async def scenario() -> None:
        work = drop.make(asyncio.Event(), settle_seconds=10.0)
        await work._look()
        clock[0] += 11.0
        await work._look()

    asyncio.run(scenario())
    sources = {read_headers(record.headers).source for call in drop.sender.calls for record in call}
    assert sources == {"a.xlsx"}


def test_a_folder_that_came_back_is_not_away_any_more_while_a_workbook_is_sent(drop: Drop, book: MakeBook) -> None:
    book(2, folder=drop.path)
    for name in (folder_module.DROP_FOLDER, folder_module.STATE_FOLDER):
        drop.health.away(name, "no such folder")
    seen: list[Any] = []
    drop.sender.after = lambda calls: seen.append(set(drop.health.readiness()[1]["waiting_for"]))
    drop.look(interval_seconds=0.001)
    assert all("drop folder" not in one and "state folder" not in one for one in seen)
    assert seen
