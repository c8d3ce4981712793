"""A row of units below the header: told from data by what stands in its number columns, and compared with the contract's units."""

from __future__ import annotations

from collections.abc import Sequence

from acidwatch.contract.columns import Column
from acidwatch.contract.headers import column_letters
from acidwatch.workbook.book import Grid
from acidwatch.workbook.cells import as_text

# The contract's unit to how laboratories write it.
_SAME = {
    "ueq/L": ("ueq/l", "ueql-1", "ueq.l-1", "microeq/l", "microequivalents/l", "mmolc/m3"),
    "uS/cm": ("us/cm", "uscm-1", "microsiemens/cm", "umho/cm", "umhos/cm"),
    "mg/L": ("mg/l", "mgl-1", "g/m3", "ppm"),
    "ug/L": ("ug/l", "ugl-1", "mg/m3", "ppb"),
    "deg C": ("degc", "c", "celsius", "degreescelsius"),
    "m": ("m", "meter", "metre", "meters", "metres"),
    "deg": ("deg", "degrees", "decimaldegrees"),
    "ha": ("ha",),
    "yr": ("yr", "years"),
    "%": ("%",),
    "pH": ("ph", "phunits", "phunit", "std.units", "standardunits", "su", "s.u.", "-", "none", "unitless"),
}
_NAMES = {spelling: unit for unit, spellings in _SAME.items() for spelling in spellings}
_OTHERS = frozenset((
    "meq/l", "umol/l", "mmol/l", "mol/l", "nmol/l", "ng/l", "g/l", "us/m",
    "ms/cm", "ms/m", "s/m", "degf", "cm", "mm", "km", "ft", "feet",
))  # fmt: skip
_NOTHING = frozenset(("", "-", "–", "none", "n/a", "na", "unitless"))


def unit_named(text: str) -> str | None:
    """The contract's unit that a text names, or another one as it is compared; None where it names none that is known."""
    plain = _plain(text)
    return _NAMES.get(plain) or (plain if plain in _OTHERS else None)


def find_units(grid: Grid, row: int, positions: dict[str, list[int]], columns: Sequence[Column]) -> list[str] | None:
    """Look whether a row holds units.

    It does when at least two of its number columns name a unit (or the only one that is filled), and none holds anything else.

    Args:
        row: In the grid, from 0: the one below the header.
        positions: Contract column to its places in the grid.

    Returns:
        What is wrong with them, empty when they are the contract's; None when it is a row of data.
    """
    if row >= len(grid):
        return None
    numbers = [column for column in columns if column.kind == "number" and column.name in positions]
    faults: list[str] = []
    named = 0
    for column in numbers:
        for position in positions[column.name]:
            cell = grid[row][position]
            text = _plain(as_text(cell) or "")
            if isinstance(cell, float) or (text not in _NAMES and text not in _OTHERS and text not in _NOTHING):
                return None
            if text in _NOTHING:
                continue
            named += 1
            if _NAMES.get(text) != column.unit:
                faults.append(
                    f"{column_letters(position + 1)}{row + 1} gives {column.name} in {str(cell).strip()}; "
                    f"the contract wants {column.unit or 'no unit'}: convert the values, nothing is converted here"
                )
    return faults if named >= min(2, len(numbers)) and named else None


def _plain(text: str) -> str:
    """A unit without case, blanks, brackets and degree signs; both signs for micro are a u."""
    text = text.strip().strip("()[]").casefold()
    return "".join(
        text.replace("µ", "u")
        .replace("μ", "u")
        .replace("°", "deg")
        .replace("º", "deg")
        .replace("⁻¹", "-1")
        .replace("³", "3")
        .split()
    )
