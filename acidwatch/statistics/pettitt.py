"""Pettitt test: where a series most likely steps from one level to another. Source: Pettitt 1979."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from acidwatch.statistics.mann_kendall import Array
from acidwatch.statistics.ranks import mean_ranks


@dataclass(frozen=True, slots=True)
class Step:
    """The likeliest step.

    Attributes:
        time: The first time of the new level.
        k: Largest |U|.
        p: Approximate probability of such a K where there is no step, at most 1.
    """

    time: float
    k: float
    p: float


def step_change(times: Array, values: Array, slope: float = 0.0) -> Step | None:
    """Find the likeliest step.

    U_k = 2 sum of the first k ranks - k (n + 1), K = max |U|, p = min(1, 2 exp(-6 K^2 / (n^3 + n^2))); the earliest of equal ones.

    Args:
        times: (n,) ascending.
        values: (n,) any unit; NaN (missing) is left out.
        slope: Taken off before, in the values' unit per unit of time: a trend alone would look like a step in its middle.

    Returns:
        The step; None where nothing is left but a constant, or fewer than two values.
    """
    present = ~np.isnan(values)
    times, values = times[present], values[present]
    rest = values - slope * (times - times[0]) if len(times) else values
    # What differs by rounding alone is equal; ranks would tell it apart.
    scale = float(np.abs(values).max(initial=0.0))
    rest = np.round(rest / scale, 12) if scale > 0.0 else rest
    if len(np.unique(rest)) < 2:
        return None
    n = len(rest)
    u = 2.0 * np.cumsum(mean_ranks(rest))[:-1] - np.arange(1, n) * (n + 1)
    last_before = int(np.argmax(np.abs(u)))
    k = float(abs(u[last_before]))
    return Step(float(times[last_before + 1]), k, min(1.0, 2.0 * math.exp(-6.0 * k**2 / (n**3 + n**2))))
