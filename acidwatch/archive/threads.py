"""Reading many files at once: HDFS answers each request after a while, and has time for several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_THREADS = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The results of `work` in the order of the items; once one raises, those that have not begun are not begun."""
    threads = ThreadPoolExecutor(_THREADS)
    try:
        yield from threads.map(work, items)
    finally:
        threads.shutdown(cancel_futures=True)
