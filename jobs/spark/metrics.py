"""The run: member rows -> samples -> measurements with site and method -> statistics -> PostgreSQL; of all sites or those that changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from acidwatch.archive.zones import ENRICHED, SAMPLES, run_folder
from acidwatch.errors import DependencyAwayError, PermanentError
from jobs.spark import counting, incremental, publish, sources, trends
from jobs.spark.hdfs import hdfs_errors
from jobs.spark.incremental import Basis, Standing
from jobs.spark.postgres import Connection
from jobs.spark.reference import ReferenceTables
from jobs.spark.tables import Frames, Tables, trend_tables
from jobs.spark.transforms import balance, enrich, flags, measurements, series
from jobs.spark.transforms.series import SITE
from jobs.spark.version import code_version

log = logging.getLogger("acidwatch.jobs.metrics")

NOT_ENRICHED = ("source_sent_us", "batch_index", "superseded")


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
            members_sha256 = incremental.members_sha256(dataset.members)
            key = publish.RunKey(dataset.version, reference.version, code_version(), members_sha256)
            if not force and (done := _already(connection, key, not dataset.chosen)):
                return done, False
            basis = None if force else incremental.find_basis(connection, key, dataset)
            run_id = publish.next_run_id(connection)
        log.info("run %d: version %d, %d rows in %d files", run_id, dataset.version, dataset.rows, len(dataset.paths))
        with self.start_spark(dataset.rows) as spark:
            log.info("Spark is up")
            try:
                found = self._compute(spark, dataset, reference, run_id, basis)
            except (PermanentError, DependencyAwayError, PySparkException, Py4JJavaError) as error:
                if basis is None or getattr(error, "dependency", "HDFS") != "HDFS":
                    raise
                # A block that is lost or damaged looks like HDFS that is away. If it is, the archive can't be read either.
                with self.connect() as connection:
                    run_id = publish.next_run_id(connection)  # the folders of the first try are garbage
                log.warning(
                    "run %d can't be built on, so all sites are computed anew, as run %d: %s",
                    basis.run_id,
                    run_id,
                    error,
                )
                found = self._compute(spark, dataset, reference, run_id, None)
        run = publish.Run(
            run_id=run_id,
            dataset_version=key.dataset_version,
            reference_version=key.reference_version,
            code_version=key.code_version,
            members_sha256=key.members_sha256,
            as_of_newest=not dataset.chosen,
            started_at=started_at,
            finished_at=self.now(),
            enriched_path=run_folder(ENRICHED, run_id),
            files=len(dataset.paths),
            batches=len(dataset.members),
            based_on=found.kept.run_id if found.kept else None,
            sites_computed=found.sites,
            **found.counts,
        )
        try:
            with self.connect() as connection:
                published = publish.publish(connection, run, found.tables, again=force, kept=found.kept)
        except publish.BasisGoneError as error:
            log.warning("%s", error)
            return self.run(version, force)  # on what there is now, or on nothing
        return published, published.run_id == run_id

    def _compute(
        self,
        spark: SparkSession,
        dataset: sources.DatasetVersion,
        reference: ReferenceTables,
        run_id: int,
        basis: Basis | None,
    ) -> Computed:
        with hdfs_errors(self.root), _caching(spark):
            methods = sources.methods_table(spark, self.root, reference.methods_path)
            sites = sources.sites_table(spark, self.root, reference.sites_path)
            rows, standing = self._rows(spark, dataset, basis)
            marked = measurements.mark_superseded(rows).persist(StorageLevel.MEMORY_AND_DISK)
            if standing is None:
                counting.check_batches(marked, dataset.members)
            read = counting.count_rows(marked)
            judged = _by_site(spark, _judged(marked, sites)).persist(StorageLevel.MEMORY_AND_DISK)
            # A folder that is there is of a database that was lost: one database gives a number once.
            judged.write.mode("overwrite").parquet(f"{self.root}/{run_folder(SAMPLES, run_id)}")
            marked.unpersist()
            samples = judged.filter("NOT superseded")
            cells = flags.flagged(samples.drop(*NOT_ENRICHED), flags.history(samples))
            version = F.lit(dataset.version)
            enriched = enrich.with_methods(cells, methods).withColumn("dataset_version", version)
            folder = f"{self.root}/{run_folder(ENRICHED, run_id)}"
            # What is written is read again: that checks it, and it is a cache that needs no memory.
            enriched.write.mode("overwrite").partitionBy("program_id").parquet(folder)
            log.info("wrote %s and %s of run %d", SAMPLES, ENRICHED, run_id)
            written = spark.read.schema(enriched.schema).parquet(folder)
            computed = counting.counts_of_sites(read, counting.count_measurements(written), run_id)
            of_version = [*computed, *(standing.sites if standing else ())]
            counts = counting.totals(of_version, dataset.rows)
            last_date = max((site.last_date for site in of_version), default=None)
            regions = trends.regions_of((row[0], row[1], row[2]) for row in sites.select(*SITE, "STATE").collect())
            kept, years = None, []
            if standing is not None:
                kept = standing.kept(computed, regions, last_date)
                with self.connect() as connection:
                    years = incremental.years_of_regions(connection, kept, regions)
            frames = Frames(judged, samples, written, standing, kept.programmes if kept else frozenset())
            tables = frames.tables(methods, last_date) | {"site_rows": [tuple(site) for site in computed]}
            counting.check_tables(of_version, tables["category"], tables["method"])
            tables |= trend_tables(tables["annual"], years, regions, kept)
            return Computed(counts, tables, kept, len(computed))

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
                log.info("run %d is built on: %d SITE_IDs are touched", basis.run_id, len(standing.touched))
                return rows, standing
            log.info("the new batches touch most rows: all sites are computed anew")
        return sources.member_rows(spark, self.root, dataset.members), None


@contextmanager
def _caching(spark: SparkSession) -> Iterator[None]:
    try:
        yield
    finally:
        spark.catalog.clearCache()


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
