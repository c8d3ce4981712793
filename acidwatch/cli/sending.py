"""What commands have in common that send records: a progress bar on stderr, and a clean stop on Ctrl-C and SIGTERM."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from acidwatch.broker.send import ConfirmedSender
    from acidwatch.settings import KafkaSettings

T = TypeVar("T")
Work = Callable[["ConfirmedSender", asyncio.Event, Callable[[int], None]], Awaitable[T]]
"""Sends; gets the sender, an event that says stop, and a function to be called with how many are done."""


def send_with_progress(
    settings: KafkaSettings, topic: str, total: int, what: str, work: Work[T], *, done: int = 0
) -> T:
    """Run `work` once the topic is known to be there; the bar begins at `done`.

    Raises:
        DependencyAwayError: There is no such topic, or a server does not answer.
    """
    return asyncio.run(_send(settings, topic, total, what, work, done))


async def _send(settings: KafkaSettings, topic: str, total: int, what: str, work: Work[T], done: int) -> T:
    import signal

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from acidwatch.broker.send import ConfirmedSender
    from acidwatch.broker.topics import require_topic

    await require_topic(settings, topic)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sender = ConfirmedSender(settings)
    columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TextColumn(what), TimeRemainingColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("send", total=total, completed=done)
            return await work(sender, stop, lambda done: progress.update(task, completed=done))
    finally:
        await sender.close()
