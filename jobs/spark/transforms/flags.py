"""The flag of each measured value, from the contract's tests and the site's own history."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from acidwatch.contract import flags
from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.contract.rules import MOST_CHARGE_UEQ_L
from jobs.spark.local import local_frame
from jobs.spark.transforms.balance import BALANCE_COLUMNS
from jobs.spark.transforms.measurements import unpivot
from jobs.spark.transforms.summary import ascending, quantile

SITE = ("PROGRAM_ID", "SITE_ID")
HISTORY_KEY = ("program_id", "site_id", "parameter")
FLAG_COLUMNS = ("flag", "tests_evaluated", "tests_defined", "tests_failed", "history_score")

ROW_TESTS = tuple(
    test for test in flags.CELL_TESTS if test.rule != flags.OUTLIER and not test.rule.startswith("range.")
)
BIT = {test.rule: 1 << at for at, test in enumerate(ROW_TESTS)}
"""Tests told from the row, one bit each: sets of them are numbers, which cost nothing for each of a row's values."""
PARAMETERS = [
    (
        column.parameter,
        column.name,
        *(None if bound is None else float(bound) for bound in (column.low, column.high)),
        sum(BIT[test.rule] for test in ROW_TESTS if column.name in test.columns),
        flags.TESTS_DEFINED[column.name],
    )
    for column in MEASUREMENTS
]
PARAMETERS_SCHEMA = pa.schema({"parameter": pa.string(), "column_name": pa.string(), "low": pa.float64(), "high": pa.float64(),
                               "tests": pa.int32(), "tests_defined": pa.int32()})  # fmt: skip
HARD = sum(BIT[test.rule] for test in ROW_TESTS if test.severity == "hard")


def history(samples: DataFrame) -> DataFrame:
    """Where the values of a site lie: median, and the median deviation to each side of it (two-sided MAD).

    Source: two-sided MAD, Rosenmai 2013; every sample of the site, all locations and years.

    Args:
        samples: One row per sample with the contract's columns.

    Returns:
        `program_id`, `site_id`, `parameter` (the key; every one of the contract), `median`, `below`, `above`, in the parameter's unit,
        null without a value; values equal to the median belong to both sides.
    """
    sites = samples.groupBy(*SITE).agg(*(ascending(F.col(c.name)).alias(c.name) for c in MEASUREMENTS))
    each = F.array(
        *(F.struct(F.lit(c.parameter).alias("parameter"), F.col(c.name).alias("values")) for c in MEASUREMENTS)
    )
    lines = (
        sites.select(
            F.col("PROGRAM_ID").alias("program_id"), F.col("SITE_ID").alias("site_id"), F.explode(each).alias("of")
        )
        .select("program_id", "site_id", "of.parameter", "of.values")
        .withColumn("median", quantile(F.col("values"), 0.5))
    )
    below = F.filter("values", lambda value: value <= F.col("median"))
    above = F.filter("values", lambda value: value >= F.col("median"))
    sides = lines.withColumns(
        {
            "below": F.transform(F.reverse(below), lambda value: F.col("median") - value),
            "above": F.transform(above, lambda value: value - F.col("median")),
        }
    )
    middles = (quantile(F.col(side), 0.5).alias(side) for side in ("below", "above"))
    return sides.select(*HISTORY_KEY, "median", *middles)


