"""What an operator changes in a dead letter before it goes back: columns of its bad rows, and headers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from acidwatch.contract.batch import Value, encode
from acidwatch.contract.columns import SAMPLES, Column
from acidwatch.contract.typed import Misfit, type_cells
from acidwatch.errors import PermanentError, UnusableInputError
from acidwatch.recovery.letters import OpenLetter
from acidwatch.recovery.redrive import Outgoing, stamp

_COLUMNS = {column.name: column for column in SAMPLES}
_WORDS = {"number": "a number", "integer": "a whole number", "datetime": "an ISO 8601 date such as 1992-06-14"}
_OURS = ("ce_id", "ce_attempt")


@dataclass(frozen=True, slots=True)
class Edits:
    """Changes, the same for every letter of a replay.

    Attributes:
        columns: Column to its new value, typed; None empties the cells.
        headers: Header to its new value; None takes it away.
        all_rows: Change every row, not only those that have findings.
    """

    columns: Mapping[str, Value] = field(default_factory=dict)
    headers: Mapping[str, bytes | None] = field(default_factory=dict)
    all_rows: bool = False

    def __bool__(self) -> bool:
        return bool(self.columns or self.headers)

    def journal(self) -> dict[str, Any]:
        """For the journal."""
        if not self:
            return {}
        headers = {name: value.decode() if value is not None else None for name, value in self.headers.items()}
        return {"edits": {"set": dict(self.columns), "set_header": headers, "all_rows": self.all_rows}}


def parse_edits(columns: Sequence[str], headers: Sequence[str], *, all_rows: bool) -> Edits:
    """Read `COLUMN=VALUE` and `NAME=VALUE`; an empty value empties the cells, or takes the header away.

    Raises:
        UnusableInputError: No such column, or a value that the column can't hold.
    """
    return Edits(
        dict(_column(text) for text in columns),
        dict(_header(text) for text in headers),
        all_rows,
    )


def _column(text: str) -> tuple[str, Value]:
    name, equals, value = text.partition("=")
    if not equals or name not in _COLUMNS:
        raise UnusableInputError(
            f"--set {text}: write COLUMN=VALUE with a column of the contract, such as SO4_UEQ_L=47"
        )
    return name, _typed(_COLUMNS[name], value) if value else None


def _typed(column: Column, text: str) -> Value:
    value: Value = text
    if column.kind in ("number", "integer"):
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise UnusableInputError(f"--set {column.name}={text}: it must be {_WORDS[column.kind]}, or empty")
    misfits: list[Misfit] = []
    type_cells(column, [value], misfits)
    if misfits:
        raise UnusableInputError(f"--set {column.name}={text}: it must be {_WORDS.get(column.kind, 'text')}, or empty")
    return value


def _header(text: str) -> tuple[str, bytes | None]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UnusableInputError(f"--set-header {text}: write NAME=VALUE, such as ce_subject='Sheet 1!A2:AD101'")
    if name in _OURS:
        raise UnusableInputError(f"--set-header {name}: acidwatch sets it; the id stays and attempts are numbered")
    return name, value.encode() or None


@dataclass(frozen=True, slots=True)
class Edited:
    """A letter's record as it would go back.

    Attributes:
        outgoing: The record.
        cells: How many cells have another value than before.
    """

    outgoing: Outgoing
    cells: int


def apply(edits: Edits, letter: OpenLetter) -> Edited:
    """Apply edits to a letter. Without edits of columns the value goes back byte for byte.

    A column is set in the rows that have a hard finding about it; where no finding names it, in the rows that have any hard
    finding. A column that the batch lacks is added, for every row.

    Raises:
        PermanentError: The letter can't be decoded, or no row of it is meant.
    """
    record = letter.record
    headers = tuple(stamp(record.headers, edits.headers))
    if not edits.columns:
        return Edited(Outgoing(letter.batch_id, record.key, record.value, headers), 0)
    payload = letter.decoded()
    columns = dict(payload.columns)
    changed = 0
    for name, value in edits.columns.items():
        if name not in columns:
            columns[name] = [value] * payload.rows
            changed += payload.rows
            continue
        before = columns[name]
        rows = range(payload.rows) if edits.all_rows else _meant(letter, name)
        after = list(before)
        for row in rows:
            after[row] = value
        changed += sum(_differs(old, new) for old, new in zip(before, after, strict=True))
        columns[name] = after
    cells = {"letters": payload.letters, "rows": payload.row_numbers}
    given = {name: value for name, value in cells.items() if value is not None}
    try:
        value_bytes = encode(columns, given, payload.comments)
    except TypeError as error:
        raise PermanentError(f"batch {letter.batch_id} can't be edited: {error}") from None
    return Edited(Outgoing(letter.batch_id, record.key, value_bytes, headers), changed)


def _meant(letter: OpenLetter, column: str) -> list[int]:
    """The rows in which a column is set."""
    bad = {
        row: {finding.column for finding in findings if finding.severity == "hard"}
        for row, findings in letter.by_row.items()
    }
    rows = [row for row, columns in bad.items() if column in columns] or [
        row for row, columns in bad.items() if columns
    ]
    if not rows:
        raise PermanentError(
            f"batch {letter.batch_id} has no row with a hard finding to set {column} in; --all-rows sets it in every row"
        )
    return sorted(rows)


def _differs(old: Any, new: Value) -> bool:
    return bool(old != new) or isinstance(old, bool)  # True is no 1.0
