"""One series a site: which samples speak for it over the years, and the values that trends are made of."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.contract.parameters import DERIVED, Derived
from jobs.spark.transforms.censored import censored_columns

DEEP, INLET = "HYPO", "IN"
SITE = ("PROGRAM_ID", "SITE_ID")
DERIVED_DIGITS = 10  # behind the point


def series_samples(samples: DataFrame) -> DataFrame:
    """The samples of each site's one series.

    Deep water is left out; surface and outlet are one series. At a site that has inlet samples the location with most years stands
    alone (then the one with most samples, then by name).

    Args:
        samples: One row per sample: PROGRAM_ID, SITE_ID, SAMPLE_LOCATION, DATE_SMP and whatever else.

    Returns:
        The rows that count, columns as they were.
    """
    shallow = samples.filter(F.col("SAMPLE_LOCATION") != DEEP)
    locations = shallow.groupBy(*SITE, "SAMPLE_LOCATION").agg(
        F.countDistinct(F.year("DATE_SMP")).alias("years"), F.count(F.lit(1)).alias("samples")
    )
    site = Window.partitionBy(*SITE)
    order = site.orderBy(F.col("years").desc(), F.col("samples").desc(), F.col("SAMPLE_LOCATION"))
    chosen = (
        locations.withColumn("has_inlet", F.max(F.col("SAMPLE_LOCATION") == INLET).over(site))
        .withColumn("choice", F.row_number().over(order))
        .filter(~F.col("has_inlet") | (F.col("choice") == 1))
        .select(*SITE, "SAMPLE_LOCATION")
    )
    return shallow.join(F.broadcast(chosen), [*SITE, "SAMPLE_LOCATION"], "left_semi")


def series_values(samples: DataFrame) -> DataFrame:
    """One line per value of a series, measured or derived, and per censored one.

    Args:
        samples: One row per sample with the contract's columns and `remarks`, see `series_samples`.

    Returns:
        `program_id`, `site_id`, `parameter`, `unit`, `year`, `month` (integers), `value` (double, in `unit`; null where it is censored: a
        measured one beyond a limit, a derived one for want of such values alone).
    """
    measured = [
        (column.parameter, column.unit, F.col(column.name), _is_censored(column.name)) for column in MEASUREMENTS
    ]
    derived = [(one.parameter, one.unit, _derive(one), _lacks_censored_only(one)) for one in DERIVED]
    values = F.array(
        *(
            F.struct(
                F.lit(name).alias("parameter"),
                F.lit(unit).alias("unit"),
                (value + F.lit(0.0)).alias("value"),
                censored.alias("censored"),
            )
            for name, unit, value, censored in (*measured, *derived)
        )
    )
    return (
        samples.withColumn("censored_columns", censored_columns())
        .select(
            F.col("PROGRAM_ID").alias("program_id"),
            F.col("SITE_ID").alias("site_id"),
            F.year("DATE_SMP").alias("year"),
            F.month("DATE_SMP").alias("month"),
            F.explode(values).alias("of"),
        )
        .filter(F.col("of.value").isNotNull() | F.col("of.censored"))
        .select("program_id", "site_id", "of.parameter", "of.unit", "year", "month", "of.value")
    )


def _is_censored(column_name: str) -> Column:
    return F.array_contains("censored_columns", column_name)


def _lacks_censored_only(derived: Derived) -> Column:
    """Whether a derived value would be there but for censored terms."""
    names = [name for name, _ in derived.terms]
    there = reduce(lambda a, b: a & b, (F.col(name).isNotNull() | _is_censored(name) for name in names))
    return there & reduce(lambda a, b: a | b, map(_is_censored, names))


def _derive(derived: Derived) -> Column:
    """Rounded far below what was measured: without the noise of binary fractions, which would part values that are equal."""
    terms = [F.lit(factor) * F.col(name) for name, factor in derived.terms]
    terms += [F.lit(factor) * F.coalesce(F.col(name), F.lit(0.0)) for name, factor in derived.optional]
    return F.round(reduce(lambda total, term: total + term, terms), DERIVED_DIGITS)
