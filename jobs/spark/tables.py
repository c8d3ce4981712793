"""From the frames of a run to the rows of its tables: of the sites that it computes, and of the others where a table is of many."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from pyspark.sql import DataFrame
from pyspark.storagelevel import StorageLevel

from jobs.spark import of_sites, publish, trends, unit_breaks
from jobs.spark.collected import CollectedRows
from jobs.spark.incremental import Standing
from jobs.spark.transforms import annual, category, method_changes, quality, series, summary
from jobs.spark.transforms.enrich import LAST_YEAR
from jobs.spark.transforms.methods import methods_of_years
from jobs.spark.transforms.value_counts import count_values

log = logging.getLogger("acidwatch.jobs.metrics")


class Rows(Protocol):
    """Rows of a table, which can be looked at several times."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Sequence[Any]]: ...


Tables = dict[str, Rows]


@dataclass(frozen=True, slots=True)
class Frames:
    """What the tables are made of.

    Attributes:
        rows: Of the sites that are computed, superseded ones too.
        samples, written: Their samples and measurements.
        standing: The sites that are not; None: there are none.
        programmes: Where something has changed since the earlier run; of no meaning without one.
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
        tables["unit_break"] = unit_breaks.rows(self._samples(self.programmes).filter("in_series"))
        return tables

    def _frames(self, methods: DataFrame, last_date: date | None) -> dict[str, DataFrame]:
        of_years = methods_of_years(methods, last_date.year if last_date else LAST_YEAR)
        counts = count_values(self._samples(), of_years)
        counts.values.persist(StorageLevel.MEMORY_AND_DISK)
        return {
            "site": summary.by_site(self.written.filter("value IS NOT NULL")),
            "method": summary.by_method(counts.of_programmes(self.programmes) if self.standing else counts),
            "category": category.by_category(counts),
            "annual": annual.by_year(series.series_values(self.samples.filter("in_series")), methods),
            "distribution": self._distributions(),
            "method_change": method_changes.steps(self._samples(self.programmes), of_years),
            **of_sites.frames(self.rows, self.samples, self.written, last_date),
        }

    def _distributions(self) -> DataFrame:
        if self.standing is None:
            return quality.distributions(self.samples)
        of_programmes = quality.distributions(self._samples(self.programmes), ["programme"])
        return quality.distributions(self.samples, ["site"]).unionByName(of_programmes)

    def _samples(self, programmes: frozenset[str] | None = None) -> DataFrame:
        """With those of the sites that stand, in some programmes or in all."""
        return _together(self.samples, self.standing.samples(programmes) if self.standing else None)


def _together(own: DataFrame, other: DataFrame | None) -> DataFrame:
    return own if other is None else own.unionByName(other.select(*own.columns))


def _rows(name: str, frame: DataFrame) -> CollectedRows:
    rows = CollectedRows(frame.select(*publish.TABLES[name]))
    log.info("%s: %d rows", name, len(rows))
    return rows


def trend_tables(
    years: Rows,
    standing: Rows,
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
        (dict(zip(publish.TABLES["annual"], row, strict=True)) for row in rows) for rows in (years, standing)
    )
    found = trends.trend_tables(annual_rows, regions, others)
    if kept is not None:
        found["region"] = [row for row in found["region"] if row["region"] in kept.regions]
    log.info("trend: %d rows, region: %d rows", len(found["trend"]), len(found["region"]))
    return {
        name: [tuple(row[column] for column in publish.TABLES[name]) for row in rows] for name, rows in found.items()
    }
