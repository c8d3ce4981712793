"""Seasonal and regional tests against pymannkendall and scipy, and the direction of correlated sites against its formula."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pymannkendall
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy import stats

from acidwatch.statistics.chi_square import chi_square_above
from acidwatch.statistics.confidence import confidence_of_direction
from acidwatch.statistics.mann_kendall import Array, MannKendall, mann_kendall
from acidwatch.statistics.regional import pairwise_correlation, regional_direction, regional_kendall
from acidwatch.statistics.seasonal import kruskal_wallis, seasonal_kendall
from acidwatch.statistics.sen import pair_slopes
from tests.unit.contract.makers import QUICK

NAN = float("nan")


def random_table(seed: int, rows: int = 20, columns: int = 12, ties: bool = True) -> Array:
    """Values with seasons, a trend, ties and gaps."""
    random = np.random.default_rng(seed)
    table = (
        5 * np.sin(np.arange(columns))[None, :] - 0.3 * np.arange(rows)[:, None] + random.normal(0, 3, (rows, columns))
    )
    table = np.round(table) if ties else table
    table[random.random((rows, columns)) < 0.2] = NAN
    return table


@pytest.mark.parametrize("seed", range(5))
def test_the_seasonal_test_gives_what_pymannkendall_gives(seed: int) -> None:
    table = random_table(seed)
    test, slopes = seasonal_kendall(1990.0 + np.arange(len(table)), table)
    other = pymannkendall.seasonal_test(table.ravel(), period=12)
    assert (test.s, test.var_s) == pytest.approx((other.s, other.var_s), rel=1e-12)
    assert (test.z, test.p) == pytest.approx((other.z, other.p), rel=1e-9, abs=1e-12)
    assert np.median(slopes) == pytest.approx(other.slope, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ties", [True, False])
def test_kruskal_and_wallis_give_what_scipy_gives(seed: int, ties: bool) -> None:
    table = random_table(seed, columns=5, ties=ties)
    other = stats.kruskal(*(season[~np.isnan(season)] for season in table.T))
    assert kruskal_wallis(table) == pytest.approx(other.pvalue, rel=1e-9)


@pytest.mark.parametrize(
    "table", [np.full((4, 12), NAN), np.full((4, 3), 2.0), np.array([[1.0, NAN], [2.0, NAN]]), np.empty((0, 12))]
)
def test_seasons_that_can_not_differ_do_not(table: Array) -> None:
    assert kruskal_wallis(table) == 1.0


@QUICK
@given(st.floats(0, 200), st.integers(1, 40))
def test_chi_square_gives_what_scipy_gives(x: float, degrees: int) -> None:
    assert chi_square_above(x, degrees) == pytest.approx(stats.chi2.sf(x, degrees), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("seed", range(5))
def test_the_regional_test_gives_what_pymannkendall_gives(seed: int) -> None:
    table = random_table(seed, rows=25, columns=6)
    test = regional_kendall([mann_kendall(site) for site in table.T])
    other = pymannkendall.regional_test(table)
    assert (test.s, test.var_s) == pytest.approx((other.s, other.var_s), rel=1e-12)
    assert (test.z, test.p) == pytest.approx((other.z, other.p), rel=1e-9, abs=1e-12)
    slopes = np.concatenate([pair_slopes(np.arange(25.0), site) for site in table.T])
    assert np.median(slopes) == pytest.approx(other.slope, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_correlations_are_those_of_pandas_over_common_times(seed: int) -> None:
    table = random_table(seed, rows=20, columns=7) + 1e4
    want = pd.DataFrame(table).corr(min_periods=3).to_numpy()
    assert pairwise_correlation(table.T) == pytest.approx(want, abs=1e-9)


def test_series_that_are_constant_or_never_meet_are_not_correlated() -> None:
    series = np.array([[1.0, 2, 3, 4, 5, NAN], [7.0, 7, 7, 7, 7, 7], [NAN, NAN, NAN, 1, 3, 9]])
    assert pairwise_correlation(series).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


def plain_confidence(tests: list[MannKendall], r: Array) -> tuple[str, float, float]:
    """The formula, word by word."""
    falling, rising = sum(t.s < 0 for t in tests), sum(t.s > 0 for t in tests)
    d, m = (1 if rising > falling else -1), len(tests)
    share = (max(falling, rising) + sum(t.s == 0 for t in tests) / 2) / m
    p = [confidence_of_direction(t.p) if np.sign(t.s) == d else 1 - confidence_of_direction(t.p) for t in tests]
    variance = sum(x * (1 - x) for x in p)
    for i, j in itertools.combinations(range(m), 2):
        variance += 2 * r[i, j] * math.sqrt(p[i] * (1 - p[i]) * p[j] * (1 - p[j]))
    assume(abs(variance) > 1e-9)
    if variance < 0:  # correlations of pairs that contradict one another
        variance = sum(x * (1 - x) for x in p)
    return "rising" if d > 0 else "falling", share, stats.norm.cdf((share - 0.5) / math.sqrt(variance / m**2))


@QUICK
@given(st.integers(0, 10_000), st.integers(1, 7))
@example(seed=368, sites=3)  # their correlations contradict one another
def test_the_regional_direction_is_its_formula(seed: int, sites: int) -> None:
    table = random_table(seed, rows=12, columns=sites)
    assume((~np.isnan(table)).any(axis=0).all())
    tests, r = [mann_kendall(site) for site in table.T], pairwise_correlation(table.T)
    direction, share, confidence = plain_confidence(tests, r)
    found = regional_direction(tests, r)
    assert (found.direction, found.share) == (direction, share)
    assert found.confidence == pytest.approx(confidence, abs=1e-9)


def test_correlated_sites_say_less_than_independent_ones() -> None:
    tests = [mann_kendall(np.array([5.0, 4, 6, 3, 4, 2, 5, 1]))] * 4
    independent, same = np.eye(4), np.ones((4, 4))
    assert regional_direction(tests, same).confidence < regional_direction(tests, independent).confidence < 1.0


def test_as_many_falling_as_rising_sites_are_no_direction() -> None:
    found = regional_direction([mann_kendall(np.array([1.0, 2, 3])), mann_kendall(np.array([3.0, 2, 1]))], np.eye(2))
    assert (found.share, found.confidence) == (0.5, 0.5)
    flat = regional_direction([mann_kendall(np.ones(5))], np.eye(1))
    assert (flat.share, flat.confidence) == (0.5, 0.5)
