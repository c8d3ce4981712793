"""The two-sided MAD."""

from __future__ import annotations

import pytest

from acidwatch.statistics.history import history_of


def test_each_side_of_the_median_has_its_own_deviation() -> None:
    history = history_of([1.0, 2.0, 3.0, 10.0, 40.0])
    assert (history.median, history.below, history.above) == (3.0, 1.0, 7.0)
    assert history.score(0.0) == pytest.approx(0.6745 * 3.0)
    assert history.score(17.0) == pytest.approx(0.6745 * 2.0)


def test_there_is_no_score_where_a_side_does_not_vary() -> None:
    history = history_of([5.0, 5.0, 5.0, 9.0])
    assert history.score(4.0) is None
    assert history.score(100.0) is None
