"""Ranks from 1; equal values share the mean of theirs."""

from __future__ import annotations

import numpy as np

from acidwatch.statistics.mann_kendall import Array


def mean_ranks(values: Array) -> Array:
    """Rank of each value.

    Args:
        values: (n,) without NaN.

    Returns:
        (n,), their sum is n (n + 1) / 2.
    """
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    ranks: Array = (last - (sizes - 1) / 2)[group]
    return ranks
