"""Cut a sheet into batches: which rows, under which id, with which headers. The same file always gives the same batches."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from acidwatch.broker.send import Record
from acidwatch.contract.batch import BATCH_ROWS, LONGEST_COMMENT, batch_id, encode
from acidwatch.contract.cells import cells_of, subject_of
from acidwatch.contract.columns import SAMPLES
from acidwatch.contract.headers import write_headers
from acidwatch.workbook.reader import Table, read_table


@dataclass(frozen=True, slots=True)
class Plan:
    """A workbook's batches.

    Attributes:
        table: Its rows.
        batch_rows: Rows in each batch; the last one may have fewer.
        replaces: The source (SHA-256 of the file) in place of which it is sent.
        options: Of the command line, with which the file was read and cut; sending on must repeat them.
        locale: With which its texts were read, where one was given: they may be other values then, and so these are other batches.
    """

    table: Table
    batch_rows: int
    replaces: str | None = None
    options: str = ""
    locale: str | None = None

    @property
    def source(self) -> str:
        """The workbook's name as a URI reference (ce_source)."""
        return quote(os.fsencode(self.table.path.name))

    @property
    def rows(self) -> int:
        """Rows in all batches."""
        return len(self.table.row_numbers)

    @property
    def batches(self) -> int:
        """How many batches there are."""
        return -(-self.rows // self.batch_rows)

    def rows_of(self, first: int, last: int) -> int:
        """Rows in batches `first` up to, not including, `last`."""
        return min(last * self.batch_rows, self.rows) - min(first * self.batch_rows, self.rows)

    def batch_id(self, index: int) -> str:
        """Id of a batch."""
        numbers = self._numbers(index)
        # `en` reads as none does.
        sheet = self.table.sheet if self.locale in (None, "en") else f"{self.table.sheet}\nlocale {self.locale}"
        return batch_id(self.table.sha256, sheet, numbers[0], len(numbers))

    def _numbers(self, index: int) -> list[int]:
        return self.table.row_numbers[index * self.batch_rows : (index + 1) * self.batch_rows]

    def _comments(self, start: int, rows: int) -> dict[str, dict[int, str]]:
        """The comments of the cells of one batch, by position in it."""
        return {
            name: found
            for name, of_column in self.table.comments.items()
            if (
                found := {
                    row - start: text[:LONGEST_COMMENT]
                    for row, text in of_column.items()
                    if start <= row < start + rows
                }
            )
        }

    def records(self, topic: str, source_time: datetime, now: datetime, first: int, last: int) -> Iterator[Record]:
        """The records of batches `first` up to, not including, `last`."""
        for index in range(first, min(last, self.batches)):
            numbers = self._numbers(index)
            start = index * self.batch_rows
            columns = {name: cells[start : start + len(numbers)] for name, cells in self.table.columns.items()}
            headers = write_headers(
                batch_id=self.batch_id(index),
                source=self.source,
                source_id=self.table.sha256,
                source_time=source_time.isoformat(),
                index=index,
                count=self.batches,
                subject=subject_of(self.table.sheet, self.table.letters, numbers),
                time=now.isoformat(),
                replaces=self.replaces,
            )
            value = encode(columns, cells_of(self.table.letters, numbers), self._comments(start, len(numbers)))
            yield Record(topic, self.batch_id(index).encode(), value, headers)


def plan(path: Path, sheet: str | None, batch_rows: int, locale: str | None = None) -> Plan:
    """Read a samples workbook and cut it into batches.

    Raises:
        UnusableInputError: It can't be read, or columns are missing.
    """
    given = {
        "--sheet": sheet,
        "--locale": locale,
        "--batch-size": None if batch_rows == BATCH_ROWS else str(batch_rows),
    }
    options = "".join(f" {name} {shlex.quote(value)}" for name, value in given.items() if value is not None)
    return Plan(read_table(path, SAMPLES, sheet, locale), batch_rows, options=options, locale=locale)
