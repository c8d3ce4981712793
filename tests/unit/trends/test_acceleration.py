"""Slopes of moving windows: which windows there are, what each says, and which sites a region's windows are of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pymannkendall
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acidwatch.trends.acceleration import RegionWindow, WindowSlope, region_windows, window_slopes, windows
from acidwatch.trends.series import Period, Series
from acidwatch.trends.site import trend

NAN = float("nan")
PERIOD = Period(1991, 2010)


def series(
    means: Sequence[float], site: str = "020058", region: str | None = "New England", censored: tuple[tuple[int, int], ...] = ()
) -> Series:  # fmt: skip
    """A series from the period's first year on, whose NaN are years without a value."""
    values = np.array(means, dtype=np.float64)
    there = ~np.isnan(values)
    years = PERIOD.first_year + np.arange(len(values))
    count = int(there.sum())
    return Series(
        "LTM_ME", site, "SO4", "ueq/L", region, years[there], np.ones(count, dtype=np.int64), values[there], values[there],
        np.full((count, 12), NAN), (), censored,
    )  # fmt: skip


def slopes(*means: float) -> list[float | None]:
    return [one.slope for one in window_slopes(series(means), PERIOD)]


def test_windows_move_on_by_a_year_from_the_first_year_to_the_last() -> None:
    assert windows(PERIOD) == [Period(first, first + 11) for first in range(1991, 2000)]
    assert windows(Period(2001, 2012)) == [Period(2001, 2012)]
    assert windows(Period(2001, 2011)) == []


def test_each_window_has_the_sen_slope_of_pymannkendall() -> None:
    values = np.random.default_rng(4).normal(60, 5, 20).round(2)
    wanted = [pymannkendall.sens_slope(values[first : first + 12]).slope for first in range(9)]
    assert slopes(*values) == pytest.approx(wanted)


def test_a_fall_that_becomes_slower_has_slopes_that_rise() -> None:
    found = slopes(*(90 * 0.9**year for year in range(20)))
    assert None not in found
    assert found == sorted(found)  # type: ignore[type-var]
    assert found[0] < 2 * found[-1] < 0  # type: ignore[operator]


def test_a_window_has_a_slope_by_the_rules_of_a_trend_and_otherwise_a_reason() -> None:
    gap = [50.0 - year for year in range(20)]
    gap[:5] = [NAN] * 5
    found = window_slopes(series(gap), PERIOD)
    assert [(one.n_years, one.reason, one.slope) for one in found[:2]] == [
        (7, "too few years", None),
        (8, None, pytest.approx(-1.0)),
    ]
    flat = window_slopes(series([7.0] * 20), PERIOD)
    assert {(one.reason, one.slope) for one in flat} == {("constant", None)}


def test_years_whose_samples_are_mostly_censored_are_in_no_window() -> None:
    means = [50.0 - year for year in range(20)]
    assert [one.n_years for one in window_slopes(series(means), PERIOD)[:2]] == [12, 12]
    assert [one.n_years for one in window_slopes(series(means, censored=((1991, 9),)), PERIOD)[:2]] == [11, 12]
    none = window_slopes(series(means, censored=tuple((year, 9) for year in range(1991, 1997))), PERIOD)[0]
    assert (none.n_years, none.slope, none.reason) == (6, None, "too many censored")


@given(st.lists(st.one_of(st.just(NAN), st.integers(0, 30).map(float)), min_size=20, max_size=20), st.integers(5, 20))
def test_a_window_says_what_the_trend_over_its_years_says(means: list[float], years: int) -> None:
    of = series(means)
    for one in window_slopes(of, PERIOD, years):
        its = trend(of, Period(one.first_year, one.last_year), "annual_mean")
        assert (one.slope, one.reason, one.n_years) == (its.slope, its.reason, its.n_years)


def by_set(*of: Series) -> dict[str, list[RegionWindow]]:
    rows = region_windows([window_slopes(one, PERIOD) for one in of])
    return {kind: [row for row in rows if row.site_set == kind] for kind in ("all", "fixed")}


def test_the_fixed_sites_of_a_region_are_those_with_a_slope_in_every_window() -> None:
    table = 60 + np.cumsum(np.random.default_rng(5).normal(-1, 0.5, (4, 20)), axis=1)
    table[3, :6] = np.nan  # has no slope in the first two windows
    of = [series(values, f"{number:03d}") for number, values in enumerate(table.tolist())]
    found = by_set(*of)
    assert [row.n_sites for row in found["fixed"]] == [3] * 9
    assert [row.n_sites for row in found["all"]] == [3, 3, 4, 4, 4, 4, 4, 4, 4]
    last = [pymannkendall.sens_slope(values[8:]).slope for values in table]
    row = found["all"][-1]
    assert (row.q25_slope, row.median_slope, row.q75_slope) == pytest.approx(
        tuple(np.quantile(last, [0.25, 0.5, 0.75]))
    )
    assert found["fixed"][-1].median_slope == pytest.approx(np.median(last[:3]))
    assert [(row.first_year, row.last_year) for row in found["fixed"]] == [(y, y + 11) for y in range(1991, 2000)]


def test_a_region_whose_sites_have_no_slope_has_windows_without_figures() -> None:
    found = by_set(series([7.0] * 20))
    assert {(row.n_sites, row.median_slope, row.q25_slope) for row in found["all"] + found["fixed"]} == {
        (0, None, None)
    }


def test_sites_without_a_region_and_periods_without_a_window_have_no_rows() -> None:
    nothing: list[WindowSlope] = window_slopes(series([1.0] * 20), Period(1991, 1995))
    assert nothing == []
    assert region_windows([nothing, window_slopes(series([1.0] * 20, region=None), PERIOD)]) == []
