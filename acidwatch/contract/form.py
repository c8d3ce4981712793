"""The rules of form: decoding, columns, types, and what texts in number columns stand for. `judge` applies them before the others."""

from __future__ import annotations

from acidwatch.contract.outcome import Severity
from acidwatch.contract.texts import ABOVE_WORDS, BELOW_WORDS, ESTIMATED, MISSING_WORDS


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


FORM: tuple[tuple[str, Severity, str], ...] = (
    ("decode.empty", "hard", "the record has a value"),
    ("decode.json", "hard", "the value is JSON"),
    ("decode.repeated-name", "hard", "no object in the value has a name twice"),
    (
        "decode.shape",
        "hard",
        'the value is {"columns": {name: [cell, ...]}} or {"records": [{name: cell}, ...]}, all of one length',
    ),
    ("header.type", "hard", "ce_type, where there is one, is org.acidwatch.batch.v1"),
    ("id.conflict", "hard", "one batch id and attempt always has the same bytes"),
    ("schema.missing-column", "hard", "every column of the contract is there"),
    ("schema.unknown-column", "soft", "no column that the contract does not know"),
    ("type.text", "hard", "a cell of a text column is text"),
    ("type.number", "hard", "a cell of a number column is a number, or a text with one meaning as below"),
    ("type.datetime", "hard", "a cell of a date column is ISO 8601"),
    ("text.number", "soft", "a number is no text, such as `'47`, `1E-3`; it is taken as the number"),
    (
        "text.missing",
        "soft",
        f"a missing value is an empty cell; these words (in any case) are taken as one: {_listed(MISSING_WORDS)}",
    ),
    (
        "text.estimated",
        "soft",
        f"a value has no mark that it is estimated, such as `0.5 {ESTIMATED}`; it is taken, the mark kept in `remarks`",
    ),
    (
        "censored.below",
        "soft",
        "a measured value is not below a limit, such as `<0.5`, `0.5 U`; it is null, its limit kept in `remarks`; words, with or "
        f"without a limit: {_listed(BELOW_WORDS)}",
    ),
    (
        "censored.above",
        "soft",
        "a measured value is not above a limit, such as `>100`; it is null, its limit kept in `remarks`; words, with or "
        f"without a limit: {_listed(ABOVE_WORDS)}",
    ),
)
"""Id, severity, what must hold."""

TAKEN = tuple(form for form in FORM if form[0].startswith(("text.", "censored.")))
"""The soft ones about a cell's text: a row's `flags` name them."""
