"""Trend of one parameter at one site over a period, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from acidwatch.contract.parameters import GOOD
from acidwatch.statistics.confidence import confidence_of_improving, improving_class
from acidwatch.statistics.mann_kendall import Array, MannKendall, mann_kendall
from acidwatch.statistics.pettitt import step_change
from acidwatch.statistics.seasonal import SEASONS_DIFFER, kruskal_wallis, seasonal_kendall
from acidwatch.statistics.sen import pair_slopes, sen_slope
from acidwatch.trends.series import Period, Series

Variant = Literal["annual_mean", "annual_median", "seasonal"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)

SIGNIFICANT = 0.05
FEWEST_VALUES = 5
FEWEST_DIFFERENT = 3
SHARE_OF_YEARS = (2, 3)  # two thirds
FEW_VALUES = 10  # below this a trend carries a caution
END_YEARS = 3  # a site is fixed if it has values in the first and in the last so many years

NOT_ANALYSED = "not analysed"
Reason = Literal["too many censored", "too few values", "constant", "too few different values", "too few years"]
REASONS: tuple[Reason, ...] = get_args(Reason)
CLASSES = ("improving", "worsening", "rising", "falling", "no trend", NOT_ANALYSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One row of metrics.trend; the numbers from `s` to `confidence_class` are None where the series was not analysed.

    Attributes:
        first_year, last_year: The period, both included.
        n_years: Years of it with a value that is used.
        n: Values used: annual ones, or monthly ones for the seasonal variant.
        n_censored: Censored samples of the period, which are in none of these values.
        s, var_s, z, p: Mann-Kendall, or seasonal Kendall.
        slope, slope_low, slope_high: Sen slope and its 95 % interval, unit per year.
        percent_per_year: 100 slope / |median of the values|; None where the median is 0.
        trend_class: One of CLASSES, by p < 0.05.
        confidence: Of improving, 0 to 1; None where the parameter has no good direction.
        confidence_class: Its five classes.
        reason: Why the series was not analysed.
        caution: What to keep in mind of a trend that was.
        seasons_p: Kruskal and Wallis; the seasonal variant only.
        fixed: Analysed, and sampled from the beginning of the period to its end.
        step_year, step_p: First year of the new level of the likeliest step (Pettitt, of the detrended annual values).
        method_changes: Years of the period whose method is another than before.
    """

    program_id: str
    site_id: str
    parameter: str
    variant: Variant
    unit: str
    region: str | None
    first_year: int
    last_year: int
    n_years: int
    n: int
    n_censored: int = 0
    s: int | None = None
    var_s: float | None = None
    z: float | None = None
    p: float | None = None
    slope: float | None = None
    slope_low: float | None = None
    slope_high: float | None = None
    percent_per_year: float | None = None
    trend_class: str
    confidence: float | None = None
    confidence_class: str | None = None
    reason: Reason | None = None
    caution: str | None = None
    seasons_p: float | None = None
    fixed: bool = False
    step_year: int | None = None
    step_p: float | None = None
    method_changes: tuple[int, ...] = ()


