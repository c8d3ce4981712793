"""Annual values: a year of a parameter at a site, and the months of that year."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.spark.transforms.enrich import method_of_year
from jobs.spark.transforms.summary import ascending, exact, mean_of, quantile

KEY = ("program_id", "site_id", "parameter", "year")


def by_year(values: DataFrame, methods: DataFrame) -> DataFrame:
    """Mean and median of each year, with the means of its months.

    Args:
        values: `program_id`, `site_id`, `parameter`, `unit`, `year`, `month`, `value` (null: censored), see `series_values`.
        methods: The methods table.

    Returns:
        `program_id`, `site_id`, `parameter`, `year` (the key), `unit`, `n`, `censored` (samples, not of n), `negative` (of n: below 0),
        `mean`, `median` (null where n is 0), `months` (12 means, January first, null where a month has none), all in `unit`; `method`
        (null where none is known). Means and the median are of the n values: censored ones are in none.
    """
    # Months first: an aggregate that keeps lists makes a costly buffer for each of its columns and groups, so it has only the list.
    months = values.groupBy(*KEY, "unit", "month").agg(
        F.count("value").alias("n"),
        F.count_if(F.col("value").isNull()).alias("censored"),
        F.count_if(F.col("value") < 0).alias("negative"),
        F.sum(exact(F.col("value"))).alias("total"),
    )
    mean = mean_of(F.col("total"), F.col("n"))
    years = months.groupBy(*KEY, "unit").agg(
        F.sum("n").alias("n"),
        F.sum("censored").alias("censored"),
        F.sum("negative").alias("negative"),
        mean_of(F.sum("total"), F.sum("n")).alias("mean"),
        F.array(*(F.max(F.when(F.col("month") == month, mean)) for month in range(1, 13))).alias("months"),
    )
    lists = values.groupBy(*KEY).agg(ascending(F.col("value")).alias("ascending"))
    medians = lists.select(*KEY, quantile(F.col("ascending"), 0.5).alias("median"))
    chosen = F.broadcast(method_of_year(methods).select("program_id", "parameter", "year", "method"))
    return (
        years.join(medians, list(KEY))
        .join(chosen, ["program_id", "parameter", "year"], "left")
        .select(*KEY, "unit", "n", "censored", "negative", "mean", "median", "months", "method")
    )
