"""How parameters are called and ordered on the page, and which of them carry the story of recovery."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.contract.parameters import DERIVED, GOOD
from acidwatch.report.source import Row

HEADLINE = ("SO4", "NO3", "ANC")
"""What falls out of the air, and what the water makes of it."""
MULTIPLES = ("SO4", "NO3", "ANC", "CA_MG", "DOC", "PH_LAB")
"""Drawn for each region."""

_ORDER = (*MULTIPLES, "BC", "ANC_CALC")
_SYMBOLS = {
    "CA_MG": "Ca + Mg", "BC": "Base cations", "ANC_CALC": "ANC, calculated", "SO4": "SO₄", "NO3": "NO₃", "NH4": "NH₄", "NA": "Na",
    "CA": "Ca", "CL": "Cl", "MG": "Mg", "SIO2": "SiO₂", "PH_LAB": "pH, laboratory", "PH_EQ": "pH, equilibrated", "PH_FLD": "pH, field",
    "PH_STVL": "pH, closed cell", "COND": "Conductance", "CHL_A": "Chlorophyll a", "N_TD": "N, dissolved", "P_TL": "P, total",
    "SECCHI": "Secchi depth", "WTEMP": "Water temperature", "SO4_SEASALT_CORRECTED": "SO₄ less sea salt",
    "CA_SEASALT_CORRECTED": "Ca less sea salt", "MG_SEASALT_CORRECTED": "Mg less sea salt",
}  # fmt: skip
_UNITS = {"ueq/L": "µeq/L", "ug/L": "µg/L", "uS/cm": "µS/cm", "deg C": "°C", "pH": "pH units"}
_MEANINGS = {
    **{column.parameter: column.meaning.split(";")[0] for column in MEASUREMENTS},
    **{derived.parameter: derived.meaning.split(": ")[-1] for derived in DERIVED},
}
COARSE_SPREAD = 1.0  # units, one step of the rounding: half of the sites vary no more than this between their quartiles


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as people read it.

    Attributes:
        key: As in the tables.
        label, meaning, unit: For people.
        good: `falling` or `rising`; None where no direction is good.
        coarse: Its values are so coarsely rounded that small changes are lost.
    """

    key: str
    label: str
    meaning: str
    unit: str
    good: str | None
    coarse: bool

    @property
    def per_year(self) -> str:
        """Unit of a slope."""
        return f"{self.unit} per year"


def parameters_of(trends: Iterable[Row], statistics: Sequence[Row]) -> list[Parameter]:
    """The parameters that there are trends of, those of the story first, derived ones last.

    Args:
        trends: Rows of metrics.trend.
        statistics: Rows of metrics.site.
    """
    units = {row["parameter"]: row["unit"] for row in trends}
    coarse = coarse_parameters(statistics)
    measured = [column.parameter for column in MEASUREMENTS]
    rank = {name: place for place, name in enumerate(dict.fromkeys((*_ORDER, *sorted(measured))))}
    return [
        Parameter(name, label(name), _MEANINGS.get(name, name), unit_label(unit), GOOD.get(name), name in coarse)
        for name, unit in sorted(units.items(), key=lambda item: (rank.get(item[0], len(rank)), item[0]))
    ]


def label(parameter: str) -> str:
    """How a parameter is written, such as SO₄."""
    return _SYMBOLS.get(parameter, parameter)


def unit_label(unit: str) -> str:
    """How a unit is written, such as µeq/L."""
    return _UNITS.get(unit, unit)


def coarse_parameters(statistics: Sequence[Row]) -> set[str]:
    """Parameters whose values are whole numbers at every site and hardly vary, so that rounding hides what changes.

    Args:
        statistics: Rows of metrics.site: parameter, min, max, q1, median, q3.
    """
    groups: dict[str, list[Row]] = {}
    for row in statistics:
        groups.setdefault(row["parameter"], []).append(row)
    return {
        name
        for name, rows in groups.items()
        if all(float(row[bound]).is_integer() for row in rows for bound in ("min", "max"))
        # Quartiles between two whole numbers are quarters of the way, by linear interpolation.
        and all(float(4 * row[bound]).is_integer() for row in rows for bound in ("q1", "median", "q3"))
        and median(row["q3"] - row["q1"] for row in rows) <= COARSE_SPREAD
    }
