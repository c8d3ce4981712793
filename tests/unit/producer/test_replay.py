"""Replaying a plan: at once or with an interval, from a batch on, until told to stop."""

from __future__ import annotations

import asyncio

import pytest

from acidwatch.errors import DependencyAwayError
from services.producer.plan import plan
from services.producer.replay import AT_ONCE, replay
from tests.unit.producer.conftest import NOW, MakeBook, RecordingSender


def run(
    book: MakeBook, sender: RecordingSender, stop: asyncio.Event, *, rows: int = 10, interval: float = 0.0, from_batch: int = 0
) -> tuple[int, list[int]]:  # fmt: skip
    """Replay so many batches of one row; the index reached and those confirmed on the way."""
    confirmed: list[int] = []
    batches = plan(book(rows), None, 1)

    async def scenario() -> int:
        return await asyncio.wait_for(
            replay(batches, sender, "t", interval_seconds=interval, from_batch=from_batch, source_time=NOW, now=lambda: NOW, stop=stop,
                   confirmed=confirmed.append, most_bytes=1_000_000),  # type: ignore[arg-type]
            timeout=30,
        )  # fmt: skip

    return asyncio.run(scenario()), confirmed


def test_without_an_interval_batches_go_many_at_a_time(
    book: MakeBook, sender: RecordingSender, stop: asyncio.Event
) -> None:
    reached, confirmed = run(book, sender, stop, rows=AT_ONCE + 10)
    assert (reached, confirmed) == (AT_ONCE + 10, [AT_ONCE, AT_ONCE + 10])
    assert sender.indices == list(range(AT_ONCE + 10))


def test_with_an_interval_each_batch_is_confirmed_before_the_next(
    book: MakeBook, sender: RecordingSender, stop: asyncio.Event
) -> None:
    reached, confirmed = run(book, sender, stop, rows=4, interval=0.001)
    assert (reached, confirmed) == (4, [1, 2, 3, 4])
    assert [len(call) for call in sender.calls] == [1, 1, 1, 1]


def test_it_goes_on_from_a_batch(book: MakeBook, sender: RecordingSender, stop: asyncio.Event) -> None:
    assert run(book, sender, stop, from_batch=7) == (10, [10])
    assert sender.indices == [7, 8, 9]


def test_from_the_end_there_is_nothing_to_send(book: MakeBook, sender: RecordingSender, stop: asyncio.Event) -> None:
    assert run(book, sender, stop, from_batch=10) == (10, [])
    assert sender.calls == []


def test_told_to_stop_it_ends_the_interval_at_once_and_says_which_batch_is_next(
    book: MakeBook, sender: RecordingSender, stop: asyncio.Event
) -> None:
    sender.after = lambda calls: stop.set() if calls == 3 else None
    assert run(book, sender, stop, interval=0.001) == (3, [1, 2, 3])


def test_told_to_stop_during_a_long_interval_it_does_not_wait_for_its_end(
    book: MakeBook, sender: RecordingSender, stop: asyncio.Event
) -> None:
    sender.after = lambda calls: asyncio.get_running_loop().call_soon(stop.set) and None
    assert run(book, sender, stop, interval=3600.0) == (1, [1])


def test_told_to_stop_before_it_began_it_sends_nothing(
    book: MakeBook, sender: RecordingSender, stop: asyncio.Event
) -> None:
    stop.set()
    assert run(book, sender, stop) == (0, [])


def test_after_an_unconfirmed_send_the_last_confirmed_batch_counts(
    book: MakeBook, sender: RecordingSender, stop: asyncio.Event
) -> None:
    sender.away_in = {3}
    confirmed: list[int] = []
    batches = plan(book(5), None, 1)
    with pytest.raises(DependencyAwayError):
        asyncio.run(
            replay(batches, sender, "t", interval_seconds=0.001, from_batch=0, source_time=NOW, now=lambda: NOW, stop=stop,
                   confirmed=confirmed.append, most_bytes=1_000_000)  # type: ignore[arg-type]
        )  # fmt: skip
    assert confirmed == [1, 2]
