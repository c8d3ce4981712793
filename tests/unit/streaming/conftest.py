"""A Faust app, its events and its stream, as far as the reader of groups and the watchdog look at them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from acidwatch.streaming.settings import StreamSettings


class TopicPartition(NamedTuple):
    """As Faust's TP."""

    topic: str
    partition: int


class Exited(asyncio.CancelledError):
    """Stands for the end of the process; what would end a task passes every handler, as the end of a process does."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


class FakeConsumer:
    """A consumer of one partition with nothing left to read."""

    def __init__(self) -> None:
        self.assigned: set[TopicPartition] = {TopicPartition("t", 0)}
        self.highwaters: dict[TopicPartition, int] = {}
        self._committed_offset: dict[TopicPartition, int | None] = {}
        self.commits = 0
        self.refusal = ""

    def assignment(self) -> set[TopicPartition]:
        """Partitions of this process."""
        return self.assigned

    def highwater(self, tp: TopicPartition) -> int | None:
        """The end of a partition."""
        return self.highwaters.get(tp)

    def has_more(self, tp: TopicPartition) -> bool:
        """Whether there is something to read or to commit."""
        return self.highwaters.get(tp, 0) > (self._committed_offset.get(tp) or 0)

    def given_up(self) -> str:
        """Why the client has given up its group."""
        return self.refusal

    async def commit(self) -> None:
        """Commit what was acknowledged."""
        self.commits += 1


class FakeApp:
    """A running app."""

    def __init__(self) -> None:
        self.consumer = FakeConsumer()
        self.active = True
        self.rebalancing = False
        self.should_stop = False
        self.flow_control = SimpleNamespace(is_active=lambda: self.active)


class FakeStream:
    """A stream of these events; where `stays_open`, it waits for more that never come."""

    def __init__(self, events: Iterable[Any], *, stays_open: bool = False, after: Any = None) -> None:
        self._events, self._stays_open, self._after = list(events), stays_open, after

    def noack(self) -> FakeStream:
        """Acknowledging is left to the reader."""
        return self

    async def events(self) -> AsyncIterator[Any]:
        """The events."""
        for event in self._events:
            yield event
        if self._after:
            self._after()
        if self._stays_open:
            await asyncio.Event().wait()


class Diary:
    """What was committed and acknowledged, in order."""

    def __init__(self) -> None:
        self.entries: list[Any] = []

    def event(self, offset: int, value: bytes | None = b"x", partition: int = 0, generation: int = 1) -> Any:
        """A record of topic `t`."""
        tp = TopicPartition("t", partition)
        message = SimpleNamespace(
            tp=tp, topic="t", partition=partition, offset=offset, timestamp=0.0, key=None, value=value, headers=[], generation_id=generation
        )  # fmt: skip
        return SimpleNamespace(message=message, ack=lambda: self.entries.append(("ack", partition, offset)))

    def commit_entry(self, group: list[Any]) -> None:
        """A group was committed."""
        self.entries.append(("commit", [event.message.offset for event in group]))

    @property
    def groups(self) -> list[list[int]]:
        """Offsets of each committed group."""
        return [entry[1] for entry in self.entries if entry[0] == "commit"]

    @property
    def acknowledged(self) -> list[int]:
        """Acknowledged offsets."""
        return [entry[2] for entry in self.entries if entry[0] == "ack"]


@pytest.fixture
def app() -> FakeApp:
    """A running app with one partition."""
    return FakeApp()


@pytest.fixture
def diary() -> Diary:
    """An empty diary."""
    return Diary()


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Exit codes; the process would have ended at the first one."""
    codes: list[int] = []

    def leave(code: int) -> None:
        codes.append(code)
        raise Exited(code)

    monkeypatch.setattr("acidwatch.streaming.group.os._exit", leave)
    return codes


def stream_settings(**changes: Any) -> StreamSettings:
    """Settings that do not wait where they need not."""
    given = {"kafka_bootstrap": "127.0.0.1:1", "group_seconds": 60.0, "retry_most_seconds": 0.001} | changes
    return StreamSettings(_env_file=None, **given)
