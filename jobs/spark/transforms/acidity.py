"""How acid the water of a site was: classes by year, change between two periods, and acid episodes. Of each site's one series."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from acidwatch.chemistry.classes import ANC_CLASSES
from jobs.spark.transforms.balance import PH
from jobs.spark.transforms.measurements import anc_class
from jobs.spark.transforms.summary import ascending, quantile

FIRST_PERIOD, LAST_PERIOD = (1990, 1994), (2016, 2020)
"""First and last five years of the default period, both ends included."""

CLASS_COUNTS = {
    "acidic": "acidic (< 0)",
    "anc_0_50": "0 to 50",
    "anc_50_100": "50 to 100",
    "anc_100_up": "100 and above",
}
ACID_PH = 5.0
"""Below it an episode is acid whatever the ANC. Source: US EPA's Episodic Response Project (Wigington et al. 1996)."""

SITE = ("program_id", "site_id")


def acidity_samples(series: DataFrame) -> DataFrame:
    """What acidity is told from.

    Args:
        series: One row per sample of the sites' series with the contract's columns.

    Returns:
        `program_id`, `site_id`, `sampled_on` (timestamp), `location`, `depth` (m), `anc` (ueq/L), `ph` (the first measured of PH_LAB,
        PH_EQ, PH_FLD, PH_STVL), `acid` (boolean: ANC < 0 or pH < 5; null where neither is there).
    """
    anc, ph = F.col("ANC_UEQ_L") + F.lit(0.0), F.coalesce(*(F.col(name) for name in PH))
    return series.select(
        F.col("PROGRAM_ID").alias("program_id"),
        F.col("SITE_ID").alias("site_id"),
        F.col("DATE_SMP").alias("sampled_on"),
        F.col("SAMPLE_LOCATION").alias("location"),
        F.col("SAMPLE_DEPTH").alias("depth"),
        anc.alias("anc"),
        ph.alias("ph"),
        F.coalesce((anc < 0.0) | (ph < ACID_PH), anc < 0.0, ph < ACID_PH).alias("acid"),
    )


def by_year(samples: DataFrame) -> DataFrame:
    """ANC classes of each year.

    Args:
        samples: See `acidity_samples`.

    Returns:
        `program_id`, `site_id`, `year` (the key), `samples`, `n` (with ANC) and of these `acidic`, `anc_0_50`, `anc_50_100`, `anc_100_up`;
        `min_anc_ueq_l`, `median_anc_ueq_l`, `min_ph`, null where there is none; `acid_samples` (ANC < 0 or pH < 5); `anc_values`
        (ascending).
    """
    named = samples.withColumn("class", anc_class(F.col("anc")))
    counts = (F.count_if(F.col("class") == name).alias(column) for column, name in CLASS_COUNTS.items())
    return named.groupBy(*SITE, F.year("sampled_on").alias("year")).agg(
        F.count(F.lit(1)).alias("samples"),
        F.count("anc").alias("n"),
        *counts,
        F.min("anc").alias("min_anc_ueq_l"),
        F.percentile("anc", F.lit(0.5)).alias("median_anc_ueq_l"),
        F.min("ph").alias("min_ph"),
        F.count_if("acid").alias("acid_samples"),
        F.sort_array(F.collect_list("anc")).alias("anc_values"),
    )


