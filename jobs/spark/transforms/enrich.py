"""Joining sites and methods: one site a sample, one method a measurement, and no measurement lost or doubled."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

LAST_YEAR = 2100  # the contract's latest year: where an open interval ends
SITE_COLUMNS = ("SITE_NAME", "LATDD", "LONDD", "COUNTY", "STATE", "ECOREGION_III", "ECONAME_III", "SITE_ELEV")


def with_sites(samples: DataFrame, sites: DataFrame) -> DataFrame:
    """Left join on (SITE_ID, PROGRAM_ID): a lake can be in two programmes.

    Args:
        samples: Any frame with SITE_ID and PROGRAM_ID.
        sites: The sites table; (SITE_ID, PROGRAM_ID) is its key (the run checks the counts).

    Returns:
        All columns of `samples`, then SITE_NAME, LATDD, LONDD (deg), COUNTY, STATE, ECOREGION_III, ECONAME_III, SITE_ELEV (m),
        each null where the site is unknown, and `site_known` (boolean).
    """
    wanted = sites.select("SITE_ID", "PROGRAM_ID", *SITE_COLUMNS, F.lit(True).alias("site_known"))
    joined = samples.join(F.broadcast(wanted), ["SITE_ID", "PROGRAM_ID"], "left")
    return joined.withColumn("site_known", F.coalesce("site_known", F.lit(False)))


def method_of_year(methods: DataFrame) -> DataFrame:
    """The one method of each programme, parameter and year.

    The rule: among the intervals that contain the year the one with the latest START_YEAR, then the earliest END_YEAR (an open
    one is last), then METHOD by name (and its description, should two share a name).

    Args:
        methods: The methods table: PROGRAM_ID, PARAMETER, START_YEAR, END_YEAR (null = still in use), METHOD, METHOD_DESCRIPTION.

    Returns:
        `program_id`, `parameter`, `year` (the key), `method`, `method_description`, `method_candidates` (how many intervals
        contain the year, at least 1).
    """
    key = ["program_id", "parameter", "year"]
    years = (
        methods.withColumn("last_year", F.least("END_YEAR", F.lit(LAST_YEAR)))  # which leaves nulls out
        # sequence() would count backwards where an interval ends before it starts.
        .filter(F.col("START_YEAR") <= F.col("last_year"))
        .select(
            F.col("PROGRAM_ID").alias("program_id"),
            F.col("PARAMETER").alias("parameter"),
            F.explode(F.sequence(F.col("START_YEAR").cast("int"), F.col("last_year").cast("int"))).alias("year"),
            F.col("START_YEAR").alias("start_year"),
            F.col("END_YEAR").alias("end_year"),
            F.col("METHOD").alias("method"),
            F.col("METHOD_DESCRIPTION").alias("method_description"),
        )
    )
    order = [
        F.col("start_year").desc(),
        F.col("end_year").asc_nulls_last(),
        F.col("method").asc_nulls_last(),
        F.col("method_description").asc_nulls_last(),
    ]
    return (
        years.withColumn("method_candidates", F.count(F.lit(1)).over(Window.partitionBy(*key)).cast("int"))
        .withColumn("choice", F.row_number().over(Window.partitionBy(*key).orderBy(*order)))
        .filter(F.col("choice") == 1)
        .select(*key, "method", "method_description", "method_candidates")
    )


def with_methods(measurements: DataFrame, methods: DataFrame) -> DataFrame:
    """Left join on programme, parameter and year.

    Args:
        measurements: `program_id`, `parameter`, `year` and whatever else.
        methods: The methods table.

    Returns:
        All columns of `measurements`, then `method` and `method_description` (null when none is known) and
        `method_candidates` (0 = without method, more than 1 = ambiguous). As many rows as `measurements`.
    """
    chosen = F.broadcast(method_of_year(methods))
    joined = measurements.join(chosen, ["program_id", "parameter", "year"], "left")
    return joined.withColumn("method_candidates", F.coalesce("method_candidates", F.lit(0)))


def with_series(samples: DataFrame, series: DataFrame) -> DataFrame:
    """Say of each sample whether it is of its site's one series.

    Args:
        samples: One row per sample.
        series: Those that are, see `series_samples`; a site's samples of one location are or are not, all of them.

    Returns:
        All columns of `samples`, then `in_series` (boolean).
    """
    place = ["PROGRAM_ID", "SITE_ID", "SAMPLE_LOCATION"]
    places = series.select(*place).distinct().withColumn("in_series", F.lit(True))
    joined = samples.join(F.broadcast(places), place, "left")
    return joined.withColumn("in_series", F.coalesce("in_series", F.lit(False)))
