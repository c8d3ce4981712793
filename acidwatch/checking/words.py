"""What may have gone wrong with texts, dates, sites and programmes: misspelt, a decimal comma, lost zeros. Questions, never changes."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Iterable, Sequence

from acidwatch.contract.columns import SAMPLES
from acidwatch.contract.dates import WrittenDate, written_date
from acidwatch.contract.outcome import Finding
from acidwatch.contract.reference import Reference
from acidwatch.contract.texts import number_advice
from acidwatch.workbook.units import unit_named

_DOMAINS = {column.name: column.domain for column in SAMPLES if column.domain}
_UNITS = {column.name: column.unit for column in SAMPLES if column.unit}
_SERIAL = re.compile(r"\d{5}(\.\d+)?")
_EXCEL_EPOCH = dt.date(1899, 12, 30)
_FIRST_YEAR = 1979
_ORDERS = {"day, month, year": (1, 0), "month, day, year": (0, 1)}  # where month and day stand
_BEHIND = re.compile(
    r"\s*[<>]?=?\s*[+-]?(?:\d[\d.,]*|[.,]\d+)(?:[eE][+-]?\d+)?\s*((?:[^\W\d_]|[%°º(\[/*]).*?)\s*", re.DOTALL
)
_QUALIFIER = re.compile(r"[^\W\d_]{1,4}")

SHAPES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("an error cell", re.compile(r"#[A-Z/0!?]+.*"), "the formula behind it fails; mend it, or leave the cell empty"),
    (
        "a formula without a value",
        re.compile(r"=.*", re.DOTALL),
        "never calculated: open it in a spreadsheet program and save it, or put the value",
    ),
    (
        "a value with < or >",
        re.compile(r"\s*[<>]=?\s*[\d.,]+.*"),
        "below or above what can be measured? Write <0.5, and nothing else in the cell",
    ),
    ("a number with a decimal comma", re.compile(r"\s*-?\d+,\d+\s*"), "decimal comma?"),
    ("a number as text", re.compile(r"\s*-?\d+(\.\d+)?\s*"), "stored as text? Make the cell a number"),
)
"""What a text in a number column looks like: its name, its form, and what is asked or advised."""


def shape_of(text: str, column: str) -> str:
    """Name of the shape that a text in a number column has; empty when it has none."""
    return _shape(text, column)[0]


def guess_number(text: str, column: str) -> str:
    """What a text in a number column may be."""
    return _shape(text, column)[1] or number_advice(text)


def _shape(text: str, column: str) -> tuple[str, str]:
    behind = _BEHIND.fullmatch(text)
    if behind:
        return _shape_of_suffix(behind[1], _UNITS.get(column, "no unit"))
    return next(((name, advice) for name, form, advice in SHAPES if form.fullmatch(text)), ("", ""))


def _shape_of_suffix(suffix: str, unit: str) -> tuple[str, str]:
    """Of a number, or a limit, with something behind it. Only the column's own unit can be left out: another one changes the value."""
    named = unit_named(suffix)
    if named == unit:
        return "a number with its unit", "leave the unit out?"
    if _QUALIFIER.fullmatch(suffix) and (named is None or len(suffix) == 1):
        return (
            "a number with letters behind it",
            "which qualifier is meant? Write <0.5 or 0.5 U below a limit, >100 above one, 0.5 J for an estimated value",
        )
    if named or suffix[0] in "%°º" or "/" in suffix[1:]:
        return "a number in another unit", f"convert it to {unit}, and leave the unit out"
    return (
        "a number with words behind it",
        "what do they mean? Only a number, or a limit such as <0.5, can be taken",
    )


def guess_domain(column: str, word: str) -> str:
    """Which allowed word may be meant."""
    near = _nearest(word, _DOMAINS.get(column, ()))
    if near:
        return f"{near!r}?"
    elsewhere = [name for name, words in _DOMAINS.items() if name != column and word in words]
    return f"that is a {elsewhere[0]}: columns swapped?" if elsewhere else ""


