"""Acidity, flags and quality of a run: the frames of its tables, and what is found in them without Spark."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.statistics.unit_break import unit_breaks
from jobs.spark.transforms import acidity, method_changes, quality


def frames(marked: DataFrame, samples: DataFrame, series: DataFrame, enriched: DataFrame) -> dict[str, DataFrame]:
    """The frames of the tables that Spark computes whole.

    Args:
        marked: Member rows as `mark_superseded` leaves them.
        samples: One row per sample, with the columns of `with_balance`.
        series: The samples of the sites' series.
        enriched: The measurements and censored cells, with method and flag.

    Returns:
        Table name to frame, see publish.TABLES.
    """
    years = quality.site_years(samples)
    told = acidity.acidity_samples(series)
    runs = acidity.episodes(told)
    values = enriched.filter("value IS NOT NULL")
    as_of = F.lit(last_date(samples)).cast("date")
    return {
        "acidity_year": acidity.by_year(told),
        "acidity_site": acidity.by_site(told, runs, as_of),
        "acid_episode": runs,
        "completeness": quality.by_cell(enriched, years),
        "sample_rule": quality.by_sample_rule(samples).unionByName(quality.repeats(marked, years)),
        "distribution": quality.distributions(samples),
        "method_change": method_changes.steps(values, method_changes.changes(values)),
    }


def last_date(samples: DataFrame) -> date | None:
    """The version's last date of sampling; None without samples."""
    row = samples.agg(F.max("DATE_SMP").cast("date")).first()
    return row[0] if row else None


def unit_break_rows(series: DataFrame) -> list[tuple[Any, ...]]:
    """Find unit breaks.

    Args:
        series: The samples of the sites' series.

    Returns:
        Rows of the table unit_break: program_id, parameter, first_date, factor, sites, same_sites, sharpness.
    """
    quarters = quality.quarters(series).toArrow()
    found: list[tuple[Any, ...]] = []
    programmes = np.asarray(quarters["program_id"].to_pylist(), dtype=object)
    sites = np.asarray(quarters["site_id"].to_pylist(), dtype=object)
    numbers = quarters["quarter"].to_numpy().astype(np.int64)
    for programme in sorted(set(programmes)):
        of_programme = programmes == programme
        when = numbers[of_programme]
        row = np.unique(sites[of_programme], return_inverse=True)[1]
        span = np.arange(when.min(), when.max() + 1)
        for column in (c for c in MEASUREMENTS if c.unit != "pH"):
            values = np.full((row.max() + 1, len(span)), np.nan)
            values[row, when - when.min()] = quarters[column.parameter].to_numpy()[of_programme]
            for one in unit_breaks(span, values):
                first = date(one.quarter // 4, one.quarter % 4 * 3 + 1, 1)
                found.append((programme, column.parameter, first, one.factor, one.sites, one.same, one.sharpness))
    return found
