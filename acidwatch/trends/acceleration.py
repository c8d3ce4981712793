"""Does a change become faster or slower: the Sen slope of every 12 years of a period, each window one year after the one before.

Descriptive (science of the project: "moving 12-year Sen slope"): neighbouring windows share all years but two, so no test is made of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from acidwatch.statistics.sen import pair_slopes
from acidwatch.trends.region import SiteSet
from acidwatch.trends.series import Period, Series
from acidwatch.trends.site import Reason, why_not

WINDOW_YEARS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSlope:
    """One parameter at one site in one window.

    Attributes:
        first_year, last_year: The window, both included.
        n_years: Years of it with a value that is used.
        slope: Sen slope of the annual means, unit per year; None where they can't be analysed.
        reason: Why they can't, by the rules of a trend over these years.
    """

    program_id: str
    site_id: str
    parameter: str
    region: str | None
    unit: str
    first_year: int
    last_year: int
    n_years: int
    slope: float | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionWindow:
    """One parameter at the sites of a region in one window.

    Attributes:
        site_set: `all` sites with a slope in this window, or the `fixed` ones, which have one in every window: only these are the
            same sites from window to window.
        n_sites: Sites of the set; where there are none the slopes are None.
        median_slope, q25_slope, q75_slope: Of the sites' slopes, unit per year; linear interpolation.
    """

    region: str
    parameter: str
    site_set: SiteSet
    unit: str
    first_year: int
    last_year: int
    n_sites: int
    median_slope: float | None = None
    q25_slope: float | None = None
    q75_slope: float | None = None


def windows(period: Period, years: int = WINDOW_YEARS) -> list[Period]:
    """All windows of so many years within a period; none where it is shorter."""
    return [Period(first, first + years - 1) for first in range(period.first_year, period.last_year - years + 2)]


def window_slopes(series: Series, period: Period, years: int = WINDOW_YEARS) -> list[WindowSlope]:
    """The slope of each window of a period, in their order."""
    return [_slope(series, window) for window in windows(period, years)]


def _slope(series: Series, window: Period) -> WindowSlope:
    inside = series.usable(window)
    times, values = series.years[inside].astype(np.float64), series.means[inside]
    found = WindowSlope(
        program_id=series.program_id,
        site_id=series.site_id,
        parameter=series.parameter,
        region=series.region,
        unit=series.unit,
        first_year=window.first_year,
        last_year=window.last_year,
        n_years=len(times),
        reason=why_not(values, len(times), series.too_censored(window), window),
    )
    return found if found.reason else replace(found, slope=float(np.median(pair_slopes(times, values))))


def region_windows(of_sites: Sequence[Sequence[WindowSlope]]) -> list[RegionWindow]:
    """Both site sets of each region, parameter and window.

    Args:
        of_sites: What `window_slopes` says of each series over the same period; series without a region count nowhere.

    Returns:
        The rows, ordered by region, parameter, site set and window.
    """
    groups: dict[tuple[str, str], list[Sequence[WindowSlope]]] = {}
    for slopes in of_sites:
        if slopes and slopes[0].region is not None:
            groups.setdefault((slopes[0].region, slopes[0].parameter), []).append(slopes)
    rows = []
    for (region, parameter), members in sorted(groups.items()):
        fixed = [slopes for slopes in members if all(one.slope is not None for one in slopes)]
        sets: tuple[tuple[SiteSet, list[Sequence[WindowSlope]]], ...] = (("all", members), ("fixed", fixed))
        for site_set, chosen in sets:
            for position, window in enumerate(members[0]):
                found = [one.slope for slopes in chosen if (one := slopes[position]).slope is not None]
                rows.append(_region_row(region, parameter, site_set, window, found))
    return rows


def _region_row(
    region: str, parameter: str, site_set: SiteSet, window: WindowSlope, slopes: Sequence[float]
) -> RegionWindow:
    row = RegionWindow(
        region=region,
        parameter=parameter,
        site_set=site_set,
        unit=window.unit,
        first_year=window.first_year,
        last_year=window.last_year,
        n_sites=len(slopes),
    )
    if not slopes:
        return row
    q25, median, q75 = np.quantile(slopes, [0.25, 0.5, 0.75])
    return replace(row, median_slope=float(median), q25_slope=float(q25), q75_slope=float(q75))
