"""Named faults: each rejects exactly the batch it is put into, by a rule known beforehand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from acidwatch.contract.columns import SAMPLE_NAMES
from acidwatch.contract.headers import column_letters
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.generator.plan import BATCH_ROWS, SHEET_ROWS, Plan
from acidwatch.workbook.generator.xlsx import ErrorCell, FormulaCell, Written

Row = list[Written]
_FUTURE, _PAST = dt.datetime(2099, 1, 1), dt.datetime(1950, 6, 15)  # noqa: DTZ001 - a sheet knows no time zone
_AT = {name: index for index, name in enumerate(SAMPLE_NAMES)}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as it was put into the samples.

    Attributes:
        kind: A key of KINDS.
        batch: Index of the batch in its sheet, from 0.
        sheet, cell: Where, such as `Sheet 1` and `C17`.
        row: Its sheet row, from 1.
        column: The column of the cell that was changed; the finding of a rule about the whole row (key.duplicate,
            balance.charge) names the row only.
        rule: The hard rule that rejects the batch.
    """

    kind: str
    batch: int
    sheet: str
    cell: str
    row: int
    column: str
    rule: str


@dataclass(frozen=True, slots=True)
class _Kind:
    description: str
    rule: str
    column: str
    # Changes the row in place; the row before it is for what repeats it.
    spoil: Callable[[Row, Row], None]


def _put(**cells: Written) -> Callable[[Row, Row], None]:
    def spoil(row: Row, _before: Row) -> None:
        for name, cell in cells.items():
            row[_AT[name]] = cell

    return spoil


def _lose_zeros(row: Row, _before: Row) -> None:
    row[_AT["SITE_ID"]] = float(str(row[_AT["SITE_ID"]]))


def _repeat(row: Row, before: Row) -> None:
    row[:] = before


_ALL: dict[str, _Kind] = {
    "bad-domain": _Kind("SAMPLE_TYPE is 'Monthly'", "domain.SAMPLE_TYPE", "SAMPLE_TYPE", _put(SAMPLE_TYPE="Monthly")),
    "duplicate-key": _Kind("a row says the same sample as the row before it", "key.duplicate", "DATE_SMP", _repeat),
    "error-cell": _Kind("chloride is #DIV/0!", "type.number", "CL_UEQ_L", _put(CL_UEQ_L=ErrorCell("#DIV/0!"))),
    "formula-cell": _Kind(
        "nitrate is a formula that was never calculated",
        "type.number",
        "NO3_UEQ_L",
        _put(NO3_UEQ_L=FormulaCell("1/0.0805")),
    ),
    "future-date": _Kind("DATE_SMP is in 2099", "date.range", "DATE_SMP", _put(DATE_SMP=_FUTURE)),
    "ion-balance": _Kind(
        "every major ion is there, and the charges differ by 900 ueq/L",
        "balance.charge",
        "NA_UEQ_L",
        _put(
            CA_UEQ_L=100.0,
            MG_UEQ_L=40.0,
            NA_UEQ_L=900.0,
            K_UEQ_L=10.0,
            NH4_UEQ_L=1.0,
            SO4_UEQ_L=80.0,
            NO3_UEQ_L=10.0,
            CL_UEQ_L=20.0,
            F_UEQ_L=1.0,
            ANC_UEQ_L=40.0,
        ),
    ),
    "lost-zeros": _Kind("SITE_ID is a number, its leading zeros are lost", "reference.site", "SITE_ID", _lose_zeros),
    "missing-required": _Kind(
        "SAMPLE_LOCATION is empty", "schema.required", "SAMPLE_LOCATION", _put(SAMPLE_LOCATION=None)
    ),
    "old-date": _Kind("DATE_SMP is in 1950", "date.range", "DATE_SMP", _put(DATE_SMP=_PAST)),
    # Without magnesium there is no charge balance, which so much sulphate would break as well.
    "range": _Kind(
        "sulphate is 2400.5 ueq/L, above 2000", "range.SO4_UEQ_L", "SO4_UEQ_L", _put(SO4_UEQ_L=2400.5, MG_UEQ_L=None)
    ),
    "text-date": _Kind("DATE_SMP is the text '14.06.1992'", "type.datetime", "DATE_SMP", _put(DATE_SMP="14.06.1992")),
    "text-in-number": _Kind("calcium is the text 'lost'", "type.number", "CA_UEQ_L", _put(CA_UEQ_L="lost")),
    "unknown-programme": _Kind("PROGRAM_ID is 'LTM_XX'", "domain.PROGRAM_ID", "PROGRAM_ID", _put(PROGRAM_ID="LTM_XX")),
    "unknown-site": _Kind(
        "SITE_ID is 'ZZ999', which is not in the sites table", "reference.site", "SITE_ID", _put(SITE_ID="ZZ999")
    ),
}