def trend(series: Series, period: Period, variant: Variant) -> Trend:
    """Compute a trend.

    Args:
        series: Annual values of a site.
        period: Values outside it are not looked at.
        variant: What is tested: annual means, annual medians, or monthly means by season (by time where the seasons don't differ).
    """
    inside = series.usable(period)
    years = series.years[inside].astype(np.float64)
    values = _values(series, variant)[inside]
    used = values[~np.isnan(values)]
    censored = sum(n for year, n in series.censored if period.first_year <= year <= period.last_year)
    left_out = series.too_censored(period)
    reason = why_not(used, len(years), left_out, period)
    without = Trend(
        program_id=series.program_id,
        site_id=series.site_id,
        parameter=series.parameter,
        variant=variant,
        unit=series.unit,
        region=series.region,
        first_year=period.first_year,
        last_year=period.last_year,
        n_years=len(years),
        n=len(used),
        n_censored=censored,
        trend_class=NOT_ANALYSED,
        reason=reason,
        method_changes=tuple(year for year in series.method_changes if period.first_year < year <= period.last_year),
    )
    if reason is not None:
        return without
    test, slopes, seasons_p = _tested(years, values, variant)
    sen = sen_slope(slopes, test.var_s)
    median = float(np.median(used))
    good = GOOD.get(series.parameter)
    confidence = None if good is None else confidence_of_improving(test.s, test.p, good)
    step = None if variant == "seasonal" else step_change(years, values, sen.slope)
    return replace(
        without,
        s=test.s,
        var_s=test.var_s,
        z=test.z,
        p=test.p,
        slope=sen.slope,
        slope_low=sen.low,
        slope_high=sen.high,
        percent_per_year=None if median == 0.0 else 100.0 * sen.slope / abs(median),
        trend_class=class_of(test.s, test.p, series.parameter),
        confidence=confidence,
        confidence_class=None if confidence is None else improving_class(confidence),
        caution=_caution(len(used), censored, left_out),
        seasons_p=seasons_p,
        fixed=bool(years[0] < period.first_year + END_YEARS and years[-1] > period.last_year - END_YEARS),
        step_year=None if step is None else int(step.time),
        step_p=None if step is None else step.p,
    )


def why_not(values: Array, n_years: int, left_out: int, period: Period) -> Reason | None:
    """Why values can't be analysed, the first reason that holds; None if they can.

    Args:
        values: (n,) those that are used.
        n_years: Years with a value that is used.
        left_out: Years that are not, for their censored samples.
    """
    if left_out and _too_few_years(n_years, period) and not _too_few_years(n_years + left_out, period):
        return "too many censored"
    if len(values) < FEWEST_VALUES:
        return "too few values"
    different = len(np.unique(values))
    if different == 1:
        return "constant"
    if different < FEWEST_DIFFERENT:
        return "too few different values"
    return "too few years" if _too_few_years(n_years, period) else None


def _too_few_years(n_years: int, period: Period) -> bool:
    """Whether the years with a value are too few; the months of a year or two are a season's course, which is no trend."""
    part, whole = SHARE_OF_YEARS
    return n_years < FEWEST_VALUES or whole * n_years < part * period.length


def _caution(used: int, censored: int, years: int) -> str | None:
    cautions = [f"fewer than {FEW_VALUES} values"] if used < FEW_VALUES else []
    if censored:
        cautions.append(f"censored samples left out: {censored}")
    if years:
        cautions.append(f"years left out for them: {years}")
    return "; ".join(cautions) or None


def _values(series: Series, variant: Variant) -> Array:
    """(years,) or, for the seasonal variant, (years, 12)."""
    return {"annual_mean": series.means, "annual_median": series.medians, "seasonal": series.months}[variant]


def _tested(years: Array, values: Array, variant: Variant) -> tuple[MannKendall, Array, float | None]:
    """The test, the pair slopes, ascending, and the p of the seasons."""
    if variant != "seasonal":
        return mann_kendall(values), pair_slopes(years, values), None
    seasons_p = kruskal_wallis(values)
    if seasons_p < SEASONS_DIFFER:
        return *seasonal_kendall(years, values), seasons_p
    times = (years[:, None] + (np.arange(12) + 0.5) / 12.0).ravel()
    return mann_kendall(values.ravel()), pair_slopes(times, values.ravel()), seasons_p


def class_of(s: int, p: float, parameter: str) -> str:
    """One of CLASSES, from the S and the p of a Mann-Kendall test."""
    if p >= SIGNIFICANT or s == 0:
        return "no trend"
    direction = "falling" if s < 0 else "rising"
    good = GOOD.get(parameter)
    if good is None:
        return direction
    return "improving" if direction == good else "worsening"
