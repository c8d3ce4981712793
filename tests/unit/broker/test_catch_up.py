"""The versioner is waited for before the ledger is read: while something comes it is always a few outcomes behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from acidwatch.broker import lag
from acidwatch.settings import KafkaSettings

SETTINGS = KafkaSettings(_env_file=None, kafka_bootstrap="127.0.0.1:1")


def wait(monkeypatch: pytest.MonkeyPatch, left: Iterator[int], timeout: float) -> int:
    """Wait while a versioner says each time it is asked how much is left up to the same ends."""

    async def end_offsets(settings: KafkaSettings, topic: str) -> dict[int, int]:
        return {0: 7, 1: 5}

    async def remaining(settings: KafkaSettings, service: str, topic: str, ends: dict[int, int]) -> int:
        assert (service, topic, ends) == ("versioner", settings.topic_outcomes, {0: 7, 1: 5})
        return next(left)

    monkeypatch.setattr(lag, "end_offsets", end_offsets)
    monkeypatch.setattr(lag, "remaining", remaining)
    return asyncio.run(lag.catch_up(SETTINGS, "versioner", SETTINGS.topic_outcomes, time.monotonic() + timeout))


def test_it_is_waited_for_until_it_has_reached_what_was_there_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wait(monkeypatch, iter([3, 1, 0]), 60) == 0


def test_what_it_has_not_reached_when_the_time_is_over_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wait(monkeypatch, iter([3]), 0) == 3
