"""The run: member rows -> samples -> measurements with site and method -> statistics -> PostgreSQL."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from acidwatch.archive.zones import ENRICHED, SAMPLES
from acidwatch.errors import PermanentError
from jobs.spark import counting, incremental, of_sites, publish, sources, trends, unit_breaks
from jobs.spark.hdfs import hdfs_errors
from jobs.spark.incremental import Basis, Standing
from jobs.spark.postgres import Connection
from jobs.spark.reference import ReferenceTables
from jobs.spark.transforms import (
    annual,
    balance,
    category,
    enrich,
    flags,
    measurements,
    method_changes,
    quality,
    series,
    summary,
)
from jobs.spark.version import code_version

log = logging.getLogger("acidwatch.jobs.metrics")

NOT_ENRICHED = ("source_sent_us", "batch_index", "superseded")
SITE = ("PROGRAM_ID", "SITE_ID")

Tables = dict[str, Sequence[Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class Computed:
    """What a run found.

    Attributes:
        counts: Of the whole version, see `counting.totals`.
        tables: Rows of publish.TABLES that it computed.
        kept: What it takes from an earlier run beside them.
        sites: How many it computed.
    """

    counts: dict[str, int]
    tables: Tables
    kept: publish.Kept | None
    sites: int


@dataclass(frozen=True, slots=True)
class MetricsJob:
    """One run, with everything it needs from outside.

    Attributes:
        root: Where the zones are for Spark, such as hdfs://host:port/acidwatch.
        reference: Finds the newest reference version.
        connect: Opens a connection to PostgreSQL.
        start_spark: Starts a Spark session for so many rows; only called when there is something to do.
        now: The time.
    """

    root: str
    reference: Callable[[], ReferenceTables]
    connect: Callable[[], AbstractContextManager[Connection]]
    start_spark: Callable[[int], AbstractContextManager[SparkSession]]
    now: Callable[[], datetime]

    def run(self, version: int | None = None, force: bool = False) -> tuple[publish.Run, bool]:
        """Compute and publish; None = the newest version.

        Sites that no batch has touched since an earlier run of the same code and reference tables are taken from it, to the same digits.

        Args:
            force: Compute all sites, and publish even a run that there is.

        Returns:
            The published run, and whether it is new: a run of the same dataset, reference and code version is not repeated
            unless `force`.

        Raises:
            UnusableInputError: No such version, or nothing to compute from yet.
            PermanentError: A count is not what it must be; nothing was published.
            DependencyAwayError: HDFS or PostgreSQL is away; nothing was published.
        """
        started_at = self.now()
        with self.connect() as connection:
            dataset = sources.read_version(connection, version)
            reference = self.reference()
            members = incremental.members_sha256(dataset.members)
            key = publish.RunKey(dataset.version, reference.version, code_version(), members)
            if not force and (done := _already(connection, key, not dataset.chosen)):
                return done, False
            basis = None if force else incremental.find_basis(connection, key, dataset)
            run_id = publish.next_run_id(connection)
        log.info("run %d: version %d, %d rows in %d files", run_id, dataset.version, dataset.rows, len(dataset.paths))
        with self.start_spark(dataset.rows) as spark:
            log.info("Spark is up")
            found = self._compute_from(basis, spark, dataset, reference, run_id) if basis else None
            if found is None:
                if basis is not None:  # the folders of the first try are garbage
                    with self.connect() as connection:
                        run_id = publish.next_run_id(connection)
                with hdfs_errors(self.root):
                    found = self._compute(spark, dataset, reference, run_id, None)
        run = publish.Run(
            run_id=run_id,
            dataset_version=key.dataset_version,
            reference_version=key.reference_version,
            code_version=key.code_version,
            as_of_newest=not dataset.chosen,
            started_at=started_at,
            finished_at=self.now(),
            enriched_path=f"{ENRICHED}/run={run_id}",
            files=len(dataset.paths),
            batches=len(dataset.members),
            members_sha256=members,
            based_on=found.kept.run_id if found.kept else None,
            sites_computed=found.sites,
            **found.counts,
        )
        with self.connect() as connection:
            published = publish.publish(connection, run, found.tables, again=force, kept=found.kept)
        return published, published.run_id == run_id

    def _compute_from(
        self,
        basis: Basis,
        spark: SparkSession,
        dataset: sources.DatasetVersion,
        reference: ReferenceTables,
        run_id: int,
    ) -> Computed | None:
        """Compute what is new since an earlier run; None where that can't be done, or is not worth it."""
        try:
            with hdfs_errors(self.root):
                return self._compute(spark, dataset, reference, run_id, basis)
        except PermanentError as error:
            log.warning("run %d can't be built on, so all sites are computed anew: %s", basis.run_id, error)
            return None

    def _compute(
        self,
        spark: SparkSession,
        dataset: sources.DatasetVersion,
        reference: ReferenceTables,
        run_id: int,
        basis: Basis | None,
    ) -> Computed:
        methods = sources.methods_table(spark, self.root, reference.methods_path)
        sites = sources.sites_table(spark, self.root, reference.sites_path)
        try:
            rows, standing = self._rows(spark, dataset, basis)
            marked = measurements.mark_superseded(rows).persist(StorageLevel.MEMORY_AND_DISK)
            if standing is None:
                counting.check_batches(marked, dataset.members)
            read = counting.count_rows(marked)
            judged = _by_site(spark, _judged(marked, sites)).persist(StorageLevel.MEMORY_AND_DISK)
            judged.write.parquet(f"{self.root}/{SAMPLES}/run={run_id}")
            marked.unpersist()
            samples = judged.filter("NOT superseded")
            cells = flags.flagged(samples.drop(*NOT_ENRICHED), flags.history(samples))
            version = F.lit(dataset.version)
            enriched = enrich.with_methods(cells, methods).withColumn("dataset_version", version)
            folder = f"{self.root}/{ENRICHED}/run={run_id}"
            # What is written is read again: that checks it, and it is a cache that needs no memory.
            enriched.write.partitionBy("program_id").parquet(folder)
            log.info("wrote %s and %s of run %d", SAMPLES, ENRICHED, run_id)
            written = spark.read.schema(enriched.schema).parquet(folder)
            computed = counting.site_rows(read, counting.count_measurements(written), run_id)
            of_version = [*computed, *(standing.sites if standing else ())]
            counts = counting.totals(of_version, dataset.rows)
            frames = Frames(judged, samples, written, standing, frozenset(site.program_id for site in computed))
            last_date = max((site.last_date for site in of_version), default=None)
            tables = _tables(frames.tables(methods, last_date))
            tables["site_rows"] = [tuple(site) for site in computed]
            tables["unit_break"] = unit_breaks.rows(frames.samples_of_programmes().filter("in_series"))
            regions = trends.regions_of((row[0], row[1], row[2]) for row in sites.select(*SITE, "STATE").collect())
            if standing is None:
                return Computed(counts, tables | _trends(tables["annual"], [], regions, None), None, len(computed))
            kept = standing.kept(computed, regions, last_date)
            with self.connect() as connection:
                years = incremental.years_of_regions(connection, kept, regions)
            return Computed(counts, tables | _trends(tables["annual"], years, regions, kept), kept, len(computed))
        finally:
            spark.catalog.clearCache()

    def _rows(
        self, spark: SparkSession, dataset: sources.DatasetVersion, basis: Basis | None
    ) -> tuple[DataFrame, Standing | None]:
        """The member rows to compute from; all of them, or those of touched sites and what stands beside them."""
        if basis is not None:
            added = sources.member_rows(spark, self.root, basis.added).persist(StorageLevel.MEMORY_AND_DISK)
            counting.check_batches(added, basis.added)
            standing = Standing(spark, self.root, basis, incremental.touched_sites(spark, self.root, basis, added))
            if standing.worth_it(dataset.rows):
                standing.check()
                before = standing.touched_rows()
                rows = added if before is None else added.unionByName(before.select(*added.columns))
                log.info("%d sites are computed anew, the others stand in run %d", len(standing.touched), basis.run_id)
                return rows, standing
            log.info("the new batches touch most rows: all sites are computed anew")
        return sources.member_rows(spark, self.root, dataset.members), None


