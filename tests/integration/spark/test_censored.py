"""Cells beyond a limit: lines of their own, counted, and in no figure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from acidwatch.contract import flags as contract
from jobs.spark.schemas import METHODS_TABLE
from jobs.spark.transforms import acidity, flags, quality
from jobs.spark.transforms.annual import by_year
from jobs.spark.transforms.balance import with_balance
from jobs.spark.transforms.censored import censored_columns
from jobs.spark.transforms.series import series_values
from tests.integration.spark.makers import frame, sample

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]


def said(column: str, qualifier: str | None, limit: float | None, text: str | None) -> tuple[Any, ...]:
    """A remark as it stands in clean/."""
    return (column, qualifier, limit, text, "see page 3")


IONS = {"CA_UEQ_L": 90.0, "MG_UEQ_L": 40.0, "NA_UEQ_L": 60.0, "SO4_UEQ_L": 80.0, "NO3_UEQ_L": 10.0, "CL_UEQ_L": 40.0}
ROWS = [
    sample(DATE_SMP=datetime(2012, 5, 1), K_UEQ_L=0.0, CA_UEQ_L=90.0, flags=["zero.ion"], remarks=[said("SO4_UEQ_L", "<", 0.5, "<0.5")]),
    sample(DATE_SMP=datetime(2012, 6, 1), SO4_UEQ_L=8.0, remarks=[said("SO4_UEQ_L", "J", None, "8 J"), said("NO3_UEQ_L", "<", None, "ND")]),
    sample(DATE_SMP=datetime(2012, 7, 1), SO4_UEQ_L=4.0, ANC_UEQ_L=-5.0, remarks=[said("SO4_UEQ_L", None, None, None)]),
    sample(DATE_SMP=datetime(2012, 8, 1), remarks=[said("ANC_UEQ_L", ">", 500.0, ">500")]),
    sample(DATE_SMP=datetime(2013, 5, 1), **IONS, remarks=[said("K_UEQ_L", "<", 1.0, "<1")]),
    sample(DATE_SMP=datetime(2013, 6, 1), remarks=None),
]  # fmt: skip


@pytest.fixture(scope="module")
def samples(spark: SparkSession) -> DataFrame:
    return with_balance(frame(spark, ROWS)).cache()


@pytest.fixture(scope="module")
def cells(samples: DataFrame) -> DataFrame:
    return flags.flagged(samples, flags.history(samples)).cache()


@pytest.fixture(scope="module")
def lines(cells: DataFrame) -> dict[tuple[str, int, int], Row]:
    """By parameter, year and month."""
    return {(line.parameter, line.year, line.date_smp.month): line for line in cells.collect()}


def test_a_censored_cell_is_a_line_without_a_value_but_with_what_the_laboratory_wrote(
    lines: dict[tuple[str, int, int], Row],
) -> None:
    found = {
        key: (line.value, line.qualifier, line.value_limit, line.text)
        for key, line in lines.items()
        if line.qualifier is not None
    }
    assert found == {
        ("SO4", 2012, 5): (None, "<", 0.5, "<0.5"),
        ("SO4", 2012, 6): (8.0, "J", None, "8 J"),
        ("NO3", 2012, 6): (None, "<", None, "ND"),
        ("ANC", 2012, 8): (None, ">", 500.0, ">500"),
        ("K", 2013, 5): (None, "<", 1.0, "<1"),
    }
    assert ("SO4", 2012, 7) in lines, "a comment alone qualifies nothing"
    assert len(lines) == 5 + 4 + len(IONS), "those, four measured values in 2012, and the ions of 2013"


def test_no_test_can_be_made_of_a_censored_cell_whatever_its_row_broke(lines: dict[tuple[str, int, int], Row]) -> None:
    for key in (("SO4", 2012, 5), ("ANC", 2012, 8), ("K", 2013, 5)):
        line = lines[key]
        assert (line.flag, line.tests_evaluated, line.tests_failed, line.history_score) == (
            contract.NOT_EVALUATED, 0, [], None)  # fmt: skip
        assert line.tests_defined > 0
    assert lines["K", 2012, 5].tests_failed == ["zero.ion"]
    assert lines["SO4", 2012, 6].flag == contract.GOOD, "an estimated value is a value"


def test_a_censored_cell_is_neither_a_value_nor_missing(samples: DataFrame, cells: DataFrame) -> None:
    found = {(row.parameter, row.year): row for row in quality.by_cell(cells, quality.site_years(samples)).collect()}
    counts = ("samples", "n", "censored", "missing", "good", "not_evaluated", "tests_defined")
    so4, nothing = found["SO4", 2012], found["DOC", 2012]
    assert [so4[name] for name in counts] == [4, 2, 1, 1, 2, 1, 2 * contract.TESTS_DEFINED["SO4_UEQ_L"]]
    assert [nothing[name] for name in counts] == [4, 0, 0, 4, 0, 0, 0]
    named = [row.names for row in samples.select(censored_columns().alias("names")).collect()]
    assert sorted(named) == [[], [], ["ANC_UEQ_L"], ["K_UEQ_L"], ["NO3_UEQ_L"], ["SO4_UEQ_L"]]


def test_a_year_counts_its_censored_samples_beside_the_values_that_its_mean_is_of(
    spark: SparkSession, samples: DataFrame
) -> None:
    methods = spark.createDataFrame([], METHODS_TABLE)
    found = {(row.parameter, row.year): row for row in by_year(series_values(samples), methods).collect()}
    so4, no3 = found["SO4", 2012], found["NO3", 2012]
    assert (so4.n, so4.censored, so4["mean"], so4.median, so4.months[4], so4.months[5]) == (2, 1, 6.0, 6.0, None, 8.0)
    assert (no3.n, no3.censored, no3.negative, no3["mean"], no3.median, set(no3.months)) == (
        0,
        1,
        0,
        None,
        None,
        {None},
    )
    # Of what potassium is a part of nothing else is missing in 2013; in 2012 more is.
    derived = {key: (row.n, row.censored) for key, row in found.items() if key[0] in ("BC", "ANC_CALC", "CA_MG")}
    assert derived == {("BC", 2013): (0, 1), ("ANC_CALC", 2013): (0, 1), ("CA_MG", 2013): (1, 0)}


def test_a_censored_anc_is_in_no_class(samples: DataFrame) -> None:
    row = next(row for row in acidity.by_year(acidity.acidity_samples(samples)).collect() if row.year == 2012)
    assert (row.samples, row.n, row.acidic, row.anc_100_up, row.anc_values) == (4, 1, 1, 0, [-5.0])
