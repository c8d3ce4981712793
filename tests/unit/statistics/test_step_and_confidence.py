"""Where a series steps, and how sure a direction is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from acidwatch.statistics.confidence import (
    confidence_of_direction,
    confidence_of_falling,
    confidence_of_improving,
    improving_class,
)
from acidwatch.statistics.pettitt import step_change
from acidwatch.statistics.ranks import mean_ranks
from tests.unit.contract.makers import QUICK

NAN = float("nan")


@QUICK
@given(st.lists(st.integers(-3, 3), min_size=2, max_size=30))
def test_the_step_is_where_the_plain_definition_says(numbers: list[int]) -> None:
    values, n = np.array(numbers, dtype=np.float64), len(numbers)
    step = step_change(1990.0 + np.arange(n), values)
    if len(set(numbers)) == 1:
        assert step is None
        return
    ranks = stats.rankdata(values)
    u = [2 * sum(ranks[:k]) - k * (n + 1) for k in range(1, n)]
    k = max(map(abs, u))
    assert step is not None
    assert (step.k, step.time) == (k, 1990.0 + [abs(x) for x in u].index(k) + 1)
    assert step.p == pytest.approx(min(1.0, 2 * math.exp(-6 * k**2 / (n**3 + n**2))))


@QUICK
@given(st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=40))
def test_ranks_are_those_of_scipy(values: list[float]) -> None:
    assert mean_ranks(np.array(values)).tolist() == stats.rankdata(values).tolist()


def test_a_step_is_found_in_its_year_beside_a_trend() -> None:
    years = np.arange(1990.0, 2020.0)
    noise = np.random.default_rng(3).normal(0, 0.3, 30)
    stepped = -0.5 * (years - 1990) + np.where(years >= 2005, 6.0, 0.0) + noise
    step = step_change(years, stepped, -0.5)
    assert step is not None
    assert step.time == 2005.0
    assert step.p < 0.001
    trend_alone = step_change(years, -0.5 * (years - 1990) + noise, -0.5)
    assert trend_alone is not None
    assert trend_alone.p > 0.05


def test_what_is_left_of_a_straight_line_is_no_step() -> None:
    years = np.arange(1990.0, 2020.0)
    assert step_change(years, 0.1 * (years - 1990) + 100.0, 0.1) is None


@pytest.mark.parametrize("values", [[], [1.0], [NAN, 2.0, NAN], [3.0, 3.0, 3.0]])
def test_missing_single_and_constant_values_have_no_step(values: list[float]) -> None:
    assert step_change(np.arange(float(len(values))), np.array(values)) is None


@pytest.mark.parametrize(
    ("s", "p", "falling"),
    [(-37, 0.00128, 0.99936), (37, 0.00128, 0.00064), (0, 1.0, 0.5), (-1, 1.0, 0.5), (3, 0.5, 0.25)],
)
def test_confidence_of_falling(s: int, p: float, falling: float) -> None:
    assert confidence_of_falling(s, p) == pytest.approx(falling)
    assert confidence_of_improving(s, p, "falling") == pytest.approx(falling)
    assert confidence_of_improving(s, p, "rising") == pytest.approx(1 - falling)
    assert confidence_of_direction(p) == pytest.approx(max(falling, 1 - falling))


@pytest.mark.parametrize(
    ("confidence", "name"),
    [(0.0, "very likely degrading"), (0.10, "very likely degrading"), (0.11, "likely degrading"), (0.33, "likely degrading"),
     (0.5, "low confidence"), (0.67, "low confidence"), (0.68, "likely improving"), (0.90, "likely improving"),
     (0.91, "very likely improving"), (1.0, "very likely improving")],
)  # fmt: skip
def test_the_five_classes_of_improving(confidence: float, name: str) -> None:
    assert improving_class(confidence) == name
