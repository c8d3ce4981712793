"""Texts in the column of dates that are no ISO 8601: what they may mean, and what to write instead. None is taken for a date."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

_TIME = r"(?:[T ]\s*(\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?"
_DAY_MONTH = re.compile(rf"(\d{{1,2}})([./-])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_TIME}", re.ASCII)
_YEAR_FIRST = re.compile(rf"(\d{{4}})([./-])(\d{{1,2}})\2(\d{{1,2}}){_TIME}", re.ASCII)
_SERIAL = re.compile(r"\d{4,5}(\.\d+)?", re.ASCII)
_EPOCHS = (dt.date(1899, 12, 30), dt.date(1904, 1, 1))


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A date in figures, as people write it.

    Attributes:
        figures: Its three figures in their order, the year as the first or the last.
        time: Its time of day, empty where it has none.
        zoned: Whether a zone follows the time.
    """

    figures: tuple[str, str, str]
    time: str
    zoned: bool

    @property
    def year_first(self) -> bool:
        """Whether it begins with its year; month and day follow."""
        return len(self.figures[0]) == 4

    def iso(self, year: int, month: int, day: int) -> str | None:
        """That day with its time in ISO 8601, without a zone; None where there is no such day or time."""
        hour, colon, rest = self.time.partition(":")
        time = f"{hour.zfill(2)}{colon}{rest}"
        try:
            date = dt.date(year, month, day).isoformat()
            if self.time:
                dt.time.fromisoformat(time)
        except ValueError:
            return None
        return f"{date}T{time}" if self.time else date

    @property
    def advice(self) -> str:
        """What to say behind a date that is proposed."""
        return ", without a zone" if self.zoned else ""


def written_date(text: str) -> WrittenDate | None:
    """The date in figures that a text is; None when it is none."""
    found = _YEAR_FIRST.fullmatch(text.strip()) or _DAY_MONTH.fullmatch(text.strip())
    if found is None:
        return None
    first, _, second, third, time, zone = found.groups()
    return WrittenDate((first, second, third), time or "", zone is not None)


def date_advice(text: str) -> str:
    """Why a text is no date that can be taken, with the dates that it may mean."""
    written = written_date(text)
    readings = _readings(written) if written else []
    if written and len(readings) > 1:
        return f"is that {' or '.join(readings)}? write the one that is meant{written.advice}"
    if written and readings:
        return f"if that is {readings[0]}, write it so{written.advice}"
    bare = text.strip()
    if _SERIAL.fullmatch(bare):
        days = int(float(bare))
        of_1900, of_1904 = (epoch + dt.timedelta(days=days) for epoch in _EPOCHS)
        return (
            f"a number without the format of a date: in a spreadsheet it may be {of_1900} (or {of_1904}, where days count from 1904); "
            "format the cell as a date"
        )
    return "it must be an ISO 8601 date such as 1992-06-14 or 1992-06-14T10:30, without a zone"


def _readings(written: WrittenDate) -> list[str]:
    """The dates that it can be read as, ISO 8601: day first, then month first; a year of two figures is 19.. or 20.."""
    first, second, third = map(int, written.figures)
    if written.year_first:
        parts = [(first, second, third)]
    else:
        years = [third] if len(written.figures[2]) == 4 else [1900 + third, 2000 + third]
        parts = [(year, month, day) for year in years for month, day in ((second, first), (first, second))]
    found = (written.iso(*part) for part in parts)
    return list(dict.fromkeys(reading for reading in found if reading is not None))