@dataclass(frozen=True, slots=True)
class Frames:
    """What the tables are made of.

    Attributes:
        rows: Of the sites that are computed, superseded ones too.
        samples, written: Their samples and measurements.
        standing: The sites that are not.
        programmes: Of those that are.
    """

    rows: DataFrame
    samples: DataFrame
    written: DataFrame
    standing: Standing | None
    programmes: frozenset[str]

    def samples_of_programmes(self) -> DataFrame:
        """Every sample of a programme that has changed."""
        other = self.standing.samples(self.standing.programmes | self.programmes) if self.standing else None
        return _together(self.samples, other)

    def tables(self, methods: DataFrame, last_date: date | None) -> dict[str, DataFrame]:
        """The frames of the tables that Spark computes whole, columns as in publish.TABLES."""
        values = self.written.filter("value IS NOT NULL")
        values_of_programmes, all_values, all_samples = values, values, self.samples
        distributions = quality.distributions(self.samples)
        if self.standing is not None:
            programmes, schema = self.standing.programmes | self.programmes, self.written.schema
            values_of_programmes = _together(values, self.standing.values(schema, programmes))
            all_values = _together(values, self.standing.values(schema))
            all_samples = _together(self.samples, self.standing.samples())
            of_programmes = quality.distributions(self.samples_of_programmes(), ["programme"])
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
        return rows.filter(F.col("program_id").isin(sorted(self.standing.programmes | self.programmes)))


