"""What is followed over the years: measured parameters, those derived from them, and which direction of each is good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from acidwatch.contract.columns import MEASUREMENTS

Good = Literal["falling", "rising"]


@dataclass(frozen=True, slots=True)
class Derived:
    """A parameter made of the measured ones of the same sample: the sum of factor times value.

    Attributes:
        parameter: Its name, beside those of the contract's columns.
        unit: Of its values.
        terms: Column and factor; a sample without one of them has no value.
        optional: Column and factor that count 0 where they are missing.
        meaning: What a chemist would call it.
    """

    parameter: str
    unit: str
    terms: tuple[tuple[str, float], ...]
    optional: tuple[tuple[str, float], ...]
    meaning: str

    @property
    def components(self) -> tuple[str, ...]:
        """The measured parameters that it is made of."""
        names = {column.name: column.parameter for column in MEASUREMENTS}
        return tuple(names[column] for column, _ in (*self.terms, *self.optional))


def _corrected(column: str, ratio: float, meaning: str) -> Derived:
    name = column.removesuffix("_UEQ_L") + "_SEASALT_CORRECTED"
    return Derived(name, "ueq/L", ((column, 1.0), ("CL_UEQ_L", -ratio)), (), meaning)


DERIVED: tuple[Derived, ...] = (
    Derived("CA_MG", "ueq/L", (("CA_UEQ_L", 1.0), ("MG_UEQ_L", 1.0)), (), "calcium and magnesium"),
    Derived("BC", "ueq/L", (("CA_UEQ_L", 1.0), ("MG_UEQ_L", 1.0), ("NA_UEQ_L", 1.0), ("K_UEQ_L", 1.0)), (),
            "base cations: Ca + Mg + Na + K"),
    Derived("ANC_CALC", "ueq/L",
            (("CA_UEQ_L", 1.0), ("MG_UEQ_L", 1.0), ("NA_UEQ_L", 1.0), ("K_UEQ_L", 1.0),
             ("SO4_UEQ_L", -1.0), ("NO3_UEQ_L", -1.0), ("CL_UEQ_L", -1.0)),
            (("NH4_UEQ_L", 1.0),), "ANC calculated: (Ca + Mg + Na + K + NH4) - (SO4 + NO3 + Cl)"),
    _corrected("SO4_UEQ_L", 0.103, "sulphate less that of sea salt, 0.103 Cl"),
    _corrected("CA_UEQ_L", 0.037, "calcium less that of sea salt, 0.037 Cl"),
    _corrected("MG_UEQ_L", 0.196, "magnesium less that of sea salt, 0.196 Cl"),
)  # fmt: skip
"""Negative values are kept: a correction that takes away more than there is says something about its ratio."""

GOOD: dict[str, Good] = {
    "SO4": "falling",
    "SO4_SEASALT_CORRECTED": "falling",
    "NO3": "falling",
    "ANC": "rising",
    "ANC_CALC": "rising",
    "PH_LAB": "rising",
    "PH_EQ": "rising",
    "PH_FLD": "rising",
    "PH_STVL": "rising",
}
"""The direction of recovery from acid rain; parameters that are not here have none."""

COMPONENTS: dict[str, tuple[str, ...]] = {
    **{column.parameter: (column.parameter,) for column in MEASUREMENTS},
    **{derived.parameter: derived.components for derived in DERIVED},
}
"""Every parameter, and the measured ones that it is made of."""
