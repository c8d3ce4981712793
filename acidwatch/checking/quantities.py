"""What may have gone wrong with numbers: another unit, a lost decimal point, two columns swapped. Questions, never changes.

A value is compared with what the other ions of its row leave for it, or with what is usual: the median of the same site's sound values
in the same workbook, or of the whole column's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from acidwatch.contract.columns import SAMPLES
from acidwatch.workbook.reader import Table

EQUIVALENT_WEIGHTS_G: Mapping[str, float] = {
    "CA_UEQ_L": 20.04,
    "MG_UEQ_L": 12.15,
    "NA_UEQ_L": 22.99,
    "K_UEQ_L": 39.10,
    "NH4_UEQ_L": 18.04,
    "SO4_UEQ_L": 48.03,
    "NO3_UEQ_L": 62.00,
    "CL_UEQ_L": 35.45,
    "F_UEQ_L": 19.00,
    "ANC_UEQ_L": 50.04,  # as CaCO3
}
"""Grams in an equivalent, by column: molar mass over charge (IUPAC atomic weights). ug/L = ueq/L x this."""

_AS_ELEMENT = {
    "SO4_UEQ_L": (16.03, "ug/L of sulphur"),
    "NO3_UEQ_L": (14.007, "ug/L of nitrogen"),
    "NH4_UEQ_L": (14.007, "ug/L of nitrogen"),
}
_OTHERS: Mapping[str, tuple[tuple[float, str], ...]] = {
    "COND_UM_CM": ((0.001, "mS/cm"), (0.1, "mS/m")),
    "DOC_MG_L": ((1000.0, "ug/L"),),
    "SIO2_MG_L": ((1000.0, "ug/L"),),
    "CHL_A_UG_L": ((1000.0, "ng/L"),),
    "SECCHI_M": ((100.0, "cm"), (3.281, "feet")),
    "SAMPLE_DEPTH": ((100.0, "cm"), (3.281, "feet")),
}
_DECIMALS = ((10.0, "a lost decimal point (x 10)"), (100.0, "a lost decimal point (x 100)"))
_RANGES = {column.name: (column.low, column.high) for column in SAMPLES if column.low is not None}

_FEW, _LEAST_SITE, _LEAST_COLUMN = 3, 3, 5
_NEAR, _NEAR_FEW = 1.6, 1.25  # how far a ratio may be from a factor; a few cells are little evidence
_ALIKE, _UNLIKE = 2.0, 3.0
_MOST_ROWS = 200  # of one cause that are looked at


class Usual:
    """What is usual in a workbook: medians of the sound values by site and by column."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._sites = list(zip(table.columns["PROGRAM_ID"], table.columns["SITE_ID"], strict=True))
        self._known: dict[str, tuple[dict[object, float], float | None]] = {}

    def at(self, row: int, column: str) -> float | None:
        """The usual value of a column at the site of a row (from 0); None where there is too little to tell."""
        if column not in self._known:
            self._known[column] = self._medians(column)
        by_site, all_sites = self._known[column]
        return by_site.get(self._sites[row], all_sites)

    def value(self, row: int, column: str) -> float | None:
        """The value in a cell, where it is a number."""
        cell = self._table.columns[column][row]
        return cell if isinstance(cell, float) else None

    def _medians(self, column: str) -> tuple[dict[object, float], float | None]:
        low, high = _RANGES[column]
        sound: dict[object, list[float]] = {}
        for site, cell in zip(self._sites, self._table.columns[column], strict=True):
            if isinstance(cell, float) and (low is None or cell >= low) and (high is None or cell <= high):
                sound.setdefault(site, []).append(cell)
        every = [value for values in sound.values() for value in values]
        if len(every) < _LEAST_COLUMN or 2 * len(every) < sum(
            isinstance(cell, float) for cell in self._table.columns[column]
        ):
            return {}, None  # where most values are out of range, those that are not are no measure
        by_site = {site: median(values) for site, values in sound.items() if len(values) >= _LEAST_SITE}
        return by_site, median(every)


def guess_range(column: str, rows: Sequence[int], usual: Usual) -> str:
    """What values outside a column's range may be.

    Args:
        rows: Positions of their rows in the table, from 0.

    Returns:
        A question, empty where nothing fits.
    """
    rows = rows[:_MOST_ROWS]
    return _swapped(column, rows, usual) or _other_unit(column, rows, usual) or _fahrenheit(column, rows, usual)


def _other_unit(column: str, rows: Sequence[int], usual: Usual) -> str:
    ratios = [
        math.log10(value / typical)
        for row in rows
        if (value := usual.value(row, column)) and (typical := _expected(row, column, usual)) and value / typical > 0
    ]
    if not ratios:
        return ""
    ratio, near = median(ratios), math.log10(_NEAR if len(ratios) >= _FEW else _NEAR_FEW)
    away, words = min((abs(ratio - math.log10(factor)), words) for factor, words in _factors(column))
    return f"looks like {words}?" if away <= near else ""