def _together(own: DataFrame, other: DataFrame | None) -> DataFrame:
    return own if other is None else own.unionByName(other.select(*own.columns))


def _judged(marked: DataFrame, sites: DataFrame) -> DataFrame:
    """Samples with site, series and balance, and beside them the rows that they supersede, without."""
    located = enrich.with_sites(measurements.winning_rows(marked), sites)
    samples = balance.with_balance(enrich.with_series(located, series.series_samples(located)))
    superseded = marked.filter("superseded")
    return samples.withColumn("superseded", F.lit(False)).unionByName(superseded, allowMissingColumns=True)


def _by_site(spark: SparkSession, rows: DataFrame) -> DataFrame:
    """Every row of a site in one partition: what is told of sites and years is then grouped where it lies, without a shuffle.

    Sorted by site, so that who reads the file for some sites can pass over the rest.
    """
    partitions = int(spark.conf.get("spark.sql.shuffle.partitions") or 1)
    return rows.repartition(partitions, *SITE).sortWithinPartitions(*SITE)


def _already(connection: Connection, key: publish.RunKey, as_of_newest: bool) -> publish.Run | None:
    done = publish.published_run(connection, key, as_of_newest)
    if done is not None and as_of_newest and not done.as_of_newest:
        publish.show_as_newest(connection, done.run_id)
    return done


def _tables(frames: Mapping[str, DataFrame]) -> Tables:
    """Two at a time: while Spark plans one table on one core, the other core computes another."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(frames, pool.map(_table, frames, frames.values()), strict=True))


def _table(name: str, frame: DataFrame) -> Sequence[Sequence[Any]]:
    rows = [tuple(row) for row in frame.select(*publish.TABLES[name]).collect()]
    log.info("%s: %d rows", name, len(rows))
    return sorted(rows, key=lambda row: [(value is not None, str(value)) for value in row[:4]])


def _trends(
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
