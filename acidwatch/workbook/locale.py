"""Numbers in texts as a country writes them: `fr` has decimal commas, and blanks between thousands.

Cells of a text file (.csv) have no types: there a text that is a number is the number. In a workbook a number with a comma is a text;
it is taken only when the locale was given. Which one is meant is never guessed: a file that looks like commas is refused until
somebody says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from acidwatch.contract.batch import Value
from acidwatch.contract.outcome import quoted
from acidwatch.contract.texts import plain_number
from acidwatch.errors import UnusableInputError

LOCALES = ("en", "fr")

_BLANKS = " \u00a0\u202f\u2009"
_GROUPED = rf"\d{{1,3}}(?:[{_BLANKS}]\d{{3}})+"
_EXPONENT = r"(?:[eE][+-]?\d{1,3})?"
_FRENCH = re.compile(rf"([<>]?[{_BLANKS}]*)([+\-\u2212]?)({_GROUPED}|\d+)(?:,(\d+))?({_EXPONENT})", re.ASCII)
_POINT = re.compile(rf"[<>]?\s*[+\-\u2212]?\d*\.\d+{_EXPONENT}", re.ASCII)


@dataclass(slots=True)
class Converted:
    """The number columns with their texts read, and what is to be said about it."""

    columns: dict[str, list[Value]]
    notes: list[str] = field(default_factory=list)


def check_locale(locale: str | None) -> None:
    """Refuse a locale that is not known.

    Raises:
        UnusableInputError: It is none of LOCALES.
    """
    if locale is not None and locale not in LOCALES:
        raise UnusableInputError(f"--locale {locale}: is not known; it is one of {', '.join(LOCALES)}")


def convert_numbers(
    columns: Mapping[str, list[Value]],
    letters: Mapping[str, str],
    rows: Sequence[int],
    where: str,
    locale: str | None,
    *,
    typed: bool,
) -> Converted:
    """Read the texts of number columns.

    Args:
        columns: Number columns.
        letters, rows: Where they stand in the sheet.
        typed: Whether the file has numbers of its own; in a text file all are texts.

    Raises:
        UnusableInputError: Numbers are written with commas and no locale was given, or with points though it was `fr`.
    """
    converted = Converted({})
    commas: list[str] = []
    points: list[str] = []
    numbers = 0
    for name, values in columns.items():
        types = list(map(type, values))
        if str not in types:
            numbers += types.count(float) if typed else 0
            continue
        # The same texts come again and again.
        known: dict[str, Value] = {}
        read: list[Value] = []
        for index, value in enumerate(values):
            if not isinstance(value, str):
                numbers += typed and value is not None
                read.append(value)
                continue
            if value not in known:
                known[value] = _read(value, locale, typed=typed)
            text = value.strip()
            if _is_french(text):
                commas.append(f"{letters[name]}{rows[index]} is {quoted(value)!r}")
            # With a sign it may be what a number format shows, which is read with a point whatever the locale.
            elif _POINT.fullmatch(text) and not (typed and text[0] in "<>"):
                points.append(f"{letters[name]}{rows[index]} is {quoted(value)!r}")
            read.append(known[value])
        converted.columns[name] = read
    _refuse_other_locale(where, locale, commas, points, numbers)
    if locale == "fr" and commas:
        some = "number is" if len(commas) == 1 else "numbers are"
        converted.notes.append(
            f"{len(commas)} {some} written with a decimal comma or blanks and read as --locale fr says ({commas[0]})"
        )
    return converted


def _read(text: str, locale: str | None, *, typed: bool) -> Value:
    bare = text.strip()
    found = _FRENCH.fullmatch(bare) if locale == "fr" else None
    if found and (not typed or _is_french(bare)):
        mark, sign, whole, fraction, exponent = found.groups()
        plain = (
            f"{sign.replace(chr(0x2212), '-')}{''.join(whole.split())}{'.' + fraction if fraction else ''}{exponent}"
        )
        return f"{mark.strip()}{plain}" if mark.strip() else float(plain)
    number = plain_number(bare.replace("\u2212", "-")) if not typed else None
    return text if number is None else number


def _is_french(text: str) -> bool:
    """Whether a text is a number with a decimal comma, or with blanks between thousands."""
    found = _FRENCH.fullmatch(text)
    return found is not None and (found[4] is not None or not found[3].isdigit())


def _refuse_other_locale(
    where: str, locale: str | None, commas: Sequence[str], points: Sequence[str], numbers: int
) -> None:
    if locale is None and len(commas) > len(points) + numbers:
        raise UnusableInputError(
            f"{where} writes numbers with a decimal comma or blanks between thousands ({commas[0]}; {len(commas):,} of them): "
            "if that is so, say --locale fr; if commas are something else, say --locale en and each becomes a finding"
        )
    if locale == "fr" and points:
        raise UnusableInputError(
            f"{where} writes numbers with a point though --locale fr was given ({points[0]}; {len(points):,} of them, and "
            f"{len(commas):,} with a comma): write all of them in one way"
        )
