"""What is counted by value is held against what is counted by site."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from acidwatch.errors import PermanentError
from jobs.spark.counting import check_tables
from jobs.spark.publish import TABLES
from jobs.spark.site_rows import SiteRows

SITES = [
    SiteRows(programme, site, 1, 9, 0, 9, measurements, 0, ambiguous, 0, 0, date(2020, 1, 1))
    for programme, site, measurements, ambiguous in (("P", "1", 5, 2), ("P", "2", 1, 0), ("Q", "1", 4, 0))
]


def method(**of: Any) -> tuple[Any, ...]:
    return tuple(of.get(name) for name in TABLES["method"])


def category(name: str, value: str, n: int) -> tuple[Any, ...]:
    return tuple({"category": name, "value": value, "n": n}.get(column) for column in TABLES["category"])


CATEGORIES = [category("state", "Maine", 6), category("state", "unknown", 4), category("programme", "P", 10)]
METHODS = [method(program_id="P", n=4, ambiguous=1), method(program_id="P", n=2, ambiguous=1)]


def test_equal_counts_pass_also_of_some_programmes_and_of_nothing() -> None:
    check_tables(SITES, CATEGORIES, METHODS)
    check_tables(SITES, CATEGORIES, [*METHODS, method(program_id="Q", n=4, ambiguous=0)])
    check_tables([], [], [])


@pytest.mark.parametrize(
    ("categories", "methods", "said"),
    [
        (CATEGORIES, METHODS[1:], "2 measurements of P by method, 6 by site"),
        (CATEGORIES, [method(program_id="P", n=6, ambiguous=3)], "3 ambiguous of P by method, 2 by site"),
        (CATEGORIES[1:], METHODS, "4 measurements by state, 10 by site"),
    ],
)
def test_a_value_that_is_lost_or_doubled_ends_the_run(categories: Any, methods: Any, said: str) -> None:
    with pytest.raises(PermanentError, match=f"values were lost or doubled: {said}. Nothing was published"):
        check_tables(SITES, categories, methods)
