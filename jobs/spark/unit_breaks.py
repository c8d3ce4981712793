"""Unit breaks of a run, found without Spark in the quarters' means."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from pyspark.sql import DataFrame

from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.statistics.unit_break import unit_breaks
from jobs.spark.transforms import quality


def rows(series: DataFrame) -> list[tuple[Any, ...]]:
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
