"""Trends of regions: which sites are in, and what is said of them together."""

from __future__ import annotations

import numpy as np
import pymannkendall
import pytest

from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.contract.parameters import COMPONENTS, DERIVED, GOOD
from acidwatch.contract.regions import region_of
from acidwatch.trends.region import RegionTrend, region_trends
from acidwatch.trends.series import Array, Period, Series
from acidwatch.trends.site import trend

PERIOD = Period(2001, 2015)


def series(site: int, values: Array, region: str | None = "Adirondacks", parameter: str = "SO4") -> Series:
    there = ~np.isnan(values)
    years = PERIOD.first_year + np.arange(len(values))
    count = int(there.sum())
    return Series(
        "LTM_ALTM", f"{site:03d}", parameter, "ueq/L", region, years[there], np.ones(count, dtype=np.int64), values[there],
        values[there], np.full((count, 12), np.nan),
    )  # fmt: skip


def rows(*of: Series) -> list[RegionTrend]:
    return region_trends(of, [trend(one, PERIOD, "annual_mean") for one in of], PERIOD)


def sites() -> Array:
    """Seven sites: five fall, one rises, one has no trend; the second begins too late to be fixed, the last has too few years."""
    random = np.random.default_rng(8)
    slopes = np.array([-1.0, -2.0, -0.5, -3.0, -1.5, 2.0, 0.0, -9.0])
    table = 50 + slopes[:, None] * np.arange(15) + random.normal(0, 0.4, (8, 15))
    table[1, :4] = np.nan
    table[7, 6:] = np.nan
    return table


def test_all_sites_and_fixed_sites_have_the_figures_of_numpy_and_pymannkendall() -> None:
    table = sites()
    every, fixed = rows(*(series(number, values) for number, values in enumerate(table)))
    assert (every.site_set, every.n_sites, fixed.site_set, fixed.n_sites) == ("all", 7, "fixed", 6)
    analysed = table[:7]
    slopes = [pymannkendall.sens_slope(values).slope for values in analysed]
    assert (every.q25_slope, every.median_slope, every.q75_slope) == pytest.approx(
        tuple(np.quantile(slopes, [0.25, 0.5, 0.75]))
    )
    assert (every.improving_percent, every.worsening_percent) == pytest.approx((500 / 7, 100 / 7))
    assert (every.falling_percent, every.rising_percent) == pytest.approx((500 / 7, 100 / 7))
    test = pymannkendall.regional_test(analysed.T)
    assert (every.kendall_s, every.kendall_z) == pytest.approx((test.s, test.z))
    assert every.kendall_p == pytest.approx(test.p, rel=1e-6, abs=1e-12)
    assert every.kendall_slope == pytest.approx(test.slope)
    assert every.direction == "falling"
    assert every.direction_share == pytest.approx(
        np.mean([trend(series(0, v), PERIOD, "annual_mean").s < 0 for v in analysed])
    )
    assert fixed.median_slope == pytest.approx(np.median([slope for number, slope in enumerate(slopes) if number != 1]))


def test_a_parameter_without_a_good_direction_rises_and_falls_but_does_not_improve() -> None:
    every, _ = rows(*(series(number, values, parameter="DOC") for number, values in enumerate(sites())))
    assert (every.improving_percent, every.worsening_percent) == (None, None)
    assert (every.falling_percent, every.rising_percent) == pytest.approx((500 / 7, 100 / 7))


def test_a_rising_anc_improves() -> None:
    every, _ = rows(*(series(number, values, parameter="ANC") for number, values in enumerate(sites())))
    assert (every.improving_percent, every.worsening_percent) == pytest.approx((100 / 7, 500 / 7))
    assert (every.falling_percent, every.rising_percent) == pytest.approx((500 / 7, 100 / 7))


def test_a_region_without_a_site_with_a_trend_has_no_figures() -> None:
    found = rows(series(1, np.full(15, 3.0)))
    assert [(row.site_set, row.n_sites, row.median_slope, row.direction) for row in found] == [
        ("all", 0, None, None), ("fixed", 0, None, None)]  # fmt: skip


def test_rows_are_ordered_and_sites_of_no_region_are_in_none() -> None:
    table = sites()
    found = rows(
        series(1, table[0], "Pennsylvania"), series(2, table[0], None), series(3, table[0], "Catskills", "NO3"),
        series(3, table[1], "Catskills", "ANC"),
    )  # fmt: skip
    assert [(row.region, row.parameter, row.n_sites) for row in found if row.site_set == "all"] == [
        ("Catskills", "ANC", 1), ("Catskills", "NO3", 1), ("Pennsylvania", "SO4", 1)]  # fmt: skip


@pytest.mark.parametrize(
    ("programme", "state", "region"),
    [
        ("LTM_ALTM", "New York", "Adirondacks"),
        ("LTM_CAT", "New York", "Catskills"),
        ("LTM_ME", "Maine", "New England"),
        ("LTM_ME", "New York", None),
        ("LTM_VT", "Vermont", "New England"),
        ("VTSSS", "Virginia", "Central Appalachians"),
        ("LTM_PA", "Pennsylvania", "Pennsylvania"),
        ("LTM_ME", None, "New England"),
        ("OTHER", "Maine", None),
    ],
)
def test_the_region_of_a_site(programme: str, state: str | None, region: str | None) -> None:
    assert region_of(programme, state) == region


def test_every_derived_parameter_is_made_of_measured_ones_and_every_good_direction_is_of_a_parameter() -> None:
    measured = {column.parameter for column in MEASUREMENTS}
    for derived in DERIVED:
        assert set(derived.components) <= measured
        assert derived.parameter not in measured
    assert set(GOOD) <= set(COMPONENTS)
    assert COMPONENTS["SO4_SEASALT_CORRECTED"] == ("SO4", "CL")
