"""What a text in a number column of the samples stands for: a number, a value beyond a limit, a missing value, or nothing known.

Decided here for everybody: the ingestor, `validate` and the repair of dead letters give one answer whatever program sent the text.
Only what has one meaning is taken, and each of these is a soft finding; anything else stays a hard one, with advice.
Numbers are written with a point; a file with decimal commas is the reader's business, which knows the file.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

MISSING_WORDS = ("NA", "N/A", "n.a.", "n.d.", "-", "--", "–", "missing", "not measured", "null")
"""Words for an empty cell, in any case. `ND` without points is none of them: that is "not detected"."""

BELOW_WORDS = ("BQL", "BRL", "DL", "IDL", "K", "U", "ND", "BDL", "BPQL")
"""Below a detection or quantification limit, as US EPA's and laboratories' codes say it; in capitals."""

ABOVE_WORDS = ("E", "EE", "GT")
"""Above what the method can tell."""

ESTIMATED = "J"
"""An estimated value: a value all the same."""

_MISSING = frozenset(word.casefold() for word in MISSING_WORDS)
_SIGNS = dict.fromkeys(BELOW_WORDS, "<") | dict.fromkeys(ABOVE_WORDS, ">") | {"<": "<", ">": ">"}
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?"
# A word directly behind a number is read but for E: `5E` may as well be what is left of 5E3.
_MARKED = re.compile(rf"(?:(<|>|[A-Z]{{1,4}})\s*)?({_NUMBER})(?:(?:\s*(?!E)|\s+)([A-Z]{{1,4}}))?", re.ASCII)
_PLAIN = re.compile(_NUMBER, re.ASCII)
_COMMA = re.compile(r"([<>]?\s*[+-]?)(\d[\d \u00a0\u202f]*)(?:,(\d+))?(?:[eE][+-]?\d{1,3})?")
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text stands for.

    Attributes:
        rule: The soft rule that reports it.
        value: The number; None where it is missing or only known to lie beyond a limit.
        qualifier: `<` below or `>` above a limit, `J` estimated; None otherwise.
        limit: The limit, in the column's unit; None where none is given.
    """

    rule: str
    value: float | None = None
    qualifier: str | None = None
    limit: float | None = None


def read_text(text: str) -> Reading | None:
    """What a text in a number column stands for; None when it has no one meaning."""
    if len(text) > _LONGEST:
        return None
    bare = text.strip().replace("\u2212", "-")
    if bare.casefold() in _MISSING:
        return Reading("text.missing")
    if bare in _SIGNS and bare.isalpha():
        return _beyond(_SIGNS[bare], None)
    found = _MARKED.fullmatch(bare)
    if found is None or (found[1] and found[3]):
        return None
    number, mark = float(found[2]), found[1] or found[3]
    if not math.isfinite(number):
        return None
    if mark is None:
        return Reading("text.number", number)
    if mark == ESTIMATED:
        return Reading("text.estimated", number, ESTIMATED)
    return _beyond(_SIGNS[mark], number) if mark in _SIGNS else None


def plain_number(text: str) -> float | None:
    """The number that a text is, written with a point and without any mark; None when it is none."""
    number = float(text) if len(text) <= _LONGEST and _PLAIN.fullmatch(text) else math.nan
    return number if math.isfinite(number) else None


def _beyond(sign: str, limit: float | None) -> Reading:
    return Reading("censored.below" if sign == "<" else "censored.above", None, sign, limit)


def number_advice(text: str) -> str:
    """Why a text is no number, and what to write instead."""
    bare = text.strip()
    if bare.startswith("="):
        return "a formula that was never calculated: open the workbook in a spreadsheet program, save it there, and send that"
    if bare.startswith("#"):
        return "an error of the spreadsheet: correct its formula, or leave the cell empty"
    if bare.upper() in ("TRUE", "FALSE"):
        return "a yes or no; it must be a number, or empty"
    comma = _COMMA.fullmatch(bare)
    if comma and (comma[3] or len(comma[2].split()) > 1):
        plain = comma[1] + "".join(comma[2].split()) + (f".{comma[3]}" if comma[3] else "")
        return f"if that is {plain}, write it so, or send the file with --locale fr"
    if bare.isalpha() and bare.upper() in _SIGNS:
        return f"write {bare.upper()} for below (or above) the limit, n.d. for not determined, or leave it empty"
    return "it must be a number, a limit such as <0.5, or empty"
