"""Annual values: a year of a parameter at a site, and the months of that year."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.spark.transforms.enrich import method_of_year
from jobs.spark.transforms.summary import ascending, exact, exact_mean, quantile

KEY = ("program_id", "site_id", "parameter", "year")


def by_year(values: DataFrame, methods: DataFrame) -> DataFrame:
    """Mean and median of each year, with the means of its months.

    Args:
        values: `program_id`, `site_id`, `parameter`, `unit`, `year`, `month`, `value`, see `series_values`.
        methods: The methods table.

    Returns:
        `program_id`, `site_id`, `parameter`, `year` (the key), `unit`, `n`, `negative` (of n: below 0), `mean`, `median`, `months`
        (12 means, January first, null where a month has none), all in `unit`; `method` (null where none is known).
    """
    measured = values.withColumn("decimal", exact(F.col("value")))
    months = (exact_mean(F.when(F.col("month") == month, F.col("decimal"))) for month in range(1, 13))
    years = measured.groupBy(*KEY, "unit").agg(
        F.count("value").alias("n"),
        F.sum((F.col("value") < 0).cast("int")).alias("negative"),
        exact_mean(F.col("decimal")).alias("mean"),
        ascending(F.col("value")).alias("ascending"),
        F.array(*months).alias("months"),
    )
    chosen = F.broadcast(method_of_year(methods).select("program_id", "parameter", "year", "method"))
    return years.join(chosen, ["program_id", "parameter", "year"], "left").select(
        *KEY, "unit", "n", "negative", "mean", quantile(F.col("ascending"), 0.5).alias("median"), "months", "method"
    )
