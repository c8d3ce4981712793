"""Statistics per group, the same to the last digit however the rows are spread over files and partitions.

A sum of doubles depends on their order, and Spark's order depends on timing. So means are made of sums of decimals, which are
exact (18 digits before the point and 20 behind it; 8 before it where equal values are counted first), and deviations are summed in
ascending order of the values.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DecimalType

from jobs.spark.local import local_frame
from jobs.spark.transforms.value_counts import ValueCounts, total

EXACT = DecimalType(38, 20)

SITE_KEY = ("program_id", "site_id", "parameter", "unit")
METHOD_KEY = ("program_id", "parameter", "method", "unit")
QUARTILES = {"q1": 0.25, "median": 0.5, "q3": 0.75}
STATISTICS = ("n", "mean", "stddev", "min", "q1", "median", "q3", "max", "first_date", "last_date")


def exact(value: Column) -> Column:
    """A double as the decimal that it prints as."""
    return value.cast(EXACT)


def exact_mean(decimal: Column) -> Column:
    """Mean of `exact` values that does not depend on their order (double)."""
    return mean_of(F.sum(decimal), F.count(decimal))


def mean_of(total: Column, n: Column) -> Column:
    """Mean of n `exact` values from their total (double); divided as decimals, so that equal values are their mean."""
    return (total / n).cast("double")


def ascending(value: Column) -> Column:
    """The values of a group in ascending order, an array; nulls are left out.

    Quantiles are read from it: Spark's own percentile counts the values of every group in a hash table, at ten times the memory.
    """
    return F.sort_array(F.collect_list(value))


def quantile(ascending: Column, share: float) -> Column:
    """Exact quantile of an `ascending` array, linear interpolation as pandas; null of an empty one."""
    place = (F.size(ascending) - 1) * F.lit(share)
    lower, upper = (F.get(ascending, at(place).cast("int")) for at in (F.floor, F.ceil))
    return lower + (upper - lower) * (place - F.floor(place))


def statistics(measurements: DataFrame, key: Sequence[str]) -> DataFrame:
    """The statistics of each group.

    Args:
        measurements: `value` (double, finite, not null), `date_smp` (timestamp), `method_candidates` and the key columns.
        key: Columns of the group, `unit` among them; nulls are a group of their own.

    Returns:
        The key, `n`, `mean`, `stddev` (n - 1; null when n = 1), `min`, `q1`, `median`, `q3`, `max` (quartiles exact, linear
        interpolation, as pandas), all in `unit`; `first_date`, `last_date`; `ambiguous` (measurements with several methods).
    """
    groups = measurements.groupBy(*key).agg(
        F.count("value").alias("n"),
        exact_mean(exact(F.col("value"))).alias("mean"),
        F.min("date_smp").cast("date").alias("first_date"),
        F.max("date_smp").cast("date").alias("last_date"),
        F.sum((F.col("method_candidates") > 1).cast("int")).alias("ambiguous"),
        ascending(F.col("value")).alias("ascending"),
    )
    return _described(groups, key)


def _described(groups: DataFrame, key: Sequence[str]) -> DataFrame:
    return groups.select(
        *key,
        "n",
        "mean",
        F.when(F.col("n") > 1, F.sqrt(_squared_deviations() / (F.col("n") - 1))).alias("stddev"),
        F.array_min("ascending").alias("min"),
        *(quantile(F.col("ascending"), share).alias(name) for name, share in QUARTILES.items()),
        F.array_max("ascending").alias("max"),
        "first_date",
        "last_date",
        "ambiguous",
    )


def _squared_deviations() -> Column:
    """Sum of (value - mean)^2: not n * sum(x^2) - sum(x)^2, which loses the digits that matter; in ascending order, always."""
    mean = F.col("mean")
    return F.aggregate("ascending", F.lit(0.0), lambda total, value: total + (value - mean) * (value - mean))


def by_site(measurements: DataFrame) -> DataFrame:
    """Statistics per programme, site and parameter; columns as `statistics`."""
    return statistics(measurements, SITE_KEY)


def by_method(counts: ValueCounts) -> DataFrame:
    """Statistics per programme, parameter and method (null = none known); columns as `statistics`."""
    places = [(number, place.program_id) for number, (place, _) in enumerate(counts.places)]
    schema = pa.schema({"place": pa.int32(), "program_id": pa.string()})
    programmes = local_frame(counts.values.sparkSession, places, schema)
    # Each value as often as it is there: what is read from the array is then as of single measurements, to the last digit.
    ascending_values = F.sort_array(F.collect_list(F.struct("value", F.col("times").cast("int").alias("times"))))
    groups = (
        counts.values.join(F.broadcast(programmes), "place")
        .groupBy("program_id", "column", "method_number")
        .agg(
            F.sum("times").alias("n"),
            mean_of(F.sum(total(F.col("value"), F.col("times"))), F.sum("times")).alias("mean"),
            F.min("first").cast("date").alias("first_date"),
            F.max("last").cast("date").alias("last_date"),
            F.sum("ambiguous").alias("ambiguous"),
            F.flatten(F.transform(ascending_values, lambda of: F.array_repeat(of["value"], of["times"]))).alias(
                "ascending"
            ),
        )
    )
    named = groups.withColumns({"parameter": counts.parameter(), "unit": counts.unit(), "method": counts.method()})
    return _described(named, METHOD_KEY)
