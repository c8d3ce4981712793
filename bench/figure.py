"""A measured figure: the median of several runs, with its spread."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

Measured = dict[tuple[str, str], float]
"""Of one run: (name, unit) -> value."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        name: Stable and dotted.
        runs: What was measured in each run, in `unit`.
    """

    name: str
    unit: str
    runs: tuple[float, ...]

    @property
    def value(self) -> float:
        """The median of the runs."""
        return statistics.median(self.runs)

    def as_json(self) -> dict[str, object]:
        """`name, value (median), unit, low, high, runs (how many)`."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "low": min(self.runs),
            "high": max(self.runs),
            "runs": len(self.runs),
        }

    def __str__(self) -> str:
        low, high = min(self.runs), max(self.runs)
        return f"{self.name:44} {self.value:12,.2f} {self.unit:12} {low:,.2f} to {high:,.2f}, {len(self.runs)} runs"


def figures(runs: Sequence[Measured], place: str = "") -> list[Figure]:
    """Each thing that was measured, over the runs in which it was; `place` ends its name."""
    return [
        Figure(f"{name}{place}", unit, tuple(run[name, unit] for run in runs if (name, unit) in run))
        for name, unit in runs[-1]
    ]
