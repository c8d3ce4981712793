"""Trend of a parameter over the sites of a region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from acidwatch.contract.parameters import GOOD
from acidwatch.contract.regions import REGIONS
from acidwatch.statistics.mann_kendall import Array, mann_kendall
from acidwatch.statistics.regional import pairwise_correlation, regional_direction, regional_kendall
from acidwatch.statistics.sen import pair_slopes, sen_slope
from acidwatch.trends.series import Period, Series
from acidwatch.trends.site import Trend

SiteSet = Literal["all", "fixed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionTrend:
    """One row of metrics.region; every number but `n_sites` is None where the set has no site with a trend.

    Attributes:
        site_set: `all` sites with a trend, or the `fixed` ones, sampled from the beginning of the period to its end.
        variant: What the sites' trends are of.
        n_sites: Sites of the set.
        median_slope, q25_slope, q75_slope: Of the sites' Sen slopes, unit per year; linear interpolation.
        improving_percent, worsening_percent: Of the sites, by p < 0.05; None where the parameter has no good direction.
        rising_percent, falling_percent: The same for any parameter.
        kendall_s, kendall_z, kendall_p: Regional Kendall, which takes the sites as independent.
        kendall_slope, kendall_low, kendall_high: Median of all pair slopes within sites, and its 95 % interval.
        direction: The direction of most sites.
        direction_share: Sites of that direction, and half of those without one, of all sites, 0 to 1.
        direction_confidence: That most sites move this way, allowing for correlated sites.
    """

    region: str
    parameter: str
    site_set: SiteSet
    variant: str
    unit: str
    first_year: int
    last_year: int
    n_sites: int
    median_slope: float | None = None
    q25_slope: float | None = None
    q75_slope: float | None = None
    improving_percent: float | None = None
    worsening_percent: float | None = None
    rising_percent: float | None = None
    falling_percent: float | None = None
    kendall_s: int | None = None
    kendall_z: float | None = None
    kendall_p: float | None = None
    kendall_slope: float | None = None
    kendall_low: float | None = None
    kendall_high: float | None = None
    direction: str | None = None
    direction_share: float | None = None
    direction_confidence: float | None = None


def region_trends(series: Sequence[Series], trends: Sequence[Trend], period: Period) -> list[RegionTrend]:
    """Both site sets of each region and parameter that has annual values.

    Args:
        series: All series.
        trends: The trend of each series over the period, of annual means.

    Returns:
        The rows, ordered by region, parameter and site set.
    """
    groups: dict[tuple[str, str], list[tuple[Series, Trend]]] = {}
    for one, its in zip(series, trends, strict=True):
        if one.region is not None:
            groups.setdefault((one.region, one.parameter), []).append((one, its))
    rows = []
    for region in sorted(region.name for region in REGIONS):
        for _, parameter in sorted(key for key in groups if key[0] == region):
            members = groups[region, parameter]
            analysed = [(one, its) for one, its in members if its.slope is not None]
            fixed = [(one, its) for one, its in analysed if its.fixed]
            unit = members[0][0].unit
            rows.append(_row(region, parameter, "all", unit, period, analysed))
            rows.append(_row(region, parameter, "fixed", unit, period, fixed))
    return rows


def _row(
    region: str, parameter: str, site_set: SiteSet, unit: str, period: Period, members: list[tuple[Series, Trend]]
) -> RegionTrend:
    without = RegionTrend(
        region=region,
        parameter=parameter,
        site_set=site_set,
        variant="annual_mean",
        unit=unit,
        first_year=period.first_year,
        last_year=period.last_year,
        n_sites=len(members),
    )
    if not members:
        return without
    slopes = np.array([its.slope for _, its in members], dtype=np.float64)
    q25, median, q75 = np.quantile(slopes, [0.25, 0.5, 0.75])
    table = _aligned([one for one, _ in members], period)
    years = np.arange(period.first_year, period.last_year + 1, dtype=np.float64)
    tests = [mann_kendall(values) for values in table]
    kendall = regional_kendall(tests)
    within = sen_slope(np.sort(np.concatenate([pair_slopes(years, values) for values in table])), kendall.var_s)
    most = regional_direction(tests, pairwise_correlation(table))
    good = GOOD.get(parameter)

    def percent(*classes: str) -> float:
        return 100.0 * sum(its.trend_class in classes for _, its in members) / len(members)

    toward, away = percent("improving"), percent("worsening")
    return replace(
        without,
        median_slope=float(median),
        q25_slope=float(q25),
        q75_slope=float(q75),
        improving_percent=None if good is None else toward,
        worsening_percent=None if good is None else away,
        rising_percent={None: percent("rising"), "rising": toward, "falling": away}[good],
        falling_percent={None: percent("falling"), "rising": away, "falling": toward}[good],
        kendall_s=kendall.s,
        kendall_z=kendall.z,
        kendall_p=kendall.p,
        kendall_slope=within.slope,
        kendall_low=within.low,
        kendall_high=within.high,
        direction=most.direction,
        direction_share=most.share,
        direction_confidence=most.confidence,
    )


def _aligned(series: Sequence[Series], period: Period) -> Array:
    """Annual means as (sites, years of the period), NaN where a site has none that is used."""
    table = np.full((len(series), period.length), np.nan)
    for position, one in enumerate(series):
        inside = one.usable(period)
        table[position, one.years[inside] - period.first_year] = one.means[inside]
    return table
