"""Makes workbooks of samples, and a sender that writes down what it was asked to send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pytest

from acidwatch.broker.send import Record
from acidwatch.contract.columns import SAMPLE_NAMES
from acidwatch.contract.headers import read_headers
from acidwatch.errors import DependencyAwayError
from tests.unit.contract.makers import make_rows

NOW = datetime(2024, 5, 17, 12, tzinfo=UTC)

MakeBook = Callable[..., Path]


class RecordingSender:
    """Stands for the broker: confirms what it is sent, is away in some calls, and may do something after each."""

    def __init__(self) -> None:
        self.calls: list[list[Record]] = []
        self.away_in: set[int] = set()
        self.after: Callable[[int], None] = lambda calls: None

    async def send(self, records: Sequence[Record]) -> list[Any]:
        """Write down the records."""
        self.calls.append(list(records))
        if len(self.calls) in self.away_in:
            raise DependencyAwayError("Kafka", "nowhere:9092", "no answer")
        self.after(len(self.calls))
        return []

    @property
    def indices(self) -> list[int]:
        """Index of each batch sent, in order."""
        found = [read_headers(record.headers).index for call in self.calls for record in call]
        return [index for index in found if index is not None]

    @property
    def sites(self) -> list[str]:
        """SITE_ID of each row sent, in order."""
        return [
            site
            for call in self.calls
            for record in call
            for site in orjson.loads(record.value or b"")["columns"]["SITE_ID"]
        ]


@pytest.fixture
def sender() -> RecordingSender:
    """A broker that confirms."""
    return RecordingSender()


@pytest.fixture
def stop() -> asyncio.Event:
    """Set to stop."""
    return asyncio.Event()


@pytest.fixture
def book(tmp_path: Path) -> MakeBook:
    """Writes `book(count, name=..., blank=[row, ...], first=...)`: so many samples, with blank rows at these sheet rows."""

    def make(
        count: int, name: str = "samples.xlsx", *, blank: Sequence[int] = (), left: int = 0, note_after: str = "",
        folder: Path | None = None,
    ) -> Path:  # fmt: skip
        workbook = openpyxl.Workbook()
        sheet = workbook.worksheets[0]
        sheet.title = "Sheet 1"
        margin = [None] * left
        names = [column for name in SAMPLE_NAMES for column in ((name, "NOTE") if name == note_after else (name,))]
        sheet.append([*margin, *names])
        for number, row in enumerate(make_rows(count)):
            while sheet.max_row + 1 in blank:
                sheet.cell(sheet.max_row + 1, 200, " ")  # a row with nothing in the contract's columns
            sheet.append([*margin, *(row.get(column) for column in names)] if number or not note_after else [
                *margin, *(row.get(column, "a note") for column in names)])  # fmt: skip
        path = (folder or tmp_path) / name
        workbook.save(path)
        return path

    return make
