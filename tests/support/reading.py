"""Reading files in the test's own process: all that the child does but its limits, without the time that it takes to start."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from acidwatch.workbook import isolate, reader
from acidwatch.workbook.book import Book


def read_here(path: Path, data: bytes, sheet: str | None) -> Book:
    """`read_isolated` without the child."""
    return isolate._book(orjson.loads(orjson.dumps(isolate._answer(path, data, sheet))))


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test that sees this fixture reads its tables here."""
    monkeypatch.setattr(reader, "read_isolated", read_here)
