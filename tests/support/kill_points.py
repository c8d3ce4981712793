"""The steps of both commits at which a process can be made to kill itself, as a power cut would, or to stand still.

The services hold no switch for this: each point wraps one of their steps from outside, in a process that `tests.support.service_with_kills`
starts. Images hold no tests, so nothing in production can be killed this way.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hdfs import InsecureClient

import services.ingestor.commit as ingestor_commit
import services.versioner.commit as versioner_commit
from acidwatch.archive.hdfs import HdfsStore
from acidwatch.broker.send import ConfirmedSender
from acidwatch.streaming.consumer import CheckedConsumer
from acidwatch.streaming.group import GroupReader
from services.ingestor.commit import GroupCommit
from services.versioner.commit import OutcomeCommit
from services.versioner.letters import Letters


def kill_this_process() -> None:
    """End now, with nothing flushed, closed or said."""
    os.kill(os.getpid(), signal.SIGKILL)


def stand_still() -> None:
    """Never return: the thread that called, and with it the loop if it is the loop's, does nothing any more."""
    threading.Event().wait()


async def wait_for_ever() -> None:
    """Never return, but let the loop go on."""
    await asyncio.Event().wait()


class Countdown:
    """Says once that a step is the one at which to die: when it's passed for the n-th time."""

    def __init__(self, passes: int) -> None:
        self._left = passes
        self._lock = threading.Lock()

    def over(self) -> bool:
        """Count one more pass."""
        with self._lock:
            self._left -= 1
            return self._left == 0


Arm = Callable[[Countdown], None]


@dataclass(frozen=True)
class KillPoint:
    """A named step of a commit.

    Attributes:
        passes: At which pass the process dies: in mid-run where the step is passed often.
        arm: Wraps the step.
    """

    passes: int
    arm: Arm


def wrap(
    owner: Any,
    name: str,
    *,
    before: bool,
    only: Callable[..., bool] = lambda *_: True,
    then: Callable[[], Any] = kill_this_process,
) -> Arm:
    """Die, or do what `then` says, before or after a function or method; `only` looks at its arguments."""

    original = getattr(owner, name)  # now, so that a step that is called otherwise is missed by every test

    def arm(countdown: Countdown) -> None:
        def is_the_end(*arguments: Any) -> bool:
            return only(*arguments) and countdown.over()

        @functools.wraps(original)
        def wrapped(*arguments: Any, **more: Any) -> Any:
            if before and is_the_end(*arguments):
                then()
            result = original(*arguments, **more)
            if not before and is_the_end(*arguments):
                then()
            return result

        @functools.wraps(original)
        async def wrapped_coroutine(*arguments: Any, **more: Any) -> Any:
            if before and is_the_end(*arguments):
                await _finished(then())
            result = await original(*arguments, **more)
            if not before and is_the_end(*arguments):
                await _finished(then())
            return result

        setattr(owner, name, wrapped_coroutine if inspect.iscoroutinefunction(original) else wrapped)

    return arm


async def _finished(result: Any) -> None:
    if inspect.isawaitable(result):
        await result


