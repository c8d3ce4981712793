"""Sen slope: the median of the slopes of all pairs, and how far it may be off.

Sources: Sen 1968; Gilbert 1987 for the interval; the slopes of censored pairs and the interpolation of ranks by LWPTrends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from acidwatch.statistics.mann_kendall import ABOVE, BELOW, Array, Censoring, pair_signs

Z_95 = 1.96
Z_90 = 1.645
BELOW_FACTOR = 0.5  # a value below its limit stands halfway to 0
ABOVE_FACTOR = 1.1


@dataclass(frozen=True, slots=True)
class SenSlope:
    """A slope with its interval, in units of the values per unit of time.

    Attributes:
        slope: Median of the pair slopes.
        low, high: Its interval.
    """

    slope: float
    low: float
    high: float


def pair_slopes(times: Array, values: Array, censored: Censoring | None = None) -> Array:
    """The slopes of all pairs, ascending.

    Args:
        times: (n,) distinct; years of an annual series, days / 365.25 of dated samples.
        values: (n,) any unit; NaN (missing) is left out.
        censored: (n,) which values are limits; their pairs with one another, and those that are ties, have slope 0.

    Returns:
        (n (n - 1) / 2,) in the values' unit per unit of time.
    """
    present = ~np.isnan(values)
    times, values = times[present], values[present]
    first, second = np.triu_indices(len(values), 1)
    standing = values
    if censored is not None:
        censored = censored[present]
        standing = values * np.select([censored == BELOW, censored == ABOVE], [BELOW_FACTOR, ABOVE_FACTOR], 1.0)
    slopes = (standing[second] - standing[first]) / (times[second] - times[first])
    if censored is not None:
        tie = pair_signs(values, censored)[first, second] == 0
        slopes = np.where(tie, 0.0, slopes)
    return np.sort(slopes)


def sen_slope(slopes: Array, var_s: float, z: float = Z_95) -> SenSlope:
    """Median and interval of pair slopes.

    The interval's ends are the slopes of rank (N - z sqrt(VarS)) / 2 and (N + z sqrt(VarS)) / 2, counted from 1, interpolated between
    ranks and never beyond the first and the last.

    Args:
        slopes: (N,) ascending, at least one.
        var_s: Variance of Mann-Kendall's S of the same series.
        z: Z_95 or Z_90.
    """
    count = len(slopes)
    half = z * math.sqrt(var_s)
    ranks = np.arange(1, count + 1)
    low, high = np.interp([(count - half) / 2, (count + half) / 2], ranks, slopes)
    return SenSlope(float(np.median(slopes)), float(low), float(high))