def _factors(column: str) -> Iterable[tuple[float, str]]:
    """What a value is multiplied by where it is in another unit, and what that is called."""
    if column in EQUIVALENT_WEIGHTS_G:
        yield EQUIVALENT_WEIGHTS_G[column], "ug/L (mg/L x 1000)" + (" of CaCO3" if column == "ANC_UEQ_L" else "")
        yield 1000.0, "neq/L (x 1000)"
    if column in _AS_ELEMENT:
        yield _AS_ELEMENT[column]
    yield from _OTHERS.get(column, ())
    yield from _DECIMALS


def _fahrenheit(column: str, rows: Sequence[int], usual: Usual) -> str:
    if column != "WTEMP_DEG_C":
        return ""
    values = [value for row in rows if (value := usual.value(row, column)) is not None]
    return "looks like degrees Fahrenheit?" if values and all(40 < value <= 100 for value in values) else ""


def _swapped(column: str, rows: Sequence[int], usual: Usual) -> str:
    """Another column whose values look like this one's, in the rows where this one's look like those."""
    best, name = 0.6, ""
    for other in _RANGES:
        if other == column:
            continue
        pairs = [(usual.value(row, column), usual.value(row, other), row) for row in rows]
        fits = [
            mine is not None
            and its is not None
            and _alike(mine, usual.at(row, other), _ALIKE)
            and _alike(its, usual.at(row, column), _ALIKE)
            and not _alike(its, usual.at(row, other), _UNLIKE)
            for mine, its, row in pairs
        ]
        share = sum(fits) / len(fits) if fits else 0.0
        if share > best:
            best, name = share, other
    return f"swapped with {name}?" if name else ""


def _alike(value: float, typical: float | None, factor: float) -> bool:
    return typical is not None and value > 0 and typical > 0 and 1 / factor <= value / typical <= factor


_CATIONS = ("CA_UEQ_L", "MG_UEQ_L", "NA_UEQ_L", "K_UEQ_L")
_ANIONS = ("SO4_UEQ_L", "NO3_UEQ_L", "CL_UEQ_L", "ANC_UEQ_L")
_IONS = (*_CATIONS, *_ANIONS)
_LEAST_EXPECTED_UEQ_L = 5.0  # below it the errors of the other ions are larger
_BALANCED = 0.15  # share of all charge that may be left over
_MOST_OF_A_CAUSE = 0.8


def _expected(row: int, column: str, usual: Usual) -> float | None:
    """What a value should be: what the charges of the other ions leave for it, or else what is usual."""
    charges = _charges(row, usual) if column in _IONS else None
    if charges is not None:
        cations, anions = charges
        value = usual.value(row, column) or 0.0
        left = (anions - cations + value) if column in _CATIONS else (cations - anions + value)
        if left > _LEAST_EXPECTED_UEQ_L:
            return left
    return usual.at(row, column)


def guess_balance(rows: Sequence[int], all_rows: int, usual: Usual) -> str:
    """Which ion, taken as another unit, would bring the charges of these rows together; a question, empty where none or several do.

    Args:
        rows: Positions of the rows that do not balance, from 0.
        all_rows: How many rows the workbook has.
    """
    found: list[tuple[float, str]] = []
    # A unit that is wrong in most rows is what is usual here; in a few rows the value must be unusual too.
    everywhere = 2 * len(rows) > all_rows
    rows = rows[:_MOST_ROWS]
    for column in _IONS:
        weight = EQUIVALENT_WEIGHTS_G[column]
        units = (
            (1000 / weight, "mg/L"),
            (1 / weight, "ug/L (mg/L x 1000)"),
            (0.1, "10 times too much"),
            (0.001, "neq/L (x 1000)"),
        )
        for factor, words in units:
            left = [_left_over(row, column, factor, usual, everywhere=everywhere) for row in rows]
            good = [share for share in left if share is not None and share <= _BALANCED]
            if good and len(good) >= _MOST_OF_A_CAUSE * len(rows):
                found.append((median(good), f"{column} looks like {words}?"))
    found.sort()
    # Where two explanations are about as good, neither is told.
    clear = len(found) == 1 or (len(found) > 1 and found[1][0] > 3 * found[0][0] + 0.01)
    return found[0][1] if clear else ""


def _left_over(row: int, column: str, factor: float, usual: Usual, *, everywhere: bool) -> float | None:
    """The share of all charge that does not balance if a column's value were `factor` times what it is."""
    value, charges, typical = usual.value(row, column), _charges(row, usual), usual.at(row, column)
    if value is None or charges is None:
        return None
    if not everywhere and (_alike(value, typical, _UNLIKE) or not _alike(value * factor, typical, _ALIKE)):
        return None
    cations, anions = charges
    change = value * factor - value
    cations, anions = (cations + change, anions) if column in _CATIONS else (cations, anions + change)
    total = cations + abs(anions)
    return abs(cations - anions) / total if total else None


def _charges(row: int, usual: Usual) -> tuple[float, float] | None:
    """Cations, and anions with ANC, in ueq/L; None where a major ion is missing."""
    cations = [usual.value(row, name) for name in _CATIONS]
    anions = [usual.value(row, name) for name in _ANIONS]
    if None in cations or None in anions:
        return None
    ammonium, fluoride = usual.value(row, "NH4_UEQ_L") or 0.0, usual.value(row, "F_UEQ_L") or 0.0
    return sum(filter(None, cations)) + max(ammonium, 0.0), sum(filter(None, anions)) + fluoride
