"""What Faust reads ahead, bounded in bytes too: records may be large, and so many of them may not fit into the memory."""

from __future__ import annotations

from typing import Any

import faust
from faust.types import EventT
from mode.utils.queues import ThrowableQueue


class BoundedQueue(ThrowableQueue[EventT[Any]]):
    """Records that wait for their group.

    It is full when it holds so many records or bytes, whatever comes first; a record of any size goes into one that is not full.
    """

    def __init__(self, *args: Any, most_bytes: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._most_bytes = most_bytes
        self._bytes = 0

    def full(self) -> bool:
        """Whether whoever puts something in has to wait."""
        return self._bytes >= self._most_bytes or super().full()

    def clear(self) -> None:
        """Forget all of them: partitions were taken away."""
        super().clear()
        self._bytes = 0

    def _put(self, item: EventT[Any]) -> None:
        super()._put(item)
        self._bytes += _size(item)

    def _get(self) -> EventT[Any]:
        item: EventT[Any] = super()._get()
        self._bytes -= _size(item)
        return item


def _size(event: EventT[Any]) -> int:
    return record_bytes(event.message)


_HEADER_BYTES = 64
"""What a header takes in memory beside its name and value; on the wire two bytes are enough for one, and millions fit into a record."""


def record_bytes(message: Any) -> int:
    """What a record's value, key and headers take, about."""
    headers = sum(_HEADER_BYTES + len(name) + len(value or b"") for name, value in message.headers or ())
    return len(message.value or b"") + len(message.key or b"") + headers


class BoundedApp(faust.App):
    """A Faust app whose streams read ahead no further than into a BoundedQueue, and which keeps nothing on its disk.

    Attributes:
        most_bytes: Of values that wait, for each stream.
    """

    most_bytes: int

    def FlowControlQueue(self, maxsize: int | None = None, *, clear_on_resume: bool = False) -> BoundedQueue:
        """See faust.App."""
        return BoundedQueue(
            maxsize, flow_control=self.flow_control, clear_on_resume=clear_on_resume, most_bytes=self.most_bytes
        )

    def _create_directories(self) -> None:
        """None: they are for Faust's tables, and would be left behind in each start's own place."""
