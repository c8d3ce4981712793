"""Seasonal Kendall test: trend of a series whose seasons differ, each season compared with itself only.

Sources: Hirsch, Slack and Smith 1982; Kruskal and Wallis 1952 for the question whether the seasons differ.
"""

from __future__ import annotations

import numpy as np

from acidwatch.statistics.chi_square import chi_square_above
from acidwatch.statistics.mann_kendall import Array, MannKendall, mann_kendall, tested
from acidwatch.statistics.ranks import mean_ranks
from acidwatch.statistics.sen import pair_slopes

SEASONS_DIFFER = 0.05  # below this p of Kruskal and Wallis


def kruskal_wallis(table: Array) -> float:
    """Probability of such differences between seasons where there are none.

    Args:
        table: (years, seasons), NaN where there is no value.

    Returns:
        p with tie correction; 1 where there are fewer than two seasons with values, or all values are equal.
    """
    present = ~np.isnan(table)
    sizes = present.sum(axis=0)
    n, groups = int(sizes.sum()), int((sizes > 0).sum())
    values = table[present]
    _, ties = np.unique(values, return_counts=True)
    if groups < 2 or len(ties) < 2:
        return 1.0
    ranks = np.zeros(table.shape)
    ranks[present] = mean_ranks(values)
    sums = ranks.sum(axis=0)[sizes > 0]
    h = 12.0 / (n * (n + 1)) * float((sums**2 / sizes[sizes > 0]).sum()) - 3.0 * (n + 1)
    correction = 1.0 - float((ties**3 - ties).sum()) / (n**3 - n)
    return chi_square_above(h / correction, groups - 1)


def seasonal_kendall(years: Array, table: Array) -> tuple[MannKendall, Array]:
    """Test every season by itself and sum.

    Args:
        years: (years,) ascending, distinct.
        table: (years, seasons), NaN where there is no value.

    Returns:
        The test of the summed S and variance, and the slopes of all pairs within seasons, ascending, per year.
    """
    seasons = [table[:, season] for season in range(table.shape[1])]
    tests = [mann_kendall(values) for values in seasons]
    slopes = np.sort(np.concatenate([pair_slopes(years, values) for values in seasons]))
    return summed(tests), slopes


def summed(tests: list[MannKendall]) -> MannKendall:
    """One test of several that are independent of one another: seasons of a site, or sites of a region."""
    n, s = sum(test.n for test in tests), sum(test.s for test in tests)
    return tested(n, s, sum(test.var_s for test in tests))
