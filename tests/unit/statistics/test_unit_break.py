"""Unit breaks: what looks like another unit, and what only looks like weather."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from acidwatch.statistics.unit_break import LEAST_FACTOR, UnitBreak, unit_breaks

NAN = float("nan")
QUARTERS = np.arange(4 * 1990, 4 * 2000)
Array = NDArray[np.float64]


def programme(sites: int = 12, seed: int = 1, spread: float = 0.15) -> Array:
    """Levels of their own, seasons in common, noise."""
    random = np.random.default_rng(seed)
    level = random.uniform(2, 9, (sites, 1))
    season = 1 + 0.2 * np.sin(2 * np.pi * QUARTERS / 4)
    return np.asarray(level * season * np.exp(random.normal(0, spread, (sites, len(QUARTERS)))), dtype=np.float64)


def found(values: Array) -> list[UnitBreak]:
    return unit_breaks(QUARTERS, values)


@pytest.mark.parametrize("factor", [1000 / 60.08, 60.08 / 1000, 10.0, 0.001])
@pytest.mark.parametrize("at", [9, 20, 31])
def test_another_unit_is_found_in_its_quarter_with_its_factor(factor: float, at: int) -> None:
    values = programme()
    values[:, at:] *= factor
    (one,) = found(values)
    assert one.quarter == QUARTERS[at]
    assert one.factor == pytest.approx(factor, rel=0.2)
    assert (one.sites, one.same) == (12, 12)


def test_there_and_back_again_are_two_breaks() -> None:
    values = programme()
    values[:, 12:28] *= 16.64
    assert [one.quarter for one in found(values)] == [QUARTERS[12], QUARTERS[28]]


def test_water_alone_has_none() -> None:
    for seed in range(20):
        assert found(programme(seed=seed, spread=0.4)) == []


def test_a_slow_change_of_the_same_size_is_none() -> None:
    assert found(programme() * 20 ** np.linspace(0, 1, len(QUARTERS))) == []


def test_a_step_below_the_least_factor_is_none() -> None:
    values = programme(spread=0.02)
    values[:, 20:] *= LEAST_FACTOR * 0.8
    assert found(values) == []


def test_a_step_at_a_few_sites_is_theirs_and_no_unit() -> None:
    values = programme()
    values[:7, 20:] *= 16.64
    assert found(values) == []


def test_one_site_of_another_kind_hides_nothing() -> None:
    values = programme()
    values[1:, 20:] *= 16.64
    (one,) = found(values)
    assert (one.sites, one.same) == (12, 11)


def test_different_steps_at_each_site_are_no_unit() -> None:
    values = programme()
    values[:, 20:] *= np.geomspace(6, 600, 12)[:, None]
    assert found(values) == []


def test_sites_that_began_or_ended_with_the_step_do_not_count() -> None:
    values = programme(sites=6)
    values[:, 20:] *= 16.64
    values[3:, :20] = NAN
    (one,) = found(values)
    assert one.sites == 3
    values[2, 20:] = NAN
    assert found(values) == []


def test_gaps_zeros_and_negative_values_are_left_out() -> None:
    values = programme()
    values[:, 20:] *= 16.64
    values[:, ::3] = NAN
    values[2, 5], values[3, 25] = 0.0, -1.0
    assert [one.quarter for one in found(values)] == [QUARTERS[20]]


@pytest.mark.parametrize(
    "values", [np.full((5, len(QUARTERS)), NAN), np.full((5, len(QUARTERS)), 3.0), np.empty((0, len(QUARTERS)))]
)
def test_nothing_and_constant_values_have_none(values: Array) -> None:
    assert found(values) == []


def test_a_constant_that_becomes_another_constant_is_as_sharp_as_can_be() -> None:
    values = np.full((5, len(QUARTERS)), 3.0)
    values[:, 20:] = 50.0
    (one,) = found(values)
    assert (one.quarter, one.sharpness) == (QUARTERS[20], float("inf"))
