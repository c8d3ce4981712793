"""How far a value lies from its own history: the two-sided median absolute deviation.

Sources: Rosenmai 2013 (a MAD for each side of the median); Iglewicz and Hoaglin 1993 (0.6745 x / MAD). The Spark job's
`transforms.flags` says the same of all values at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FACTOR = 0.6745


@dataclass(frozen=True, slots=True)
class History:
    """Where values lie, all in their own unit.

    Attributes:
        median: Of the values.
        below, above: Median deviation of the values at and below the median, and of those at and above it.
    """

    median: float
    below: float
    above: float

    def mad(self, value: float) -> float:
        """The deviation of the side on which a value lies."""
        return self.below if value < self.median else self.above

    def score(self, value: float) -> float | None:
        """How far a value lies from the median in MADs of its side, times 0.6745; None where that MAD is 0."""
        mad = self.mad(value)
        return FACTOR * abs(value - self.median) / mad if mad > 0 else None


def history_of(values: Sequence[float]) -> History:
    """The history that at least one value makes; values equal to the median belong to both sides."""
    array = np.asarray(values, dtype=np.float64)
    median = float(np.median(array))
    below, above = array[array <= median], array[array >= median]
    return History(median, float(np.median(median - below)), float(np.median(above - median)))
