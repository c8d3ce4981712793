"""Findings grouped by their cause: one line for 14 cells that are wrong in the same way, with a question that may save the search."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from acidwatch.checking import quantities, words
from acidwatch.checking.quantities import Usual
from acidwatch.contract.columns import SAMPLES
from acidwatch.contract.outcome import Finding, Severity, printable
from acidwatch.contract.reference import Reference
from acidwatch.contract.rules import HARD, SOFT
from acidwatch.workbook.reader import Table

_COLUMNS = {column.name: column for column in SAMPLES}
_MEANINGS = {(rule.id, rule.column): rule.meaning for rule in (*HARD, *SOFT)}
_MOST_VARIANTS = 20  # more wrong words, sites or texts in a column than these are one cause
_ROW = re.compile(r"[A-Z]*([0-9]+)")
_WORDS = {
    "key.duplicate": "the same sample twice in one batch",
    "balance.charge": "cations, anions and ANC are more than 500 ueq/L apart",
    "balance.ions": "ion balance is off",
    "conductance.calculated": "measured and calculated conductance differ",
    "contradiction.ph-anc": "pH and ANC contradict each other",
    "zero.ion": "a major ion is 0",
    "missing.major": "a major ion or ANC is missing",
    "missing.all": "no analyte was measured",
}

_TAKEN = {
    "text.number": "has numbers stored as text",
    "text.missing": "has words for a missing value",
    "text.estimated": "has values marked as estimated",
    "censored.below": "is below a limit",
    "censored.above": "is above a limit",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """Findings that have one cause.

    Attributes:
        severity, rule, column: Of each of them.
        what: What is wrong, without the cells.
        guess: A question or advice; empty where there is none.
        findings: All of them, in the order of the sheet.
    """

    severity: Severity
    rule: str
    column: str
    what: str
    guess: str
    findings: tuple[Finding, ...]

    @property
    def cells(self) -> list[str]:
        """Where, such as C17; a row's number where it is about the row."""
        return [finding.cell for finding in self.findings]

    @property
    def where(self) -> str:
        """How many cells or rows: `14 cells`."""
        one = "cell" if self.column else "row"
        return f"{len(self.findings)} {one}{'s' if len(self.findings) != 1 else ''}"


def group_causes(findings: Sequence[Finding], table: Table, reference: Reference, today: dt.date) -> list[Cause]:
    """Group findings: hard ones first, then those with the most cells."""
    variants = [_variant(finding) for finding in findings]
    different: dict[tuple[str, str], set[str]] = {}
    for finding, variant in zip(findings, variants, strict=True):
        different.setdefault((finding.rule, finding.column), set()).add(variant)
    groups: dict[tuple[Severity, str, str, str], list[Finding]] = {}
    for finding, variant in zip(findings, variants, strict=True):
        crowded = len(different[finding.rule, finding.column]) > _MOST_VARIANTS
        key = (finding.severity, finding.rule, finding.column, "" if crowded else variant)
        groups.setdefault(key, []).append(finding)
    rows = {number: position for position, number in enumerate(table.row_numbers)}
    usual = Usual(table)
    causes = []
    for (severity, rule, column, _), found in groups.items():
        variant, count = _variant(found[0]), len(different[rule, column])
        positions = [rows[number] for finding in found if (number := _number(finding.cell)) in rows]
        programme = _programme(table, positions)
        what = (
            f"{column} holds {count} different values that it must not, such as {found[0].value!r}"
            if count > _MOST_VARIANTS
            else _what(rule, column, variant, found[0], programme)
        )
        guess = _guess(rule, column, variant, found, _Facts(table, positions, usual, reference, today, programme))
        causes.append(Cause(severity, rule, column, printable(what), printable(guess), tuple(found)))
    return sorted(causes, key=lambda cause: (cause.severity != "hard", -len(cause.findings), _number(cause.cells[0])))


def _variant(finding: Finding) -> str:
    """What tells causes of one rule and column apart: the side of a range, the wrong word, the form of a text."""
    rule = finding.rule
    if rule.startswith("range.") or rule == "date.range":
        return _side(finding)
    if rule.startswith("domain.") or rule == "reference.site":
        return finding.value
    if rule == "type.number":
        return words.shape_of(finding.value, finding.column) or repr(finding.value)
    return ""


def _side(finding: Finding) -> str:
    if finding.rule == "date.range":
        return "before" if finding.value < "1979" else "after"
    low = _COLUMNS[finding.column].low if finding.column in _COLUMNS else None
    try:
        return "below" if low is not None and float(finding.value) < low else "above"
    except ValueError:
        return ""


def _number(cell: str) -> int:
    match = _ROW.fullmatch(cell)
    return int(match[1]) if match else 0


def _programme(table: Table, positions: Sequence[int]) -> str:
    programmes = {str(table.columns["PROGRAM_ID"][position]) for position in positions}
    return programmes.pop() if len(programmes) == 1 else ""


def _what(rule: str, column: str, variant: str, first: Finding, programme: str) -> str:
    contract = _COLUMNS.get(column)
    if rule.startswith("range.") and contract and variant:
        limit = contract.low if variant == "below" else contract.high
        return f"{column} {variant} {limit:g} {contract.unit}".rstrip()
    if rule == "date.range":
        return f"{column} before 1979-01-01" if variant == "before" else f"{column} after today"
    if rule == "domain.PROGRAM_ID":
        return f"programme {variant!r} is not in the sites table"
    if rule == "reference.site":
        return f"site {variant!r}{f' of {programme}' if programme else ''} is not in the sites table"
    if rule.startswith("domain.") and contract:
        return f"{column} is {variant!r}, not one of {', '.join(contract.domain)}"
    if rule == "schema.required":
        return f"{column} is empty; every row needs it"
    if rule == "type.number":
        return f"{column} holds {variant}, not a number"
    if rule.startswith("type."):
        return (
            f"{column} holds {first.value!r}, not a {'date' if rule == 'type.datetime' else rule.removeprefix('type.')}"
        )
    if rule.startswith("unusual."):
        return f"{column} is unusual: not {_MEANINGS.get((rule, column), '')}"
    if rule in _TAKEN:
        return f"{column} {_TAKEN[rule]}, such as {first.value!r}"
    if rule in _WORDS:
        return _WORDS[rule]
    meaning = _MEANINGS.get((rule, column))
    return f"{column or 'row'} must be: {meaning}" if meaning else first.message


@dataclass(frozen=True, slots=True)
class _Facts:
    """What guesses look at: where the findings stand in the table, and what is known around them."""

    table: Table
    positions: Sequence[int]
    usual: Usual
    reference: Reference
    today: dt.date
    programme: str


def _guess(rule: str, column: str, variant: str, found: Sequence[Finding], facts: _Facts) -> str:
    if rule.startswith("range."):
        return quantities.guess_range(column, facts.positions, facts.usual)
    if rule in ("balance.charge", "balance.ions"):
        return quantities.guess_balance(facts.positions, len(facts.table.row_numbers), facts.usual)
    if rule == "type.number":
        return words.guess_number(found[0].value, column)
    if rule == "type.datetime":
        return words.guess_date(found, facts.today.year)
    if rule == "date.range":
        return words.guess_out_of_time(found, facts.today)
    if rule == "domain.PROGRAM_ID":
        sites = {str(facts.table.columns["SITE_ID"][position]) for position in facts.positions}
        return words.guess_programme(variant, sites, facts.reference)
    if rule == "reference.site":
        return words.guess_site(facts.programme, variant, facts.reference)
    if rule.startswith("domain."):
        return words.guess_domain(column, variant)
    return ""
