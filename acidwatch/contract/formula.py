"""Text from a workbook must not become a formula in a table that we write."""

from __future__ import annotations

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A CSV cell that begins so is run by spreadsheets: https://owasp.org/www-community/attacks/CSV_Injection."""


def no_formula(text: str) -> str:
    """Text as a CSV cell: one that a spreadsheet would take for a formula gets an apostrophe in front."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
