"""How samples spread over programmes, water bodies, regions and ANC classes."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.spark.transforms.summary import PLACES, mean_of

UNKNOWN = "unknown"
# Category and the column that holds its value, in the lower case of the measurements.
CATEGORIES = {"programme" if column == "program_id" else column: column for column in PLACES}


def _values() -> Column:
    pairs = (
        F.struct(F.lit(category).alias("category"), F.coalesce(F.col(column), F.lit(UNKNOWN)).alias("value_of"))
        for category, column in CATEGORIES.items()
    )
    return F.explode(F.array(*pairs)).alias("in_category")


def category_samples(samples: DataFrame) -> DataFrame:
    """Samples of each category and value.

    Args:
        samples: One row per sample with the columns of CATEGORIES (any case).

    Returns:
        `category`, `value` (the key; `unknown` where a sample has none), `samples`.
    """
    return (
        samples.select(_values())
        .groupBy(F.col("in_category.category").alias("category"), F.col("in_category.value_of").alias("value"))
        .agg(F.count(F.lit(1)).alias("samples"))
    )


def by_category(values: DataFrame, samples: DataFrame) -> DataFrame:
    """Distribution of each parameter over each category.

    Args:
        values: See `summary.counted`.
        samples: One row per sample with the columns of CATEGORIES.

    Returns:
        `category`, `value`, `parameter` (the key), `unit`, `samples` (of the category's value, measured or not), `n`
        (measurements), `mean`, `median` (exact), both in `unit`.
    """
    # Every value is in seven categories: it is counted values that become seven.
    groups = (
        values.select("parameter", "unit", F.col("value").alias("measured"), "times", "total", _values())
        .groupBy(
            F.col("in_category.category").alias("category"),
            F.col("in_category.value_of").alias("value"),
            "parameter",
            "unit",
        )
        .agg(
            F.sum("times").alias("n"),
            mean_of(F.sum("total"), F.sum("times")).alias("mean"),
            F.percentile("measured", F.lit(0.5), F.col("times")).alias("median"),
        )
    )
    counts = F.broadcast(category_samples(samples))
    return groups.join(counts, ["category", "value"], "left").select(
        "category", "value", "parameter", "unit", "samples", "n", "mean", "median"
    )