def half_written(zone: str) -> Arm:
    """Die when half of a file of this zone has left for HDFS."""

    def arm(countdown: Countdown) -> None:
        publish, write, here = HdfsStore.publish, InsecureClient.write, threading.local()

        def publish_in_zone(store: HdfsStore, path: str, data: bytes) -> str:
            here.dying = path.startswith(f"{zone}/") and countdown.over()
            return publish(store, path, data)

        def half(data: bytes) -> Iterator[bytes]:
            yield data[: len(data) // 2]  # the next piece is asked for when this one is on the wire
            kill_this_process()

        def write_half(client: InsecureClient, path: str, *, data: bytes, **more: Any) -> Any:
            return write(client, path, data=half(data) if here.dying else data, **more)

        HdfsStore.publish, InsecureClient.write = publish_in_zone, write_half  # type: ignore[method-assign]

    return arm


def _half_sent(countdown: Countdown) -> None:
    """Die when the broker has confirmed half of the records of a group."""
    send = ConfirmedSender.send

    async def send_half(sender: ConfirmedSender, records: Any) -> Any:
        if countdown.over():
            await send(sender, records[: len(records) // 2])
            kill_this_process()
        return await send(sender, records)

    ConfirmedSender.send = send_half  # type: ignore[method-assign]


def in_zone(zone: str) -> Callable[..., bool]:
    return lambda _store, path, _data: path.startswith(f"{zone}/")


def _acknowledging() -> dict[str, KillPoint]:
    """The last step of both commits."""
    from faust.events import Event

    return {
        "among the acknowledgements": KillPoint(6, wrap(Event, "ack", before=False)),
        "after the acknowledgement": KillPoint(2, wrap(GroupReader, "_finish", before=False)),
        "before the offsets are committed": KillPoint(1, wrap(CheckedConsumer, "_commit_offsets", before=True)),
        "after the offsets were committed": KillPoint(1, wrap(CheckedConsumer, "_commit_offsets", before=False)),
    }


KILL_POINTS: dict[str, dict[str, KillPoint]] = {
    "ingestor": {
        "after judging": KillPoint(2, wrap(ingestor_commit, "judge_group", before=False)),
        "half of a raw file": KillPoint(2, half_written("raw")),
        "half of a clean file": KillPoint(2, half_written("clean")),
        "half of a quarantine file": KillPoint(1, half_written("quarantine")),
        "written and not renamed": KillPoint(3, wrap(InsecureClient, "rename", before=True)),
        "after the raw file": KillPoint(2, wrap(HdfsStore, "publish", before=False, only=in_zone("raw"))),
        "after the clean file": KillPoint(2, wrap(HdfsStore, "publish", before=False, only=in_zone("clean"))),
        "after the quarantine file": KillPoint(1, wrap(HdfsStore, "publish", before=False, only=in_zone("quarantine"))),
        "after all files": KillPoint(2, wrap(GroupCommit, "_write", before=False)),
        "half of the outcomes": KillPoint(2, _half_sent),
        "after all confirmations": KillPoint(2, wrap(GroupCommit, "_send", before=False)),
        **_acknowledging(),
    },
    "versioner": {
        "before the transaction": KillPoint(2, wrap(OutcomeCommit, "_record", before=True)),
        "before the transaction commits": KillPoint(2, wrap(versioner_commit, "record", before=False)),
        "after the transaction": KillPoint(2, wrap(OutcomeCommit, "_record", before=False)),
        "after letters were read": KillPoint(1, wrap(Letters, "_read", before=False)),
        "after letters were sent": KillPoint(1, wrap(Letters, "_mark", before=True)),
        "after letters were marked": KillPoint(1, wrap(Letters, "_mark", before=False)),
        "before the acknowledgement": KillPoint(2, wrap(OutcomeCommit, "__call__", before=False)),
        **_acknowledging(),
    },
}

STUCK_POINTS: dict[str, dict[str, KillPoint]] = {
    "ingestor": {
        "the loop stands still": KillPoint(3, wrap(GroupCommit, "_send", before=True, then=stand_still)),
        "the agent waits for ever": KillPoint(3, wrap(GroupCommit, "_send", before=True, then=wait_for_ever)),
        "a thread stands still": KillPoint(3, wrap(HdfsStore, "publish", before=True, then=stand_still)),
    },
    "versioner": {
        "the loop stands still": KillPoint(3, wrap(OutcomeCommit, "__call__", before=False, then=stand_still)),
        "the agent waits for ever": KillPoint(3, wrap(OutcomeCommit, "__call__", before=True, then=wait_for_ever)),
        "a thread stands still": KillPoint(3, wrap(OutcomeCommit, "_record", before=True, then=stand_still)),
    },
}
"""Steps at which a process goes on to answer and to send heartbeats, and does nothing else any more."""
