"""A batch: up to 100 consecutive rows of one sheet as one Kafka record. Its identity, its bytes, and reading them back."""

from __future__ import annotations

import hashlib
import math
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from acidwatch.contract.names import repeated_name

Value = str | float | None
"""A cell: empty is None; one that is not of its column's type travels as the text it was; dates are ISO 8601."""

BATCH_ROWS = 100
LONGEST_COMMENT = 1_000
"""Characters of a cell's comment that are kept."""

MOST_CELLS = 10_000_000
"""Cells of a list of records once each has every name: a hostile list, each record with another name, must not exhaust the memory."""

_LETTERS = re.compile(r"[A-Z]{1,3}")
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://acidwatch.org/batch")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record came from. A topic made anew starts its offsets again, so the timestamp belongs to it.

    Attributes:
        timestamp_ms: Kafka's timestamp of the record, milliseconds since 1970 UTC.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"


def batch_id(source_id: str, sheet: str, first_row: int, rows: int) -> str:
    """Id of a batch: the same file, sheet and rows give the same id whenever they are sent."""
    return str(uuid.uuid5(_NAMESPACE, f"{source_id}\n{sheet}\n{first_row}\n{rows}"))


def value_digest(value: bytes | None) -> str:
    """SHA-256 of a record's value, hexadecimal."""
    return hashlib.sha256(value or b"").hexdigest()


def id_from_origin(origin: Origin, value_sha256: str) -> str:
    """Id of a record that brings no usable one, or one that another record has already."""
    parts = (origin.topic, origin.partition, origin.offset, origin.timestamp_ms, value_sha256)
    return str(uuid.uuid5(_NAMESPACE, "\n".join(str(part) for part in parts)))


Comments = Mapping[str, Mapping[int, str]]
"""Comments of cells: column to position of the row in the batch (from 0) to text."""


def encode(
    columns: Mapping[str, Sequence[Value]], cells: Mapping[str, Any] | None = None, comments: Comments | None = None
) -> bytes:
    """The value of a batch record: `{"columns": {name: [cell, ...]}}`, UTF-8 JSON.

    Args:
        columns: Name to cells, all of one length, in the sheet's order.
        cells: Where the columns and rows stand in the sheet, when they aren't adjacent: `{"letters": {name: letters},
            "rows": [row, ...]}`.
        comments: Of the cells that have one.

    A NaN or an infinity is sent as its text, so that it becomes a finding; JSON would make it null in silence.
    """
    safe = {name: _no_silent_null(values) for name, values in columns.items()}
    body: dict[str, Any] = {"columns": safe}
    if cells:
        body["cells"] = cells
    if comments:
        body["comments"] = {name: {str(row): text for row, text in of.items()} for name, of in comments.items()}
    return orjson.dumps(body)


def _no_silent_null(values: Sequence[Value]) -> Sequence[Value]:
    if any(isinstance(value, float) and not math.isfinite(value) for value in values):
        return [str(value) if isinstance(value, float) and not math.isfinite(value) else value for value in values]
    return values


class UndecodableError(ValueError):
    """The value of a record is no batch.

    Attributes:
        rule: The rule that it breaks: `decode.empty`, `decode.json`, `decode.repeated-name`, `decode.shape`.
    """

    def __init__(self, rule: str, message: str) -> None:
        self.rule = rule
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Payload:
    """A decoded batch.

    Attributes:
        columns: Name to cells as JSON gave them, all of one length.
        rows: That length.
        letters: Name to the sheet's column letters, where the record says so.
        row_numbers: The sheet's row of each row, where the record says so.
        comments: Of cells that have one, each in one line.
    """

    columns: Mapping[str, list[Any]]
    rows: int
    letters: dict[str, str] | None = None
    row_numbers: list[int] | None = None
    comments: dict[str, dict[int, str]] = field(default_factory=dict)


def decode(value: bytes | None) -> Payload:
    """Decode a batch record's value, columnar or a list of records.

    Raises:
        UndecodableError: It is empty, no JSON, ambiguous, or not of either shape.
    """
    if not value:
        raise UndecodableError("decode.empty", 'the record has no value; a batch is {"columns": {...}}')
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise UndecodableError("decode.json", f"the value is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise UndecodableError("decode.shape", 'the value is not an object with "columns" or "records"')
    try:
        name = repeated_name(value, body)
    except RecursionError:
        raise UndecodableError("decode.shape", "the value is nested deeper than any batch") from None
    if name is not None:
        raise UndecodableError(
            "decode.repeated-name", f"the name {name[:100]!r} is twice in one object; which one is meant?"
        )
    if isinstance(body.get("columns"), dict):
        columns = body["columns"]
    elif isinstance(body.get("records"), list):
        columns = _columns_of(body["records"])
    else:
        raise UndecodableError("decode.shape", 'the value has neither "columns" (an object) nor "records" (a list)')
    rows = _length(columns)
    letters, row_numbers = _cells_of(body.get("cells"), rows)
    return Payload(columns, rows, letters, row_numbers, _comments_of(body.get("comments"), rows))


def _columns_of(records: list[Any]) -> dict[str, list[Any]]:
    if not all(isinstance(record, dict) for record in records):
        raise UndecodableError("decode.shape", '"records" holds something that is not an object')
    names = dict.fromkeys(name for record in records for name in record)
    if len(names) * len(records) > MOST_CELLS:
        raise UndecodableError("decode.shape", f"{len(records)} records with {len(names)} different names are no table")
    return {name: [record.get(name) for record in records] for name in names}


def _length(columns: dict[str, Any]) -> int:
    lengths = set()
    for name, cells in columns.items():
        if not isinstance(cells, list):
            raise UndecodableError("decode.shape", f"column {name[:100]!r} is not a list of cells")
        lengths.add(len(cells))
    if len(lengths) != 1 or 0 in lengths:
        found = ", ".join(str(length) for length in sorted(lengths)[:5]) or "no columns"
        raise UndecodableError("decode.shape", f"the columns must be of one length, at least 1; found {found}")
    return lengths.pop()


def _cells_of(cells: Any, rows: int) -> tuple[dict[str, str] | None, list[int] | None]:
    """Where the cells stand; what is not of the right form is left out, since it only serves messages."""
    if not isinstance(cells, dict):
        return None, None
    letters, numbers = cells.get("letters"), cells.get("rows")
    if not (
        isinstance(letters, dict)
        and all(isinstance(value, str) and _LETTERS.fullmatch(value) for value in letters.values())
    ):
        letters = None
    if not (isinstance(numbers, list) and len(numbers) == rows and all(type(number) is int for number in numbers)):
        numbers = None
    return letters, numbers


def _comments_of(given: Any, rows: int) -> dict[str, dict[int, str]]:
    """The comments of cells; what is not of the right form is left out, as a program that knows no comments does."""
    if not isinstance(given, dict):
        return {}
    comments: dict[str, dict[int, str]] = {}
    for name, of_column in given.items():
        if not isinstance(of_column, dict):
            continue
        for row, text in of_column.items():
            if row.isascii() and row.isdecimal() and len(row) < 10 and int(row) < rows and isinstance(text, str):
                line = " ".join(text.split())[:LONGEST_COMMENT]
                if line:
                    comments.setdefault(name, {})[int(row)] = line
    return comments
