"""Mann-Kendall test: does a series rise or fall, whatever the shape of the rise?

Sources: Mann 1945; Kendall 1975; the pairs of censored values by LWPTrends (Snelder, Fraser and Whitehead). The variance is the exact
one of S over all orders of the values (Daniels 1944), which for measured values is the usual one with tie correction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Censoring = NDArray[np.int8]
"""One number a value: BELOW, MEASURED or ABOVE; a censored value is its limit."""

BELOW, MEASURED, ABOVE = -1, 0, 1


@dataclass(frozen=True, slots=True)
class MannKendall:
    """Outcome of a test.

    Attributes:
        n: Values that are there.
        s: Pairs that rise less pairs that fall, no unit.
        var_s: Variance of S where there is no trend.
        z: S in standard deviations, moved by 1 towards 0 (continuity correction).
        p: Two-sided probability of such an S where there is no trend.
    """

    n: int
    s: int
    var_s: float
    z: float
    p: float


def mann_kendall(values: Array, censored: Censoring | None = None) -> MannKendall:
    """Test a series.

    Args:
        values: (n,) in the order of time, any unit; NaN (missing) is left out.
        censored: (n,) which values are limits; None = all are measured.

    Returns:
        The test; S is 0 and p is 1 for a constant series, one value, or none.
    """
    present = ~np.isnan(values)
    signs = pair_signs(values[present], None if censored is None else censored[present])
    s = int(np.triu(signs).sum())
    # Daniels' variance for distinct times: sum over rows of (row sum)^2 / 3 + sum of squares / 6. Whole numbers up to the division.
    rows = signs.sum(axis=1)
    return tested(int(present.sum()), s, int(2 * (rows @ rows) + np.abs(signs).sum()) / 6)


def tested(n: int, s: int, var_s: float) -> MannKendall:
    """The test of an S with its variance, from one series or summed over several."""
    z = 0.0 if var_s == 0.0 else (s - np.sign(s)) / math.sqrt(var_s)
    return MannKendall(n, s, var_s, float(z), math.erfc(abs(z) / math.sqrt(2.0)))


def pair_signs(values: Array, censored: Censoring | None = None) -> NDArray[np.int64]:
    """Which of two values is larger, for all pairs.

    Two limits of one kind are a tie, and so are a lower limit and a measured value below it. A lower limit equal to the measured value
    ranks lower. Upper limits are above everything else.

    Args:
        values: (n,) without NaN.
        censored: (n,) which values are limits; None = all are measured.

    Returns:
        (n, n): 1 where the second value is larger, -1 where it is smaller, 0 for a tie.
    """
    signs = np.sign(values[None, :] - values[:, None]).astype(np.int64)
    if censored is None:
        return signs
    below, above = censored == BELOW, censored == ABOVE
    limit_then_measured = below[:, None] & (censored == MEASURED)[None, :]
    rises = (values[:, None] <= values[None, :]).astype(np.int64)
    signs = np.where(limit_then_measured, rises, signs)
    signs = np.where(limit_then_measured.T, -rises.T, signs)
    signs = np.where(below[:, None] & below[None, :], 0, signs)
    over = above.astype(np.int64)
    return np.where(above[:, None] | above[None, :], over[None, :] - over[:, None], signs)
