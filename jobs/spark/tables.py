"""From the frames of a run to the rows of its tables: of the sites that it computes, and of the others where a table is of many."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from jobs.spark import of_sites, publish, trends, unit_breaks
from jobs.spark.incremental import Standing
from jobs.spark.transforms import annual, category, method_changes, quality, series, summary

log = logging.getLogger("acidwatch.jobs.metrics")

Tables = dict[str, Sequence[Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class Frames:
    """What the tables are made of.

    Attributes:
        rows: Of the sites that are computed, superseded ones too.
        samples, written: Their samples and measurements.
        standing: The sites that are not; None: there are none.
        programmes: Of those that are, and of what they were in the earlier run: only in these has anything changed.
    """

    rows: DataFrame
    samples: DataFrame
    written: DataFrame
    standing: Standing | None
    programmes: frozenset[str]

    def tables(self, methods: DataFrame, last_date: date | None) -> Tables:
        """Rows of the tables that need no trend.

        Args:
            methods: The methods table.
            last_date: Of sampling, in the whole version.
        """
        # Two at a time: while Spark plans one table on one core, the other core computes another.
        with ThreadPoolExecutor(2) as pool:
            frames = self._frames(methods, last_date)
            tables: Tables = dict(zip(frames, pool.map(_rows, frames, frames.values()), strict=True))
        tables["unit_break"] = unit_breaks.rows(self._samples_of_programmes().filter("in_series"))
        return tables

    def _samples_of_programmes(self) -> DataFrame:
        return _together(self.samples, self.standing.samples(self.programmes) if self.standing else None)

    def _frames(self, methods: DataFrame, last_date: date | None) -> dict[str, DataFrame]:
        values = self.written.filter("value IS NOT NULL")
        values_of_programmes, all_values, all_samples = values, values, self.samples
        distributions = quality.distributions(self.samples)
        if self.standing is not None:
            schema = self.written.schema
            values_of_programmes = _together(values, self.standing.values(schema, self.programmes))
            all_values = _together(values, self.standing.values(schema))
            all_samples = _together(self.samples, self.standing.samples())
            of_programmes = quality.distributions(self._samples_of_programmes(), ["programme"])
            distributions = quality.distributions(self.samples, ["site"]).unionByName(of_programmes)
        counted = summary.counted(all_values).persist(StorageLevel.MEMORY_AND_DISK)
        years = annual.by_year(series.series_values(self.samples.filter("in_series")), methods)
        return {
            "site": summary.by_site(values),
            "method": summary.by_method(self._of_programmes(counted)),
            "category": category.by_category(counted, all_samples),
            "annual": years,
            "distribution": distributions,
            "method_change": method_changes.steps(values_of_programmes, method_changes.changes(values_of_programmes)),
            **of_sites.frames(self.rows, self.samples, self.written, last_date),
        }

    def _of_programmes(self, rows: DataFrame) -> DataFrame:
        if self.standing is None:
            return rows
        return rows.filter(F.col("program_id").isin(sorted(self.programmes)))


def _together(own: DataFrame, other: DataFrame | None) -> DataFrame:
    return own if other is None else own.unionByName(other.select(*own.columns))


def _rows(name: str, frame: DataFrame) -> Sequence[Sequence[Any]]:
    rows = [tuple(row) for row in frame.select(*publish.TABLES[name]).collect()]
    log.info("%s: %d rows", name, len(rows))
    return sorted(rows, key=lambda row: [(value is not None, str(value)) for value in row[:4]])


def trend_tables(
    years: Sequence[Sequence[Any]],
    standing: Sequence[Sequence[Any]],
    regions: Mapping[trends.Site, str | None],
    kept: publish.Kept | None,
) -> Tables:
    """Trends are computed here, without Spark: the annual values are few, and `metrics trend --from` uses the same code.

    Args:
        years: Rows of `annual` that were computed.
        standing: Those of an earlier run that are in a region with one of them.
        kept: None: all regions are computed, otherwise those that it does not keep.
    """
    annual_rows, others = (
        [dict(zip(publish.TABLES["annual"], row, strict=True)) for row in rows] for rows in (years, standing)
    )
    found = trends.trend_tables(annual_rows, regions, others)
    if kept is not None:
        found["region"] = [row for row in found["region"] if row["region"] in kept.regions]
    log.info("trend: %d rows, region: %d rows", len(found["trend"]), len(found["region"]))
    return {
        name: [tuple(row[column] for column in publish.TABLES[name]) for row in rows] for name, rows in found.items()
    }
