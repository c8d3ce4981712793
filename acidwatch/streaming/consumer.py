"""Faust's Kafka consumer, with a check that every record comes: Faust drops what lies below its read offset and jumps over holes.

A topic that was made anew starts its offsets again, and retention removes records that were never read; both must stop the
consumer, not be skipped.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar

from aiokafka.errors import IllegalStateError, KafkaError
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP

from acidwatch.errors import OffsetGapError

Gap = Callable[[OffsetGapError], None]

_FULL_SECONDS = 0.02
_REMEMBERED = 5000
"""Records of a partition whose timestamps are remembered: what is read again must be the same records."""


class CheckedConsumer(Consumer):
    """Knows, for each partition, the only offset that may come next."""

    on_gap: ClassVar[Gap]
    accepted_gap: ClassVar[str] = ""
    """`topic/partition@offset` that an operator has looked into and wants to go on from; several with commas."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._due: dict[TP, int] = {}
        self._committed_before: dict[TP, int] = {}
        self._timestamps: dict[TP, OrderedDict[int, int]] = {}  # of the records read last, by offset
        self._read_here: set[TP] = set()  # partitions of which a record was read since they were assigned

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """After each assignment Faust seeks to what is committed: that offset is due, or 0 where nothing was committed.

        It also seeks when a rebalance begins, for the partitions that it still has; the next assignment may come meanwhile, with others,
        and seeks for itself. A partition without a commit it leaves where it is, which may be behind records that it has dropped.
        """
        # As of now: a commit that lands while Faust asks for one partition after the other is no loss of those asked for before it.
        committed_before, generation = dict(self._committed_before), self.app.consumer_generation_id
        committed = await super().seek_to_committed()
        if generation == self.app.consumer_generation_id:
            self._due = {tp: max(offset or 0, 0) for tp, offset in committed.items()}
            self._read_here.clear()
            for tp, due in self._due.items():
                if not due:
                    await self._thread.call_thread(self._seek_to_beginning, tp)
                self._hold_against(tp, committed_before.get(tp, 0), due)
                self._committed_before[tp] = max(due, self._committed_before.get(tp, 0))
        return committed

    async def _seek_to_beginning(self, tp: TP) -> None:
        with suppress(IllegalStateError):  # it was taken away meanwhile
            self._thread._ensure_consumer().seek(tp, 0)

    def _hold_against(self, tp: TP, before: int, now: int) -> bool:
        """Whether what is committed now is no less than before: Kafka forgets it when a topic is removed."""
        if now < before:
            type(self).on_gap(OffsetGapError(tp.topic, tp.partition, before, now))
        return now >= before

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Read nothing before the seek: a process that had no partitions until now has not stopped reading."""
        self.stop_flow()
        self.app.flow_control.suspend()
        self._due.clear()
        await super().on_partitions_assigned(assigned, generation_id)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        held = frozenset(self.assignment())
        # A topic made anew while records of the old one were at hand would take their offsets for its own.
        before = {tp: offset for tp in offsets if (offset := self._committed_before.get(tp))}
        now = await self._thread.call_thread(self._committed_now, before) if before else before
        if not all(self._hold_against(tp, offset, now.get(tp, 0)) for tp, offset in before.items()):
            return False
        committed = await super()._commit(offsets)
        if committed:
            # Faust says so too when it left out partitions that a rebalance had taken away.
            still_held = held & frozenset(self.assignment())
            self._committed_before.update({tp: offset for tp, offset in offsets.items() if tp in still_held})
        return bool(committed)

    async def _committed_now(self, before: Mapping[TP, int]) -> Mapping[TP, int]:
        coordinator = self._thread._ensure_consumer()._coordinator
        try:
            found = await coordinator.fetch_committed_offsets(list(before))
        except KafkaError:  # the commit will meet it too, and Faust knows what to do then
            return before
        return {tp: committed.offset for tp, committed in found.items()}

    def given_up(self) -> str:
        """Why aiokafka has given up its group: an error that it waits to hand over to somebody who never asks; empty: it has not."""
        coordinator = self._thread._ensure_consumer()._coordinator
        if coordinator._coordination_task.done():
            return "the task that keeps it has ended"
        return repr(coordinator._pending_exception) if coordinator._error_consumed_fut is not None else ""

    def has_more(self, tp: TP) -> bool:
        """Whether the partition has records that are not fetched yet, or fetched but not committed.

        Not "is the end beyond what was committed": records that retention removed are never read.
        """
        if self._due.get(tp, 0) > (self._committed_offset[tp] or 0) and tp in self._read_here:
            return True
        state = self._thread._ensure_consumer()._subscription.subscription.assignment.state_value(tp)
        end = state.highwater
        return end is not None and state.has_valid_position and end > state.position

    async def _wait_next_records(self, timeout: float) -> Any:
        """Read on as soon as there is room again: Faust looks only every second whether a partition whose queue was full may go on."""
        while (
            self.flow_active
            and not self.should_stop
            and self._buffered_partitions
            and not self._get_active_partitions()
        ):
            await self.sleep(_FULL_SECONDS)
        return await super()._wait_next_records(timeout)

    def _check_same(self, tp: TP, record: Any) -> None:
        """A record that was read before and comes with another timestamp is another record: the topic was made anew.

        What was committed does not show that when the topic was removed before the commit.
        """
        known = self._timestamps.setdefault(tp, OrderedDict())
        if known.get(record.offset, record.timestamp) != record.timestamp:
            type(self).on_gap(OffsetGapError(tp.topic, tp.partition, next(reversed(known)) + 1, record.offset))
            return
        known[record.offset] = record.timestamp
        if len(known) > _REMEMBERED:
            known.popitem(last=False)

    def _to_message(self, tp: TP, record: Any) -> Any:
        due = self._due.get(tp, record.offset)
        if record.offset != due:
            if f"{tp.topic}/{tp.partition}@{record.offset}" in self.accepted_gap.split(","):
                # Faust must neither drop what comes now nor wait for what never will.
                self._read_offset[tp] = self._committed_offset[tp] = None
            else:
                type(self).on_gap(OffsetGapError(tp.topic, tp.partition, due, record.offset))
        self._check_same(tp, record)
        self._due[tp] = record.offset + 1
        self._read_here.add(tp)
        return super()._to_message(tp, record)


def checked_transport(on_gap: Gap, accepted_gap: str) -> type[Transport]:
    """A Faust transport whose consumer calls `on_gap` when a record that was due did not come."""
    consumer = type(
        "CheckedConsumer", (CheckedConsumer,), {"on_gap": staticmethod(on_gap), "accepted_gap": accepted_gap}
    )
    return type("CheckedTransport", (Transport,), {"Consumer": consumer})