KINDS: dict[str, str] = {kind: entry.description for kind, entry in _ALL.items()}
"""Every kind of fault, and what it does to one row."""


def place_faults(broken: Sequence[str], plan: Plan, seed: int) -> dict[int, Fault]:
    """Decide which row gets which fault.

    Args:
        broken: `kind`, put into a batch that no other has, chosen from the seed; or `kind@INDEX`, from 0.
        plan: The samples.
        seed: Of the workbook.

    Returns:
        Row of the samples, from 0, to its fault.

    Raises:
        UnusableInputError: There is no such kind or batch, or the batch has no row that can have this fault.
    """
    random = np.random.Generator(np.random.PCG64([seed, 5]))
    batches = -(-plan.rows // BATCH_ROWS)
    wanted = [_parse(text, batches) for text in broken]
    taken = {batch for _, batch in wanted if batch is not None}
    placed: dict[int, Fault] = {}
    for kind, batch in wanted:
        # Batches in an order that depends on the seed; as many are tried as are needed.
        order = [int(index) for index in random.permutation(batches)] if batch is None else [batch]
        for index in order:
            if batch is None and index in taken:
                continue
            row = _fitting_row(kind, index, plan, placed, random)
            if row is not None:
                taken.add(index)
                placed[row] = _fault(kind, row)
                break
        else:
            which = "no batch is left that has a" if batch is None else f"batch {batch} has no"
            raise UnusableInputError(
                f"--broken {kind}: {which} row that can have this fault; name another batch, or make more rows"
            )
    return placed


def spoil(fault: Fault, row: Row, before: Row) -> None:
    """Put a fault into a row, in place; `before` is the row above it."""
    _ALL[fault.kind].spoil(row, before)


def _parse(text: str, batches: int) -> tuple[str, int | None]:
    kind, at, index = text.partition("@")
    if kind not in _ALL:
        raise UnusableInputError(f"--broken {text}: no such kind of fault; there are {', '.join(_ALL)}")
    if not at:
        return kind, None
    if not index.isdecimal() or int(index) >= batches:
        raise UnusableInputError(f"--broken {text}: no such batch; there are {batches}, counted from 0")
    return kind, int(index)


def _fitting_row(
    kind: str, batch: int, plan: Plan, placed: dict[int, Fault], random: np.random.Generator
) -> int | None:
    first = batch * BATCH_ROWS
    rows = min(BATCH_ROWS, plan.rows - first)
    for offset in random.permutation(rows).tolist():
        row = first + offset
        if (
            row in placed
            or (kind == "duplicate-key" and (offset == 0 or row - 1 in placed))
            or _repeated_below(row, placed)
        ):
            continue
        site_id = plan.site_of(row).site_id
        if kind == "lost-zeros" and not (site_id.isdecimal() and site_id.startswith("0")):
            continue
        return int(row)
    return None


def _repeated_below(row: int, placed: dict[int, Fault]) -> bool:
    """Whether the row below repeats this one: a fault here would be there twice."""
    below = placed.get(row + 1)
    return below is not None and below.kind == "duplicate-key"


def _fault(kind: str, row: int) -> Fault:
    entry = _ALL[kind]
    sheet, row_in_sheet = divmod(row, SHEET_ROWS)
    number = row_in_sheet + 2
    cell = f"{column_letters(_AT[entry.column] + 1)}{number}"
    return Fault(kind, row_in_sheet // BATCH_ROWS, sheet_name(sheet), cell, number, entry.column, entry.rule)


def sheet_name(index: int) -> str:
    """Name of the samples' sheet, counted from 0."""
    return f"Sheet {index + 1}"
