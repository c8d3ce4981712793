"""How samples spread over programmes, water bodies, regions and ANC classes."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.spark.local import local_frame
from jobs.spark.transforms.summary import mean_of
from jobs.spark.transforms.value_counts import Place, ValueCounts, total

UNKNOWN = "unknown"
# Category, and what of a place is its value.
CATEGORIES = {"programme" if column == "program_id" else column: column for column in Place._fields}


def by_category(counts: ValueCounts) -> DataFrame:
    """Distribution of each parameter over each category.

    Returns:
        `category`, `value` (`unknown` where a sample has none), `parameter` (the key), `unit`, `samples` (of the category's value, measured
        or not), `n` (measurements), `mean`, `median` (exact), both in `unit`.
    """
    samples: Counter[tuple[str, str]] = Counter()
    for place, of_place in counts.places:
        for category in _categories(place):
            samples[category] += of_place
    numbers = {category: number for number, category in enumerate(samples)}
    spark = counts.values.sparkSession
    every = local_frame(
        spark,
        [(number, [numbers[one] for one in _categories(place)]) for number, (place, _) in enumerate(counts.places)],
        pa.schema({"place": pa.int32(), "categories": pa.list_(pa.int32())}),
    )
    names = local_frame(
        spark,
        [(numbers[category], *category, of_it) for category, of_it in samples.items()],
        pa.schema({"number": pa.int32(), "category": pa.string(), "value": pa.string(), "samples": pa.int64()}),
    )
    # Every value is in seven categories: it is counted values that become seven, and are counted once more.
    values = (
        counts.values.join(F.broadcast(every), "place")
        .select(F.explode("categories").alias("number"), "column", F.col("value").alias("measured"), "times")
        .groupBy("number", "column", "measured")
        .agg(F.sum("times").alias("times"))
    )
    groups = values.groupBy("number", "column").agg(
        F.sum("times").alias("n"),
        mean_of(F.sum(total(F.col("measured"), F.col("times"))), F.sum("times")).alias("mean"),
        F.percentile("measured", F.lit(0.5), F.col("times")).alias("median"),
    )
    return groups.join(F.broadcast(names), "number").select(
        "category",
        "value",
        counts.parameter().alias("parameter"),
        counts.unit().alias("unit"),
        "samples",
        "n",
        "mean",
        "median",
    )


def _categories(place: Place) -> list[tuple[str, str]]:
    """Each category with the place's value of it."""
    values = place._asdict()
    return [
        (category, UNKNOWN if values[column] is None else values[column]) for category, column in CATEGORIES.items()
    ]
