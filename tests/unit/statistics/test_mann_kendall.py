"""Mann-Kendall and the Sen slope: against a vector worked out elsewhere, pymannkendall, and their plain definitions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pymannkendall
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acidwatch.statistics.mann_kendall import ABOVE, BELOW, MEASURED, Array, Censoring, mann_kendall
from acidwatch.statistics.sen import Z_90, Z_95, pair_slopes, sen_slope
from tests.unit.contract.makers import QUICK

NAN = float("nan")
CHECKED = np.array([5, 4, 4.5, 3.8, 3.9, 3.1, 3.3, 2.9, 2.5, 2.6])

tied = st.integers(-3, 3).map(float)
values_with_gaps = st.lists(st.one_of(tied, st.floats(-300, 5000), st.just(NAN)), max_size=41)
values_with_limits = st.lists(
    st.tuples(st.integers(0, 4).map(float), st.sampled_from([BELOW, MEASURED, ABOVE])), max_size=9
)


def years(values: Array) -> Array:
    return 1990.0 + np.arange(len(values))


def split(pairs: list[tuple[float, int]]) -> tuple[Array, Censoring]:
    return np.array([value for value, _ in pairs], dtype=np.float64), np.array(
        [kind for _, kind in pairs], dtype=np.int8
    )


def plain_sign(first: tuple[float, int], second: tuple[float, int]) -> int:
    """The rule for two values, word by word."""
    (x, kind_x), (y, kind_y) = first, second
    if ABOVE in (kind_x, kind_y):  # one tied group above everything
        return (kind_y == ABOVE) - (kind_x == ABOVE)
    if kind_x == kind_y == BELOW:
        return 0
    if kind_x == BELOW:
        return 0 if x > y else 1  # a limit above the measured value is a tie; one equal to it ranks lower
    if kind_y == BELOW:
        return 0 if y > x else -1
    return (y > x) - (y < x)


def test_the_check_vector_has_its_s_variance_p_slope_and_intervals() -> None:
    test = mann_kendall(CHECKED)
    assert (test.n, test.s, test.var_s) == (10, -37, 125.0)
    assert test.p == pytest.approx(0.00128, abs=5e-6)
    slopes = pair_slopes(years(CHECKED), CHECKED)
    wide, narrow = sen_slope(slopes, test.var_s, Z_95), sen_slope(slopes, test.var_s, Z_90)
    assert wide.slope == pytest.approx(-0.26667, abs=5e-6)
    assert (wide.low, wide.high) == pytest.approx((-0.34094, -0.17953), abs=1e-5)
    assert (narrow.low, narrow.high) == pytest.approx((-0.32927, -0.20000), abs=1e-5)


@QUICK
@given(values_with_gaps)
def test_measured_values_give_what_pymannkendall_gives(values: list[float]) -> None:
    series = np.array(values, dtype=np.float64)
    if np.isfinite(series).sum() < 2:
        return
    test = mann_kendall(series)
    other = pymannkendall.original_test(series)
    assert (test.s, test.var_s) == (other.s, other.var_s)
    assert (test.z, test.p) == pytest.approx((other.z, other.p), rel=1e-9, abs=1e-12)
    sen = sen_slope(pair_slopes(years(series), series), test.var_s)
    assert sen.slope == pytest.approx(pymannkendall.sens_slope(series).slope, rel=1e-9, abs=1e-12)
    assert sen.low <= sen.slope <= sen.high


@QUICK
@given(values_with_limits)
def test_s_is_the_sum_over_all_pairs_by_the_rule_of_censored_values(pairs: list[tuple[float, int]]) -> None:
    assert mann_kendall(*split(pairs)).s == sum(itertools.starmap(plain_sign, itertools.combinations(pairs, 2)))


@pytest.mark.parametrize(
    "pairs",
    [
        [(1.0, MEASURED), (2.0, MEASURED), (2.0, MEASURED), (3.0, MEASURED)],
        [(2.0, BELOW), (1.0, MEASURED), (2.0, MEASURED), (3.0, MEASURED), (3.0, BELOW)],
        [(2.0, BELOW), (1.0, BELOW), (2.0, MEASURED), (4.0, ABOVE), (3.0, ABOVE), (9.0, MEASURED)],
    ],
)
def test_the_variance_is_that_of_s_over_every_order_of_the_values(pairs: list[tuple[float, int]]) -> None:
    every = [mann_kendall(*split(list(order))).s for order in itertools.permutations(pairs)]
    assert mann_kendall(*split(pairs)).var_s == pytest.approx(np.var(every), rel=1e-12)


@pytest.mark.parametrize(
    ("pairs", "slope"),
    [
        ([(1.0, BELOW), (3.0, MEASURED)], 2.5),  # the limit stands at half
        ([(3.0, MEASURED), (4.0, ABOVE)], 1.4),  # and at 1.1 times
        ([(1.0, BELOW), (4.0, BELOW)], 0.0),
        ([(5.0, BELOW), (3.0, MEASURED)], 0.0),  # ambiguous
        ([(5.0, ABOVE), (9.0, ABOVE)], 0.0),
    ],
)
def test_slopes_of_censored_pairs(pairs: list[tuple[float, int]], slope: float) -> None:
    values, censored = split(pairs)
    assert pair_slopes(np.array([2000.0, 2001.0]), values, censored).tolist() == pytest.approx([slope])


def test_a_missing_year_leaves_its_gap_in_time() -> None:
    assert pair_slopes(np.array([1990.0, 1991.0, 1994.0]), np.array([8.0, NAN, 4.0])).tolist() == [-1.0]


@pytest.mark.parametrize(
    ("values", "s"),
    [([], 0), ([7.0], 0), ([NAN, 7.0, NAN], 0), ([2.0] * 6, 0), ([-3.0, -2.0, -1.0], 3), ([5.0, 5.0, 5.0, 4.0], -3)],
)
def test_missing_single_constant_negative_and_tied_values(values: list[float], s: int) -> None:
    test = mann_kendall(np.array(values))
    assert test.s == s
    if s == 0:
        assert (test.var_s == 0.0) == (len({v for v in values if not math.isnan(v)}) < 2)
        assert (test.z, test.p) == (0.0, 1.0)


def test_the_interval_is_clamped_to_the_slopes_that_there_are() -> None:
    sen = sen_slope(np.array([-2.0, 0.0, 1.0]), 1e6)
    assert (sen.low, sen.slope, sen.high) == (-2.0, 0.0, 1.0)
