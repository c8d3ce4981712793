"""A measured figure: the median of several runs, with its spread."""

from __future__ import annotations

import statistics
from dataclasses import dataclass


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

    def as_json(self) -> dict[str, object]:
        """`name, value (median), unit, low, high, runs (how many)`."""
        return {
            "name": self.name,
            "value": statistics.median(self.runs),
            "unit": self.unit,
            "low": min(self.runs),
            "high": max(self.runs),
            "runs": len(self.runs),
        }

    def __str__(self) -> str:
        median = statistics.median(self.runs)
        return f"{self.name:36} {median:10.1f} {self.unit:10} {min(self.runs):.1f} to {max(self.runs):.1f}, {len(self.runs)} runs"
