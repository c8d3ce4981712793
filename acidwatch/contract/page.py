"""The contract as a page for people: `python -m acidwatch.contract.page > docs/contract.md` (`make docs`)."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from acidwatch.chemistry.conductance import EQUIVALENT_CONDUCTANCE
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
        "All columns of a table must be in its workbook, in any order; *needed* says that no cell may be empty. "
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
        _formulas(),
        _table(
            ("rule", "severity", "about", "must hold"),
            [(f"`{rule.id}`", rule.severity, rule.column or "row", rule.meaning) for rule in (*HARD, *SOFT)],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _formulas() -> str:
    """What the rules about ions compute; see acidwatch.chemistry."""
    conductances = ", ".join(f"{ion} {value:g}" for ion, value in EQUIVALENT_CONDUCTANCE.items())
    return (
        "In these rules, of concentrations in ueq/L: C = Ca + Mg + Na + K + max(NH4, 0); A = SO4 + NO3 + Cl + F. A missing NH4 or F "
        "counts 0; where any other one is missing the rule is not tested. H = 10^(6 - pH), pH the first measured of PH_LAB, PH_EQ, PH_FLD, "
        "PH_STVL. The ion balance is 100 (C - A - ANC) / (C + A + ANC + 2 H) per cent; there a missing pH counts H = 0. The calculated "
        "conductance, in uS/cm, is the sum of equivalent conductance x concentration / 1000, with HCO3 = max(ANC, 0) and the equivalent "
        f"conductances, in S cm2/eq: {conductances}. Source: US EPA 600/4-88/032."
    )


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
