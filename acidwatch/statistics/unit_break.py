"""Where a programme changed the unit of a parameter without saying so.

The rule of this project: at the beginning of a quarter the level of most sites of a programme steps by one and the same factor, far more
than the water itself does. Levels are medians of the logarithms of up to LEVEL_QUARTERS quarterly means before and after.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVEL_QUARTERS = 8
"""Quarters that a level is made of: two years, so that all seasons weigh the same."""
LEAST_QUARTERS = 2
"""Fewer quarters with a value on either side are no level."""
LEAST_SITES = 3
LEAST_SHARE_COMPARED = 0.5
"""Of the sites that have a value on either side, so many must have a level on both."""
LEAST_FACTOR = 5.0
"""Smaller steps happen in water: nitrate doubles from one year to the next."""
SAME_WITHIN = 1.5
"""The step of a site is the programme's where it is within this factor of it. Values of 2 and 3 mg/L are rounded that much."""
LEAST_SHARE_OF_SAME = 0.8
LEAST_SHARPNESS = 5.0
"""The step, in mean deviations of the quarters from their levels (both as logarithms): seasons and droughts are not so sharp."""


@dataclass(frozen=True, slots=True)
class UnitBreak:
    """A step that looks like another unit.

    Attributes:
        quarter: The first quarter of the new level, counted from year 0: 4 year + quarter - 1.
        factor: New level by old level, the median of the sites.
        sites: Sites with a level on both sides.
        same: Of these: stepped by that factor.
        sharpness: The step in mean deviations of the quarters from their levels.
    """

    quarter: int
    factor: float
    sites: int
    same: int
    sharpness: float


def unit_breaks(quarters: NDArray[np.int64], values: Array) -> list[UnitBreak]:
    """Find the breaks of one parameter in one programme.

    Args:
        quarters: (q,) successive quarters, counted from year 0.
        values: (sites, q) means of the quarters in any unit; NaN where there is none. Values of 0 and below are left out.

    Returns:
        The breaks in the order of time; of neighbours within LEVEL_QUARTERS the sharpest one.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(values > 0.0, np.log10(values), np.nan)
    found: list[UnitBreak] = []
    for at in range(1, len(quarters)):
        candidate = _step(
            int(quarters[at]), logs[:, max(0, at - LEVEL_QUARTERS) : at], logs[:, at : at + LEVEL_QUARTERS]
        )
        if candidate is None:
            continue
        if found and candidate.quarter - found[-1].quarter < LEVEL_QUARTERS:
            found[-1] = max(found[-1], candidate, key=lambda one: one.sharpness)
        else:
            found.append(candidate)
    return found


def _step(quarter: int, before: Array, after: Array) -> UnitBreak | None:
    n_before, n_after = (np.isfinite(side).sum(axis=1) for side in (before, after))
    compared = (n_before >= LEAST_QUARTERS) & (n_after >= LEAST_QUARTERS)
    sites, active = int(compared.sum()), int(((n_before > 0) | (n_after > 0)).sum())
    if sites < LEAST_SITES or sites < LEAST_SHARE_COMPARED * active:
        return None
    before, after = before[compared], after[compared]
    level_before, level_after = _medians(before), _medians(after)
    steps = level_after - level_before
    step = float(np.median(steps))
    same = int((np.abs(steps - step) <= math.log10(SAME_WITHIN)).sum())
    if abs(step) < math.log10(LEAST_FACTOR) or same < LEAST_SHARE_OF_SAME * sites:
        return None
    deviations = np.concatenate([np.abs(before - level_before[:, None]), np.abs(after - level_after[:, None])], axis=1)
    spread = float(np.nanmean(deviations))
    sharpness = abs(step) / spread if spread > 0.0 else math.inf
    return UnitBreak(quarter, 10.0**step, sites, same, sharpness) if sharpness >= LEAST_SHARPNESS else None


def _medians(values: Array) -> Array:
    """(rows,) median of each row of which at least one value is there; as np.nanmedian, which is slow for many short rows."""
    ascending = np.sort(values, axis=1)  # NaN comes last
    counts = np.isfinite(values).sum(axis=1)
    lower, upper = (np.take_along_axis(ascending, at[:, None] // 2, axis=1)[:, 0] for at in (counts - 1, counts))
    return np.asarray((lower + upper) / 2.0, dtype=np.float64)
