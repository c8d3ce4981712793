"""Trends of a site: what is analysed, with which outcome, and why what is not is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pymannkendall
import pytest

from acidwatch.trends.series import DEFAULT_PERIOD, Period, Series, series_of
from acidwatch.trends.site import VARIANTS, Trend, Variant, trend, why_not

NAN = float("nan")
TEN = Period(2001, 2010)


def series(
    parameter: str = "SO4",
    first_year: int = 2001,
    means: Sequence[float] = (),
    months: Any = None,
    changes: tuple[int, ...] = (),
    censored: tuple[tuple[int, int], ...] = (),
    counts: Any = 1,
) -> Series:
    """A series whose NaN are years without a value."""
    values = np.array(means, dtype=np.float64)
    there = ~np.isnan(values)
    years = first_year + np.arange(len(values))
    table = np.full((len(values), 12), NAN) if months is None else np.array(months, dtype=np.float64)
    return Series(
        "LTM_ME", "020058", parameter, "ueq/L", "New England", years[there],
        np.broadcast_to(counts, len(values))[there],
        values[there], values[there] - 1.0, table[there], changes, censored,
    )  # fmt: skip


def of(*means: float, parameter: str = "SO4", period: Period = TEN, variant: Variant = "annual_mean") -> Trend:
    return trend(series(parameter, means=means), period, variant)


FALLING = (9.0, 8.0, 8.5, 7.0, 6.0, 6.5, 5.0, 4.0, 3.0, 1.0)
RISING = tuple(reversed(FALLING))


@pytest.mark.parametrize(
    ("parameter", "values", "name"),
    [
        ("SO4", FALLING, "improving"),
        ("SO4", RISING, "worsening"),
        ("NO3", FALLING, "improving"),
        ("SO4_SEASALT_CORRECTED", FALLING, "improving"),
        ("ANC", RISING, "improving"),
        ("ANC_CALC", FALLING, "worsening"),
        ("PH_LAB", RISING, "improving"),
        ("PH_FLD", FALLING, "worsening"),
        ("CA_MG", FALLING, "falling"),
        ("DOC", RISING, "rising"),
        ("SO4", (1.0, 3.0, 2.0, 1.0, 3.0, 2.0, 1.0, 3.0, 2.0, 1.5), "no trend"),
    ],
)
def test_the_class_is_in_the_sense_that_matters_for_the_parameter(
    parameter: str, values: Sequence[float], name: str
) -> None:
    found = of(*values, parameter=parameter)
    assert (found.trend_class, found.reason) == (name, None)
    if name in ("improving", "worsening"):
        sure = f"very likely {'improving' if name == 'improving' else 'degrading'}"
        assert found.confidence_class == sure
        assert found.p is not None
        assert found.confidence == pytest.approx(1 - found.p / 2 if name == "improving" else found.p / 2)
    elif parameter != "SO4":
        assert (found.confidence, found.confidence_class) == (None, None)


def test_a_trend_has_the_numbers_of_pymannkendall_and_leaves_out_years_outside_the_period() -> None:
    values = (NAN, 99.0, *FALLING[:6], NAN, *FALLING[7:], -400.0)
    found = trend(series(first_year=1999, means=values), TEN, "annual_mean")
    inside = [*FALLING[:6], NAN, *FALLING[7:]]
    test = pymannkendall.original_test(np.array(inside))
    assert (found.n_years, found.n, found.s, found.var_s) == (9, 9, test.s, test.var_s)
    assert (found.z, found.p, found.slope) == pytest.approx((test.z, test.p, test.slope))
    assert found.caution == "fewer than 10 values"
    assert of(*FALLING).caution is None


def test_the_median_variant_is_of_medians() -> None:
    means, medians = of(*FALLING), of(*FALLING, variant="annual_median")
    assert (means.s, means.slope) == (medians.s, medians.slope), "each median is one below its mean"
    assert means.percent_per_year != medians.percent_per_year
    assert means.percent_per_year == pytest.approx(100 * (means.slope or 0) / np.median(FALLING))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((), "too few values"),
        ((5.0,), "too few values"),
        ((4.0, 3.0, 2.0, 1.0), "too few values"),
        ((2.0,) * 10, "constant"),
        ((-2.0,) * 10, "constant"),
        ((2.0, 3.0) * 5, "too few different values"),
        ((6.0, 5.0, 4.0, 3.0, 2.0, 1.0), "too few years"),
        ((7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0), None),
        ((6.0, NAN, 5.0, NAN, 4.0, 3.0, NAN, 2.0, 1.0, 0.0), None),
    ],
)
def test_what_can_not_be_analysed_says_why(values: Sequence[float], reason: str | None) -> None:
    found = of(*values)
    assert found.reason == reason
    assert (found.trend_class == "not analysed") == (reason is not None) == (found.slope is None) == (found.p is None)
    assert found.n_years == sum(not np.isnan(value) for value in values)


@pytest.mark.parametrize(("n_years", "reason"), [(20, "too few years"), (21, None)])
def test_a_trend_over_31_years_needs_21_of_them(n_years: int, reason: str | None) -> None:
    assert why_not(np.arange(float(n_years)), n_years, 0, DEFAULT_PERIOD) == reason


def test_a_single_year_is_a_period_without_trend() -> None:
    assert of(*FALLING, period=Period(2003, 2003)).reason == "too few values"
    course = np.array([[40, 42, 38, 30, 22, 15, 10, 8, 7, 6, 5, 4.0]])
    found = trend(series(means=course.mean(axis=1), months=course), Period(2001, 2001), "seasonal")
    assert (found.trend_class, found.reason) == ("not analysed", "too few years")


def seasons(years: int = 20, winter: float = 50.0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """May, August and December of each year, one unit less a year."""
    table = np.full((years, 12), NAN)
    noise = np.random.default_rng(1).normal(0, 0.5, (years, 3))
    table[:, [4, 7, 11]] = np.array([20.0, 0.0, winter]) - np.arange(years)[:, None] + noise
    return table


def test_seasons_that_differ_are_compared_with_themselves_only() -> None:
    table = seasons()
    found = trend(series(means=np.nanmean(table, axis=1), months=table), Period(2001, 2020), "seasonal")
    other = pymannkendall.seasonal_test(table.ravel(), period=12)
    assert found.seasons_p is not None
    assert found.seasons_p < 0.05
    assert (found.n, found.n_years, found.s, found.var_s) == (60, 20, other.s, other.var_s)
    assert (found.z, found.p, found.slope) == pytest.approx((other.z, other.p, other.slope), abs=1e-12)


def test_seasons_that_do_not_differ_are_one_series_in_time() -> None:
    table = seasons(winter=0.0)
    table[:, 4] -= 20.0
    found = trend(series(means=np.nanmean(table, axis=1), months=table), Period(2001, 2020), "seasonal")
    other = pymannkendall.original_test(table.ravel())
    assert found.seasons_p is not None
    assert found.seasons_p >= 0.05
    assert (found.s, found.var_s) == (other.s, other.var_s)
    assert found.slope == pytest.approx(12 * other.slope), "per year, not per month"


def test_fixed_sites_begin_and_end_with_the_period() -> None:
    assert of(*FALLING).fixed
    assert of(NAN, NAN, *FALLING[2:]).fixed
    assert not of(NAN, NAN, NAN, *FALLING[3:]).fixed
    assert not of(*FALLING[:7], NAN, NAN, NAN).fixed
    assert not of(*(2.0,) * 10).fixed, "without a trend"


def test_a_step_stands_beside_the_changes_of_method() -> None:
    noise = np.random.default_rng(5).normal(0, 0.2, 20)
    values = np.where(np.arange(20) >= 12, 9.0, 3.0) + noise
    found = trend(series(means=values, changes=(2001, 2013, 2030)), Period(2001, 2020), "annual_mean")
    assert found.step_year == 2013
    assert found.method_changes == (2013,), "a change in the first year of the period has nothing before it"


def test_a_trend_says_how_many_censored_samples_of_its_period_were_left_out() -> None:
    twelve = {"means": FALLING, "counts": 12}
    found = trend(series(**twelve, censored=((2000, 9), (2003, 2), (2010, 1), (2011, 9))), TEN, "annual_mean")
    assert (found.n_censored, found.caution, found.slope) == (3, "censored samples left out: 3", of(*FALLING).slope)
    few = trend(series(means=FALLING[:9], counts=12, censored=((2003, 2),)), TEN, "annual_mean")
    assert few.caution == "fewer than 10 values; censored samples left out: 2"
    assert of(*FALLING).n_censored == 0


@pytest.mark.parametrize(("censored", "years"), [(3, 10), (4, 9)])
def test_a_year_with_more_than_15_percent_of_its_samples_censored_is_in_no_trend(censored: int, years: int) -> None:
    found = trend(series(means=FALLING, counts=17, censored=((2001, censored),)), TEN, "annual_mean")
    assert (found.n_years, found.n, found.n_censored) == (years, years, censored)
    assert ("years left out for them: 1" in str(found.caution)) is (years == 9)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_detection_limit_that_falls_over_the_years_makes_no_trend(variant: Variant) -> None:
    draws = np.random.default_rng(3).lognormal(np.log(5.0), 0.5, (31, 12))
    limits = np.repeat([8.0, 4.0, 1.0], [10, 10, 11])[:, None]
    table = np.where(draws < limits, NAN, draws)
    counts = (~np.isnan(table)).sum(axis=1)
    lost = tuple((1990 + year, int(12 - n)) for year, n in enumerate(counts) if n < 12)
    one = series("NO3", 1990, np.nanmean(table, axis=1), table, censored=lost, counts=counts)
    found = trend(one, DEFAULT_PERIOD, variant)
    assert (found.trend_class, found.reason) == ("not analysed", "too many censored")


def test_years_without_a_value_are_too_few_whatever_else_is_censored() -> None:
    found = trend(series(means=FALLING[:3], counts=12, censored=((2001, 12),)), TEN, "annual_mean")
    assert found.reason == "too few values"


@pytest.mark.parametrize("variant", VARIANTS)
def test_years_whose_samples_are_all_censored_are_no_values_but_count(variant: Variant) -> None:
    none = {"n": 0, "mean": None, "median": None, "months": [None] * 12}
    rows = [row("NO3", 2001, "a"), row("NO3", 2002, "b", censored=4, **none), row("NO3", 2003, "a", censored=None)]
    (found,) = series_of(rows, {})
    assert (found.years.tolist(), found.censored, found.method_changes) == ([2001, 2003], ((2002, 4),), ())
    (nothing,) = series_of([row("NO3", year, "b", censored=4, **none) for year in range(2001, 2011)], {})
    told = trend(nothing, TEN, variant)
    assert (told.n_years, told.n, told.n_censored, told.reason) == (0, 0, 40, "too many censored")


def row(parameter: str, year: int, method: str | None, **more: Any) -> dict[str, Any]:
    return {"program_id": "LTM_ME", "site_id": "1", "parameter": parameter, "unit": "ueq/L", "year": year, "n": 2, "censored": 0,
            "mean": 1.0, "median": 2.0, "months": [None] * 11 + [3.0], "method": method, **more}  # fmt: skip


def test_annual_rows_become_series_in_the_order_of_their_key_and_years() -> None:
    rows = [row("SO4", 2001, "b"), row("ANC", 2001, None), row("SO4", 1999, "a", mean=5.0)]
    anc, so4 = series_of(rows, {("LTM_ME", "1"): "New England"})
    assert (anc.parameter, so4.parameter, so4.region) == ("ANC", "SO4", "New England")
    assert (so4.years.tolist(), so4.means.tolist(), so4.medians.tolist()) == ([1999, 2001], [5.0, 1.0], [2.0, 2.0])
    assert np.isnan(so4.months[0]).tolist() == [True] * 11 + [False]
    assert (so4.method_changes, anc.method_changes) == ((2001,), ())


def test_sites_may_come_in_any_order_but_each_of_them_in_one_piece() -> None:
    rows = [row("SO4", 2001, "a", site_id=site) for site in ("2", "1", "10")]
    assert [one.site_id for one in series_of(rows, {})] == ["1", "10", "2"]
    with pytest.raises(ValueError, match=r"rows of \('LTM_ME', '2'\) come after"):
        series_of([*rows, row("ANC", 2001, "a", site_id="2")], {})


def test_a_derived_parameter_changes_its_method_with_any_of_its_parts() -> None:
    rows = [
        row("CA", 2000, "a"),
        row("CA", 2001, "b"),
        row("MG", 2000, "a"),
        row("MG", 2001, None),
        row("MG", 2002, "c"),
    ]
    found = {one.parameter: one.method_changes for one in series_of([*rows, row("CA_MG", 2000, None)], {})}
    assert found == {"CA": (2001,), "MG": (2002,), "CA_MG": (2001, 2002)}
