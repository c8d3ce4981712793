"""The contract as a page for people: `python -m acidwatch.contract.page > docs/contract.md` (`make docs`)."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from acidwatch.contract.columns import CONTRACT_VERSION, NATURAL_KEY, TABLES, Column
from acidwatch.contract.form import FORM
from acidwatch.contract.rules import HARD, SOFT

TITLES = {"samples": "Samples", "methods": "Methods", "sites": "Sites"}


def page() -> str:
    """The whole page, Markdown."""
    parts = [
        f"# The data contract, version {CONTRACT_VERSION}",
        "Made from `acidwatch/contract` by `make docs`; do not edit it by hand.",
        "Modelled on US EPA's Long-Term Monitoring of acidified waters, release 2022_8_1. Ranges are inclusive. "
        f"The natural key of a sample is ({', '.join(NATURAL_KEY)}), DATE_SMP with its time; empty cells count as equal.",
    ]
    for name, columns in TABLES.items():
        parts += [
            f"## {TITLES[name]}",
            _table(("column", "type", "unit", "needed", "allowed", "meaning"), map(_row, columns)),
        ]
    parts += [
        "## Rules",
        "A batch with one hard finding is rejected whole. A soft finding keeps the row and flags it; no value is ever altered. "
        "Texts in number columns that have one meaning are taken for it (`text.*`, `censored.*`); any other is a hard finding.",
        _table(("rule", "severity", "must hold"), [(f"`{rule}`", severity, text) for rule, severity, text in FORM]),
        _table(
            ("rule", "severity", "about", "must hold"),
            [(f"`{rule.id}`", rule.severity, rule.column or "row", rule.meaning) for rule in (*HARD, *SOFT)],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _row(column: Column) -> tuple[str, ...]:
    allowed = ", ".join(column.domain)
    if column.low is not None and column.high is not None:
        allowed = f"{column.low:g} to {column.high:g}"
    return (f"`{column.name}`", column.kind, column.unit, "yes" if column.required else "", allowed, column.meaning)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(page())
