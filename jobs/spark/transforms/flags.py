"""The flag of each measured value, from the contract's tests and the site's own history."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from acidwatch.contract import columns, flags
from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.contract.rules import MOST_CHARGE_UEQ_L
from jobs.spark.transforms.balance import BALANCE_COLUMNS
from jobs.spark.transforms.measurements import unpivot

SITE = ("PROGRAM_ID", "SITE_ID")
FLAG_COLUMNS = ("flag", "tests_evaluated", "tests_defined", "tests_failed", "history_score")

ROW_TESTS = tuple(
    test for test in flags.CELL_TESTS if test.rule != flags.OUTLIER and not test.rule.startswith("range.")
)
BIT = {test.rule: 1 << at for at, test in enumerate(ROW_TESTS)}
"""Tests told from the row, one bit each: sets of them are numbers, which cost nothing for each of a row's values."""
HARD = sum(BIT[test.rule] for test in ROW_TESTS if test.severity == "hard")


def history(samples: DataFrame) -> DataFrame:
    """Where the values of a site lie: median, and the median deviation to each side of it (two-sided MAD).

    Source: two-sided MAD, Rosenmai 2013; every sample of the site, all locations and years.

    Args:
        samples: One row per sample with the contract's columns.

    Returns:
        `PROGRAM_ID`, `SITE_ID` (the key), `history`: for each column of a measurement `median`, `below`, `above`, all in its unit; values
        equal to the median belong to both sides. Null of a column without values.
    """
    ascending = (F.sort_array(F.collect_list(column.name)).alias(column.name) for column in MEASUREMENTS)
    sites = samples.groupBy(*SITE).agg(*ascending)
    medians = (
        F.struct(_middle(F.col(c.name)).alias("median"), F.col(c.name).alias("values")).alias(c.name)
        for c in MEASUREMENTS
    )
    sides = (_sides(F.col(column.name)).alias(column.name) for column in MEASUREMENTS)
    return sites.select(*SITE, *medians).select(*SITE, F.struct(*sides).alias("history"))


def _sides(column: Column) -> Column:
    median, values = column["median"], column["values"]
    below = F.filter(values, lambda value: value <= median)
    above = F.filter(values, lambda value: value >= median)
    return F.struct(
        median.alias("median"),
        _middle(F.transform(F.reverse(below), lambda value: median - value)).alias("below"),
        _middle(F.transform(above, lambda value: value - median)).alias("above"),
    )


def _middle(ascending: Column) -> Column:
    """Median of a sorted array, null of an empty one."""
    size = F.size(ascending)
    lower, upper = (F.get(ascending, F.floor(at / 2).cast("int")) for at in (size - 1, size))
    return (lower + upper) / 2


def flagged(samples: DataFrame, history: DataFrame) -> DataFrame:
    """One line per value, with its flag.

    Args:
        samples: One row per sample with the contract's columns, `flags` (soft rules that the row broke when it was judged) and the
            columns of `with_balance`.
        history: See `history`.

    Returns:
        The columns of `unpivot` without BALANCE_COLUMNS, then `flag` (1, 2, 3 or 4; a missing value has no line), `tests_evaluated` and
        `tests_defined` (how many), `tests_failed` (rule ids of those that the value did not pass), `history_score` (how far it is from
        its site's median, in MADs of its side, times 0.6745; null where that MAD is 0).
    """
    known = samples.join(F.broadcast(history), list(SITE), "left").withColumns(
        {
            "row_broken": _bits(_broken(test.rule) for test in ROW_TESTS),
            "row_evaluated": _bits(_evaluated(test.rule) | _broken(test.rule) for test in ROW_TESTS),
        }
    )
    values = unpivot(known.drop(*BALANCE_COLUMNS), beside=_beside)
    outlier = F.coalesce(F.col("history_score") > flags.OUTLIER_SCORE, F.lit(False))
    broken, outside = F.col("broken"), F.col("outside")
    rules = F.array(
        F.when(outside, F.col("range_rule")),
        *(F.when(broken.bitwiseAND(BIT[test.rule]) != 0, F.lit(test.rule)) for test in ROW_TESTS),
        F.when(outlier, F.lit(flags.OUTLIER)),
    )
    passed = (broken == 0) & ~outside & ~outlier
    evaluated = F.col("tests_evaluated") + F.col("history_score").isNotNull().cast("int")
    told = {
        "flag": F.when(outside | (broken.bitwiseAND(HARD) != 0), F.lit(flags.FAIL))
        .when(~passed, F.lit(flags.SUSPECT))
        .when(evaluated > 0, F.lit(flags.GOOD))
        .otherwise(F.lit(flags.NOT_EVALUATED)),
        "tests_failed": F.when(passed, F.array().cast("array<string>")).otherwise(F.array_compact(rules)),
        "tests_evaluated": evaluated,
    }
    not_kept = ("history", "row_broken", "row_evaluated", "broken", "outside", "range_rule", *FLAG_COLUMNS)
    kept = [name for name in values.columns if name not in not_kept]
    return values.withColumns(told).select(*kept, *FLAG_COLUMNS)


def _beside(column: columns.Column) -> dict[str, Column]:
    """What is told of a value from its own row: every test but that of the history, of which the score is told."""
    mine = sum(BIT[test.rule] for test in ROW_TESTS if column.name in test.columns)
    not_zero = F.col(column.name) != 0.0
    zero = BIT["zero.ion"]
    of_value = F.when(not_zero, F.lit(mine & ~zero)).otherwise(F.lit(mine)) if mine & zero else F.lit(mine)
    value, site = F.col(column.name), F.col("history")[column.name]
    side = F.when(value < site["median"], site["below"]).otherwise(site["above"])
    return {
        "tests_defined": F.lit(flags.TESTS_DEFINED[column.name]),
        "tests_evaluated": F.bit_count(F.col("row_evaluated").bitwiseAND(mine)) + F.lit(1),  # and the range, always
        "broken": F.col("row_broken").bitwiseAND(of_value),
        "outside": (value < F.lit(column.low)) | (value > F.lit(column.high)),
        "range_rule": F.lit(f"range.{column.name}"),
        # Source: Iglewicz and Hoaglin 1993, with the MAD of the value's side.
        "history_score": F.try_divide(F.lit(flags.OUTLIER_FACTOR) * F.abs(value - site["median"]), side),
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
