"""Trends of a region from those of its sites.

Sources: Helsel and Frans 2006 for regional Kendall, which takes sites as independent; LWPTrends (Snelder, Fraser and Whitehead) for the
direction of a region whose sites are correlated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from acidwatch.statistics.confidence import Direction, confidence_of_direction
from acidwatch.statistics.mann_kendall import Array, MannKendall
from acidwatch.statistics.seasonal import summed

FEWEST_COMMON = 3  # with fewer common values a correlation says nothing


@dataclass(frozen=True, slots=True)
class RegionalDirection:
    """The direction of most sites.

    Attributes:
        direction: Of more sites than the other; falling where they are equal.
        share: T, sites of that direction and half of those without one, of all sites.
        confidence: That more than half of all such sites move this way.
    """

    direction: Direction
    share: float
    confidence: float


def regional_kendall(tests: Sequence[MannKendall]) -> MannKendall:
    """Z = (sum S - sign) / sqrt(sum Var); the slope that goes with it is the median of all pairs within sites."""
    return summed(list(tests))


def regional_direction(tests: Sequence[MannKendall], correlations: Array) -> RegionalDirection:
    """Direction of a region, allowing for correlated sites.

    D is the commoner sign, T = (n_D + n_0 / 2) / M, P_i = C_i where the site's sign is D, else 1 - C_i,
    Var = [sum P (1 - P) + 2 sum_{i<j} r_ij sqrt(P_i (1 - P_i) P_j (1 - P_j))] / M^2; confidence Phi((T - 0.5) / sqrt Var).

    Args:
        tests: One of each site, at least one.
        correlations: (M, M) between the sites' series, see `pairwise_correlation`.

    Returns:
        The direction. Correlations of pairs with different gaps may contradict one another, so that the variance comes out as 0
        or less; then the sites count as independent. Where that variance is 0 too, the direction is certain.
    """
    signs = np.sign([test.s for test in tests])
    falling, rising, count = int((signs < 0).sum()), int((signs > 0).sum()), len(signs)
    common = 1 if rising > falling else -1
    share = (max(falling, rising) + (count - falling - rising) / 2) / count
    sure = np.array([confidence_of_direction(test.p) for test in tests])
    p = np.where(signs == common, sure, 1.0 - sure)
    deviation = np.sqrt(p * (1.0 - p))
    off_diagonal = correlations - np.diag(np.diag(correlations))
    independent = float((deviation**2).sum()) / count**2
    variance = independent + float(np.einsum("i,ij,j->", deviation, off_diagonal, deviation)) / count**2
    if variance <= 0.0:
        variance = independent
    direction: Direction = "rising" if common > 0 else "falling"
    if variance <= 0.0:
        return RegionalDirection(direction, share, 1.0 if share > 0.5 else 0.5)
    return RegionalDirection(direction, share, 0.5 * math.erfc(-(share - 0.5) / math.sqrt(2.0 * variance)))


def pairwise_correlation(series: Array) -> Array:
    """Pearson correlation of each two series over the times that both have.

    Args:
        series: (M, times), NaN where a series has no value.

    Returns:
        (M, M); 0 where two have fewer than 3 times in common or one of them is constant there, 1 on the diagonal.
    """
    present = ~np.isnan(series)
    both = present.astype(np.float64)
    # Values less their mean, so that squares keep their digits.
    filled = np.where(present, series - np.nanmean(series, axis=1, keepdims=True), 0.0)
    n = _sums(both, both)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = _sums(filled, both)  # [i, j]: of series i, where j has a value too
        squares = _sums(filled**2, both) - total**2 / n
        products = _sums(filled, filled) - total * total.T / n
        scale = np.sqrt(squares * squares.T)
        varies = (squares > 1e-12 * (filled**2).sum(axis=1, keepdims=True)) & (n >= FEWEST_COMMON)
        found = np.where(varies & varies.T, products / scale, 0.0)
    np.fill_diagonal(found, 1.0)
    correlations: Array = np.clip(found, -1.0, 1.0)
    return correlations


def _sums(left: Array, right: Array) -> Array:
    """Sum over times of the products of each two series; not `@`, whose last digit depends on the machine's cores."""
    sums: Array = np.einsum("it,jt->ij", left, right)
    return sums
