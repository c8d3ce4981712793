"""Where the laboratory's method changed, and whether the values stepped with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from acidwatch.contract.columns import MEASUREMENTS
from jobs.spark.local import local_frame
from jobs.spark.transforms import measurements
from jobs.spark.transforms.methods import MethodsOfYears

WINDOW_YEARS = 3
"""Years before and after a change that are compared: long enough for a median, short enough that the water itself hardly changed."""


_TEXT, _NUMBER = pa.string(), pa.int32()
_WINDOWS = pa.schema(
    {"change": _NUMBER, "of_programme": _TEXT, "of_year": _NUMBER, "column": _NUMBER, "after": pa.bool_()}
)
_NAMED = pa.schema({"change": _NUMBER, "program_id": _TEXT, "parameter": _TEXT, "unit": _TEXT, "change_year": _NUMBER,
                    "method_before": _TEXT, "method_after": _TEXT})  # fmt: skip


class Change(NamedTuple):
    """A year whose method is another than that of the year with measurements before.

    Attributes:
        column: Number in MEASUREMENTS.
        before, after: Names of the methods.
    """

    program_id: str
    column: int
    year: int
    before: str
    after: str


def changes(measured: Iterable[tuple[str, int, int]], methods: Mapping[tuple[str, int, int], str]) -> list[Change]:
    """Where methods change. No method known is no method.

    Args:
        measured: Programmes, columns and years that have measurements.
        methods: Name of the one method of a programme, column and year.
    """
    years: dict[tuple[str, int], list[int]] = {}
    for programme, column, year in sorted(measured):
        if (programme, column, year) in methods:
            years.setdefault((programme, column), []).append(year)
    return [
        Change(*key, year, methods[*key, before], methods[*key, year])
        for key, of_key in years.items()
        for before, year in pairwise(of_key)
        if methods[*key, before] != methods[*key, year]
    ]


def steps(samples: DataFrame, methods: MethodsOfYears) -> DataFrame:
    """Median before and after each change, of each site's series and of each programme.

    Args:
        samples: One row per sample with the contract's columns and `in_series`; in the medians are those in the site's series.
        methods: See `methods_of_years`.

    Returns:
        `program_id`, `site_id` (null = the programme's sites together), `parameter`, `change_year` (the key), `unit`, `method_before`,
        `method_after`, `last_before` and `first_after` (dates of sampling), `n_before`, `median_before`, `n_after`, `median_after` (of
        the three years on either side, with that method), `step` (after less before), all in `unit`; of a programme also `paired_sites`
        (with values on both sides) and `paired_step` (median of their steps). Series without values on both sides are left out.
    """
    spark = samples.sparkSession
    names = {key: one.name for key, one in methods.items() if one.name is not None}
    found = list(enumerate(changes(_measured(samples), names)))
    windows = local_frame(
        spark,
        [
            (number, change.program_id, year, change.column, year >= change.year)
            for number, change in found
            for year in range(change.year - WINDOW_YEARS, change.year + WINDOW_YEARS)
            if names.get((change.program_id, change.column, year))
            == (change.after if year >= change.year else change.before)
        ],
        _WINDOWS,
    )
    inside = (F.col("PROGRAM_ID") == F.col("of_programme")) & (F.year("DATE_SMP") == F.col("of_year"))
    near = (
        samples.filter("in_series")
        .select("PROGRAM_ID", F.col("SITE_ID").alias("site_id"), "DATE_SMP", measurements.values().alias("values"))
        .join(F.broadcast(windows), inside)
        .select("change", "after", "site_id", "DATE_SMP", F.get("values", F.col("column")).alias("value"))
        .filter(F.col("value").isNotNull())
    )
    sites, programmes = _sides(near, ("change", "site_id")), _sides(near, ("change",))
    paired = sites.groupBy("change").agg(
        F.count(F.lit(1)).alias("paired_sites"), F.percentile("step", F.lit(0.5)).alias("paired_step")
    )
    together = programmes.join(paired, "change", "left").withColumns(
        {"site_id": F.lit(None).cast("string"), "paired_sites": F.coalesce("paired_sites", F.lit(0)).cast("bigint")}
    )
    alone = sites.withColumns({"paired_sites": F.lit(None).cast("bigint"), "paired_step": F.lit(None).cast("double")})
    columns = [(MEASUREMENTS[one.column].parameter, MEASUREMENTS[one.column].unit) for _, one in found]
    named = local_frame(
        spark,
        [
            (number, one.program_id, *column, one.year, one.before, one.after)
            for (number, one), column in zip(found, columns, strict=True)
        ],
        _NAMED,
    )
    return together.unionByName(alone).join(F.broadcast(named), "change").drop("change")


def _measured(samples: DataFrame) -> list[tuple[str, int, int]]:
    """Programmes, columns and years that have measurements."""
    years = samples.groupBy("PROGRAM_ID", F.year("DATE_SMP")).agg(*(F.count(column.name) for column in MEASUREMENTS))
    return [
        (programme, column, year)
        for programme, year, *counts in years.collect()
        for column, n in enumerate(counts)
        if n
    ]


def _sides(near: DataFrame, key: tuple[str, ...]) -> DataFrame:
    def of(after: bool, column: str) -> Column:
        return F.when(F.col("after") == F.lit(after), F.col(column))

    groups = near.groupBy(*key).agg(
        F.max(of(False, "DATE_SMP")).cast("date").alias("last_before"),
        F.min(of(True, "DATE_SMP")).cast("date").alias("first_after"),
        F.count(of(False, "value")).alias("n_before"),
        F.percentile(of(False, "value"), F.lit(0.5)).alias("median_before"),
        F.count(of(True, "value")).alias("n_after"),
        F.percentile(of(True, "value"), F.lit(0.5)).alias("median_after"),
    )
    both = groups.filter((F.col("n_before") > 0) & (F.col("n_after") > 0))
    return both.withColumn("step", F.col("median_after") - F.col("median_before"))
