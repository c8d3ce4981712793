"""Small builders: each writes one kind of file of samples from rows of plain values, with nothing but the standard library."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Error:
    """An error cell."""

    text: str


@dataclass(frozen=True)
class Formula:
    """A formula with the value that was calculated; None = never calculated."""

    text: str
    value: float | str | Error | None = None


Cell = float | str | bool | dt.datetime | Error | Formula | None
Rows = Sequence[Sequence[Cell]]
ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
CODES = {text: code for code, text in ERRORS.items()}


@dataclass(frozen=True)
class Extras:
    """What a sheet has beside its cells.

    Attributes:
        hidden: Rows from 1.
        merged: (first row, first column, last row, last column) from 1.
        comments: (row, column) from 1 to text.
        epoch_1904: Days count from 1904.
    """

    hidden: frozenset[int] = frozenset()
    merged: tuple[tuple[int, int, int, int], ...] = ()
    comments: tuple[tuple[int, int, str], ...] = ()
    epoch_1904: bool = False


def serial(moment: dt.datetime, *, epoch_1904: bool = False) -> float:
    """A date as the number that a spreadsheet keeps."""
    epoch = dt.datetime(1904, 1, 1) if epoch_1904 else dt.datetime(1899, 12, 30)
    return (moment - epoch) / dt.timedelta(days=1)


Build = Callable[[Path, Rows, Extras], None]
