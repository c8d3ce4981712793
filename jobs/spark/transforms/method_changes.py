"""Where the laboratory's method changed, and whether the values stepped with it."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

WINDOW_YEARS = 3
"""Years before and after a change that are compared: long enough for a median, short enough that the water itself hardly changed."""

CHANGE = ("program_id", "parameter", "change_year", "method_before", "method_after")


def changes(measurements: DataFrame) -> DataFrame:
    """Years whose method is another than that of the year with measurements before. No method known is no method.

    Args:
        measurements: `program_id`, `parameter`, `year`, `method`.

    Returns:
        `program_id`, `parameter`, `change_year` (the key), `method_before`, `method_after` (names).
    """
    years = (
        measurements.filter(F.col("method").isNotNull()).select("program_id", "parameter", "year", "method").distinct()
    )
    before = F.lag("method").over(Window.partitionBy("program_id", "parameter").orderBy("year"))
    return (
        years.withColumn("method_before", before)
        .filter(F.col("method_before") != F.col("method"))
        .select(
            "program_id",
            "parameter",
            F.col("year").alias("change_year"),
            "method_before",
            F.col("method").alias("method_after"),
        )
    )


def steps(measurements: DataFrame, changes: DataFrame) -> DataFrame:
    """Median before and after each change, of each site's series and of each programme.

    Args:
        measurements: `program_id`, `site_id`, `parameter`, `unit`, `date_smp`, `year`, `method`, `value`, `in_series`; those not in the
            site's series are left out.
        changes: See `changes`.

    Returns:
        `program_id`, `site_id` (null = the programme's sites together), `parameter`, `change_year` (the key), `unit`, `method_before`,
        `method_after`, `last_before` and `first_after` (dates of sampling), `n_before`, `median_before`, `n_after`, `median_after` (of
        the three years on either side, with that method), `step` (after less before), all in `unit`; of a programme also `paired_sites`
        (with values on both sides) and `paired_step` (median of their steps). Series without values on both sides are left out.
    """
    key = ["program_id", "parameter"]
    near = (
        measurements.filter("in_series")
        .join(F.broadcast(changes), key)
        .filter(F.col("year").between(F.col("change_year") - WINDOW_YEARS, F.col("change_year") + (WINDOW_YEARS - 1)))
        .withColumn("after", F.col("year") >= F.col("change_year"))
        .filter(F.col("method") == F.when(F.col("after"), F.col("method_after")).otherwise(F.col("method_before")))
    )
    sites = _sides(near, (*CHANGE, "site_id", "unit"))
    programmes = _sides(near, (*CHANGE, "unit"))
    paired = sites.groupBy("program_id", "parameter", "change_year").agg(
        F.count(F.lit(1)).alias("paired_sites"), F.percentile("step", F.lit(0.5)).alias("paired_step")
    )
    together = programmes.join(paired, ["program_id", "parameter", "change_year"], "left")
    columns = (*CHANGE[:1], "site_id", *CHANGE[1:], "unit", "last_before", "first_after", "n_before", "median_before", "n_after",
               "median_after", "step", "paired_sites", "paired_step")  # fmt: skip
    return (
        sites.withColumns({"paired_sites": F.lit(None).cast("bigint"), "paired_step": F.lit(None).cast("double")})
        .select(*columns)
        .unionByName(
            together.withColumns(
                {
                    "site_id": F.lit(None).cast("string"),
                    "paired_sites": F.coalesce("paired_sites", F.lit(0)).cast("bigint"),
                }
            ).select(*columns)
        )
    )


def _sides(near: DataFrame, key: tuple[str, ...]) -> DataFrame:
    def of(after: bool, column: str) -> Column:
        return F.when(F.col("after") == F.lit(after), F.col(column))

    groups = near.groupBy(*key).agg(
        F.max(of(False, "date_smp")).cast("date").alias("last_before"),
        F.min(of(True, "date_smp")).cast("date").alias("first_after"),
        F.count(of(False, "value")).alias("n_before"),
        F.percentile(of(False, "value"), F.lit(0.5)).alias("median_before"),
        F.count(of(True, "value")).alias("n_after"),
        F.percentile(of(True, "value"), F.lit(0.5)).alias("median_after"),
    )
    both = groups.filter((F.col("n_before") > 0) & (F.col("n_after") > 0))
    return both.withColumn("step", F.col("median_after") - F.col("median_before"))
