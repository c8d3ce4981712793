"""The tables whose rows are of one site each, and depend on its rows alone: acidity, completeness, broken rules."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.spark.transforms import acidity, quality


def frames(rows: DataFrame, samples: DataFrame, enriched: DataFrame, last_date: date | None) -> dict[str, DataFrame]:
    """The frames of these tables.

    Args:
        rows: Every row, with `superseded`; superseded ones have no site and no balance.
        samples: Those not superseded, with the columns of `with_balance` and `in_series`.
        enriched: The measurements and censored cells, with method and flag.
        last_date: The version's last date of sampling; None without samples.

    Returns:
        Table name to frame, see publish.TABLES.
    """
    years = quality.site_years(samples)
    told = acidity.acidity_samples(samples.filter("in_series"))
    episodes = acidity.episodes(told)
    return {
        "acidity_year": acidity.by_year(told),
        "acidity_site": acidity.by_site(told, episodes, F.lit(last_date).cast("date")),
        "acid_episode": episodes,
        "completeness": quality.by_cell(enriched, years),
        "sample_rule": quality.by_sample_rule(samples).unionByName(quality.repeats(rows, years)),
    }