def guess_programme(programme: str, sites: Iterable[str], reference: Reference) -> str:
    """Which programme may be meant: one that is spelt alike, or the only one that has the sites."""
    near = _nearest(programme, reference.programmes)
    if near:
        return f"{near!r}?"
    having = {known for known, site in reference.sites if site in set(sites)}
    return f"{having.pop()!r} has these sites: is it meant?" if len(having) == 1 else ""


def guess_site(programme: str, site: str, reference: Reference) -> str:
    """Which site may be meant: with its leading zeros, of another programme, or one that is spelt alike."""
    own = sorted(known for of, known in reference.sites if of == programme)
    lost = reference.stripped.get((programme, site.strip().lstrip("0")))
    if lost:
        return f"leading zeros lost: {lost!r}?"
    alike = [known for known in own if known.casefold() == site.strip().casefold()]
    if alike:
        return f"{alike[0]!r}?"
    others = sorted(of for of, known in reference.sites if known == site)
    if others:
        return f"{site!r} is of {', '.join(others)}: is the programme wrong?"
    zeros = sorted({(of, known) for (of, bare), known in reference.stripped.items() if bare == site.strip()})
    if zeros:
        return f"leading zeros lost, and of another programme: {zeros[0][1]!r} of {zeros[0][0]}?"
    near = difflib.get_close_matches(site, own, n=1, cutoff=0.8)
    return f"{near[0]!r}?" if near else "new? Then it must be put into the sites workbook first"


def guess_date(findings: Sequence[Finding], last_year: int) -> str:
    """What texts that are no dates may be."""
    texts = [finding.value for finding in findings]
    written = [date for text in texts if (date := written_date(text)) and not date.year_first]
    if written and len(written) == len(texts):
        readings = {
            order: [_in_order(date, *places, last_year) for date in written] for order, places in _ORDERS.items()
        }
        possible = [order for order, dates in readings.items() if None not in dates]
        if len(possible) == 2:
            return f"text: day or month first in {texts[0]!r}? Make the cells dates"
        if possible:
            order, first = possible[0], readings[possible[0]][0]
            return f"text in the order {order}? Make the cells dates: {first}{written[0].advice}"
    if texts and all(_SERIAL.fullmatch(text) for text in texts):
        day_meant = _EXCEL_EPOCH + dt.timedelta(days=int(float(texts[0])))
        return f"dates shown as numbers? {texts[0]} is {day_meant.isoformat()}; give the cells a date format"
    return "make the cells dates, or write them like 1992-06-14 or 1992-06-14T10:30, without a zone"


def _in_order(date: WrittenDate, month: int, day: int, last_year: int) -> str | None:
    year = date.figures[2]
    whole = year if len(year) == 4 else f"{'19' if int(year) > last_year % 100 else '20'}{year}"
    return date.iso(int(whole), int(date.figures[month]), int(date.figures[day]))


def guess_out_of_time(findings: Sequence[Finding], today: dt.date) -> str:
    """What dates before 1979 or after today may be."""
    try:
        dates = [dt.date.fromisoformat(finding.value[:10]) for finding in findings]
    except ValueError:
        return ""
    if dates and all(
        date.day <= 12 and _in_time(date.replace(month=date.day, day=date.month), today) for date in dates
    ):
        swapped = dates[0].replace(month=dates[0].day, day=dates[0].month)
        return f"day and month exchanged: {swapped.isoformat()}?"
    if dates and all(date.year - 100 >= _FIRST_YEAR for date in dates):
        return f"wrong century: {dates[0].year - 100}?"
    return ""


def _in_time(date: dt.date, today: dt.date) -> bool:
    return dt.date(_FIRST_YEAR, 1, 1) <= date <= today


def _nearest(word: str, allowed: Sequence[str]) -> str:
    plain = {re.sub(r"[\s_-]", "", one).casefold(): one for one in allowed}
    same = plain.get(re.sub(r"[\s_-]", "", word).casefold())
    if same:
        return same
    near = difflib.get_close_matches(word.casefold(), list(plain), n=1, cutoff=0.75)
    return plain[near[0]] if near else ""