def flagged(samples: DataFrame, history: DataFrame) -> DataFrame:
    """One line per value or censored cell, with its flag.

    Args:
        samples: One row per sample with the contract's columns, `flags` (soft rules that the row broke when it was judged) and the
            columns of `with_balance`.
        history: See `history`.

    Returns:
        The columns of `unpivot` without BALANCE_COLUMNS, then `flag` (1, 3 or 4; 2 where the cell is censored; a missing value has no
        line), `tests_evaluated` and `tests_defined` (how many), `tests_failed` (rule ids of those that the value did not pass),
        `history_score` (how far it is from its site's median, in MADs of its side, times 0.6745; null where that MAD is 0).
    """
    tests = local_frame(samples.sparkSession, PARAMETERS, PARAMETERS_SCHEMA)
    known = samples.withColumns(
        {
            "row_broken": _bits(_broken(test.rule) for test in ROW_TESTS),
            "row_evaluated": _bits(_evaluated(test.rule) | _broken(test.rule) for test in ROW_TESTS),
        }
    )
    values = unpivot(known.drop(*BALANCE_COLUMNS))
    kept = [name for name in values.columns if name not in ("row_broken", "row_evaluated")]
    limits = history.join(F.broadcast(tests), "parameter")
    told = values.join(F.broadcast(limits), list(HISTORY_KEY)).withColumns(
        {
            "broken": F.col("row_broken").bitwiseAND(_tests_of_value()),
            "outside": (F.col("value") < F.col("low")) | (F.col("value") > F.col("high")),
            "history_score": _history_score(),
        }
    )
    return told.withColumns(_flag()).select(*kept, *FLAG_COLUMNS)


def _tests_of_value() -> Column:
    """Those of the row that are about this value: a zero of the row is the fault of the values that are 0."""
    about_a_zero = F.col("tests").bitwiseAND(BIT["zero.ion"])
    return F.when(F.col("value") != 0.0, F.col("tests") - about_a_zero).otherwise(F.col("tests"))


def _history_score() -> Column:
    """Source: Iglewicz and Hoaglin 1993, with the MAD of the value's side."""
    side = F.when(F.col("value") < F.col("median"), F.col("below")).otherwise(F.col("above"))
    return F.try_divide(F.lit(flags.OUTLIER_FACTOR) * F.abs(F.col("value") - F.col("median")), side)


def _flag() -> dict[str, Column]:
    """The flag and how it was found, from the tests of the row, the range and the history."""
    broken, outside = F.col("broken"), F.col("outside")
    outlier = F.coalesce(F.col("history_score") > flags.OUTLIER_SCORE, F.lit(False))
    there = F.col("value").isNotNull()
    passed = ~there | ((broken == 0) & ~outside & ~outlier)
    rules = F.array(
        F.when(outside, F.concat(F.lit("range."), F.col("column_name"))),
        *(F.when(broken.bitwiseAND(BIT[test.rule]) != 0, F.lit(test.rule)) for test in ROW_TESTS),
        F.when(outlier, F.lit(flags.OUTLIER)),
    )
    of_row = F.bit_count(F.col("row_evaluated").bitwiseAND(F.col("tests")))
    return {
        # The range of a value is always evaluated; of a censored cell there is nothing that could be.
        "flag": F.when(~there, F.lit(flags.NOT_EVALUATED))
        .when(outside | (broken.bitwiseAND(HARD) != 0), F.lit(flags.FAIL))
        .when(~passed, F.lit(flags.SUSPECT))
        .otherwise(F.lit(flags.GOOD)),
        "tests_evaluated": F.when(there, of_row + F.lit(1) + F.col("history_score").isNotNull().cast("int")).otherwise(
            0
        ),
        "tests_failed": F.when(passed, F.array().cast("array<string>")).otherwise(F.array_compact(rules)),
    }


def _bits(tests: Iterable[Column]) -> Column:
    return reduce(lambda a, b: a + b, (F.when(holds, F.lit(1 << at)).otherwise(0) for at, holds in enumerate(tests)))


def _broken(rule: str) -> Column:
    """Soft rules are as judged when the row came; the hard one by today's contract. Never null."""
    if rule == "balance.charge":
        return F.coalesce(F.abs(F.col("charge_ueq_l")) > F.lit(MOST_CHARGE_UEQ_L), F.lit(False))
    return F.coalesce(F.array_contains("flags", rule), F.lit(False))


def _evaluated(rule: str) -> Column:
    """Whether a test of a value that is there can be made. Never null."""
    needs = {
        "balance.charge": F.col("charge_ueq_l").isNotNull(),
        "balance.ions": F.col("ion_balance_percent").isNotNull(),
        "conductance.calculated": F.col("conductance_applies"),
        "contradiction.ph-anc": F.col("first_ph").isNotNull(),
    }
    return needs.get(rule, F.lit(True))