def episodes(samples: DataFrame) -> DataFrame:
    """Runs of consecutive acid samples of a site's series. A sample without ANC and pH neither ends nor prolongs a run.

    Args:
        samples: See `acidity_samples`.

    Returns:
        `program_id`, `site_id`, `episode` (the key; from 1, in the order of time), `first_date`, `last_date` (of its acid samples),
        `samples`, `min_anc_ueq_l`, `min_ph`, `ended_by` (date of the next sample, which is not acid; null where there is none yet).
    """
    # Samples of one moment: by place and value, so that the order is always the same.
    moment = ("sampled_on", "location", "depth", "anc", "ph")
    series = Window.partitionBy(*SITE).orderBy(*(F.col(name).asc_nulls_first() for name in moment))
    numbered = samples.filter(F.col("acid").isNotNull()).withColumns(
        {
            "run": F.sum((~F.col("acid")).cast("int")).over(series.rowsBetween(Window.unboundedPreceding, 0)),
            "next": F.lead("sampled_on").over(series),
        }
    )
    runs = (
        numbered.filter("acid")
        .groupBy(*SITE, "run")
        .agg(
            F.min("sampled_on").cast("date").alias("first_date"),
            F.max("sampled_on").cast("date").alias("last_date"),
            F.count(F.lit(1)).alias("samples"),
            F.min("anc").alias("min_anc_ueq_l"),
            F.min("ph").alias("min_ph"),
            F.max_by("next", F.struct(*moment)).cast("date").alias("ended_by"),
        )
    )
    number = F.row_number().over(Window.partitionBy(*SITE).orderBy("run")).alias("episode")
    return runs.select(*SITE, number, "first_date", "last_date", "samples", "min_anc_ueq_l", "min_ph", "ended_by")


def by_site(samples: DataFrame, episodes: DataFrame, as_of: Column) -> DataFrame:
    """Where a site stands, and how its class of ANC changed.

    Args:
        samples: See `acidity_samples`.
        episodes: See `episodes`.
        as_of: The version's last date of sampling (date).

    Returns:
        `program_id`, `site_id` (the key), `samples`, `first_date`, `last_date`; `first_n`, `first_median_anc_ueq_l`, `first_class` of
        the first period and the same of the last one (null without ANC), `classes_moved` (how many classes up, negative = down; null
        without both); `last_acidic_date` (ANC < 0; null where it never was), `days_since_acidic` (to `as_of`), `episodes`.
    """
    first, last = (_period_anc(period) for period in (FIRST_PERIOD, LAST_PERIOD))
    sites = samples.groupBy(*SITE).agg(
        F.count(F.lit(1)).alias("samples"),
        F.min("sampled_on").cast("date").alias("first_date"),
        F.max("sampled_on").cast("date").alias("last_date"),
        F.count(first).alias("first_n"),
        ascending(first).alias("first_anc"),
        F.count(last).alias("last_n"),
        ascending(last).alias("last_anc"),
        F.max(F.when(F.col("anc") < 0.0, F.col("sampled_on"))).cast("date").alias("last_acidic_date"),
    )
    # As PostgreSQL computes the medians of other periods, to the last digit.
    medians = {f"{period}_median_anc_ueq_l": quantile(F.col(f"{period}_anc"), 0.5) for period in ("first", "last")}
    counted = episodes.groupBy(*SITE).agg(F.count(F.lit(1)).alias("episodes"))
    return (
        sites.withColumns(medians)
        .join(counted, list(SITE), "left")
        .select(
            *SITE,
            "samples",
            "first_date",
            "last_date",
            "first_n",
            "first_median_anc_ueq_l",
            _class_or_null("first_median_anc_ueq_l").alias("first_class"),
            "last_n",
            "last_median_anc_ueq_l",
            _class_or_null("last_median_anc_ueq_l").alias("last_class"),
            (_rank("last_median_anc_ueq_l") - _rank("first_median_anc_ueq_l")).alias("classes_moved"),
            "last_acidic_date",
            F.date_diff(as_of, F.col("last_acidic_date")).alias("days_since_acidic"),
            F.coalesce("episodes", F.lit(0)).alias("episodes"),
        )
    )


def _period_anc(period: tuple[int, int]) -> Column:
    return F.when(F.year("sampled_on").between(*period), F.col("anc"))


def _class_or_null(column: str) -> Column:
    return F.when(F.col(column).isNotNull(), anc_class(F.col(column)))


def _rank(column: str) -> Column:
    """Place of a value's class, 0 = acidic; null of null."""
    place = F.lit(None)
    for rank, anc in enumerate(ANC_CLASSES):
        place = F.when(F.col(column) >= F.lit(anc.low if anc.low is not None else float("-inf")), rank).otherwise(place)
    return place
