"""The run: member rows -> samples -> measurements with site and method -> statistics -> PostgreSQL."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from acidwatch.contract.columns import SAMPLES
from acidwatch.errors import PermanentError
from jobs.spark import publish, quality, sources, trends
from jobs.spark.hdfs import hdfs_errors
from jobs.spark.postgres import Connection
from jobs.spark.reference import ReferenceTables
from jobs.spark.transforms import annual, balance, category, enrich, flags, measurements, series, summary
from jobs.spark.transforms.censored import censored_columns
from jobs.spark.version import code_version

log = logging.getLogger("acidwatch.jobs.metrics")

NOT_ENRICHED = ("source_sent_us", "batch_index")


@dataclass(frozen=True, slots=True)
class MetricsJob:
    """One run, with everything it needs from outside.

    Attributes:
        root: Where the zones are for Spark, such as hdfs://host:port/acidwatch.
        reference: Finds the newest reference version.
        connect: Opens a connection to PostgreSQL.
        start_spark: Starts a Spark session; only called when there is something to do.
        now: The time.
    """

    root: str
    reference: Callable[[], ReferenceTables]
    connect: Callable[[], AbstractContextManager[Connection]]
    start_spark: Callable[[], AbstractContextManager[SparkSession]]
    now: Callable[[], datetime]

    def run(self, version: int | None = None, force: bool = False) -> tuple[publish.Run, bool]:
        """Compute and publish; None = the newest version.

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
            key = publish.RunKey(dataset.version, reference.version, code_version())
            if not force and (done := _already(connection, key, not dataset.chosen)):
                return done, False
            run_id = publish.next_run_id(connection)
        log.info("run %d: version %d, %d rows in %d files", run_id, dataset.version, dataset.rows, len(dataset.paths))
        enriched_path = f"enriched/run={run_id}"
        with self.start_spark() as spark, hdfs_errors(self.root):
            log.info("Spark is up")
            counts, tables = self._compute(spark, dataset, reference, enriched_path)
        run = publish.Run(
            run_id=run_id,
            dataset_version=key.dataset_version,
            reference_version=key.reference_version,
            code_version=key.code_version,
            as_of_newest=not dataset.chosen,
            started_at=started_at,
            finished_at=self.now(),
            enriched_path=enriched_path,
            files=len(dataset.paths),
            batches=len(dataset.members),
            **counts,
        )
        with self.connect() as connection:
            published = publish.publish(connection, run, tables, again=force)
        return published, published.run_id == run_id

    def _compute(
        self, spark: SparkSession, dataset: sources.DatasetVersion, reference: ReferenceTables, enriched_path: str
    ) -> tuple[dict[str, int], dict[str, Sequence[Sequence[Any]]]]:
        methods = sources.methods_table(spark, self.root, reference.methods_path)
        sites = sources.sites_table(spark, self.root, reference.sites_path)
        marked = measurements.mark_superseded(sources.member_rows(spark, self.root, dataset.members))
        marked = marked.persist(StorageLevel.MEMORY_AND_DISK)
        try:
            counts = check_batches(_count_batches(marked), dataset)
            located = enrich.with_sites(measurements.winning_rows(marked), sites)
            samples = balance.with_balance(enrich.with_series(located, series.series_samples(located)))
            samples = _by_site(spark, samples).persist(StorageLevel.MEMORY_AND_DISK)
            cells = flags.flagged(samples.drop(*NOT_ENRICHED), flags.history(samples))
            enriched = enrich.with_methods(cells, methods).withColumn("dataset_version", F.lit(dataset.version))
            folder = f"{self.root}/{enriched_path}"
            # What is written is read again: that checks it, and it is a cache that needs no memory.
            enriched.write.mode("overwrite").partitionBy("program_id").parquet(folder)
            log.info("wrote %s", enriched_path)
            written = spark.read.schema(enriched.schema).parquet(folder)
            counts |= _count_measurements(written, counts)
            values = written.filter("value IS NOT NULL")
            chosen = samples.filter("in_series")
            frames = {
                "site": summary.by_site(values),
                "method": summary.by_method(values),
                "category": category.by_category(values, samples),
                "annual": annual.by_year(series.series_values(chosen), methods),
            }
            tables = _tables(frames | quality.frames(marked, samples, chosen, written))
            tables["unit_break"] = quality.unit_break_rows(chosen)
            return counts, tables | _trends(tables["annual"], sites)
        finally:
            spark.catalog.clearCache()


def _by_site(spark: SparkSession, samples: DataFrame) -> DataFrame:
    """Every sample of a site in one partition: what is told of sites and years is then grouped where it lies, without a shuffle."""
    return samples.repartition(int(spark.conf.get("spark.sql.shuffle.partitions") or 1), "PROGRAM_ID", "SITE_ID")


def _already(connection: Connection, key: publish.RunKey, as_of_newest: bool) -> publish.Run | None:
    done = publish.published_run(connection, key, as_of_newest)
    if done is not None and as_of_newest and not done.as_of_newest:
        publish.show_as_newest(connection, done.run_id)
    return done


def _count_batches(marked: DataFrame) -> list[dict[str, Any]]:
    """What was read of each batch, before anything is joined: one small row a batch."""
    required = [column.name for column in SAMPLES if column.required]
    counted = marked.groupBy("batch_id", "attempt").agg(
        F.count(F.lit(1)).alias("rows"),
        F.sum(F.col("superseded").cast("int")).alias("superseded"),
        F.sum(F.when(F.col("superseded"), 0).otherwise(measurements.measured())).alias("measurements"),
        F.sum(F.when(F.col("superseded"), 0).otherwise(F.size(censored_columns()))).alias("censored"),
        F.sum(measurements.not_finite()).alias("not_finite"),
        F.sum(F.greatest(*(F.col(name).isNull().cast("int") for name in required))).alias("blank"),
    )
    return [row.asDict() for row in counted.collect()]


def check_batches(counted: Sequence[dict[str, Any]], dataset: sources.DatasetVersion) -> dict[str, int]:
    """Hold what was read against the ledger.

    Args:
        counted: One mapping a batch: batch_id, attempt, rows, superseded, measurements, censored, not_finite, blank.
        dataset: What the ledger says was to be read.

    Returns:
        `rows`, `superseded`, `samples`, `measurements` and `censored` of the whole version.

    Raises:
        PermanentError: Rows are missing or doubled, or hold what the contract does not allow.
    """
    found = {(batch["batch_id"], batch["attempt"]): batch["rows"] for batch in counted}
    wrong = [m for m in dataset.members if found.get((m.batch_id, m.attempt), 0) != m.rows]
    if wrong:
        first = wrong[0]
        raise PermanentError(
            f"{len(wrong)} batches are not in their files as the ledger says, first {first.batch_id} attempt {first.attempt}: "
            f"{first.path} holds {found.get((first.batch_id, first.attempt), 0)} of its {first.rows} rows. "
            "Nothing was published"
        )
    for bad, meaning in (("blank", "lack a required column"), ("not_finite", "hold NaN or infinity")):
        batches = [batch["batch_id"] for batch in counted if batch[bad]]
        if batches:
            raise PermanentError(
                f"rows of {len(batches)} batches {meaning}, first {batches[0]}: their files are not of this contract"
            )
    totals = {
        name: sum(batch[name] for batch in counted) for name in ("rows", "superseded", "measurements", "censored")
    }
    return {**totals, "samples": totals["rows"] - totals["superseded"]}


def _count_measurements(enriched: DataFrame, before: Mapping[str, int]) -> dict[str, int]:
    """Count what was joined. A left join drops nothing, so equal counts say that it doubled nothing either."""
    there = F.col("value").isNotNull()
    row = enriched.agg(
        F.count("value").alias("measurements"),
        F.count_if(~there).alias("censored"),
        F.count_if(there & (F.col("method_candidates") > 1)).alias("ambiguous"),
        F.count_if(there & (F.col("method_candidates") == 0)).alias("without_method"),
        F.count_if(there & ~F.col("site_known")).alias("without_site"),
    ).first()
    counts = {name: int(value or 0) for name, value in row.asDict().items()} if row else {}
    for name, what in (("measurements", "measurements"), ("censored", "censored cells")):
        if counts[name] != before[name]:
            raise PermanentError(
                f"the join made {counts[name]} {what} of {before[name]}: a key is not unique. Nothing was published"
            )
    return counts


def _tables(frames: Mapping[str, DataFrame]) -> dict[str, Sequence[Sequence[Any]]]:
    """Two at a time: while Spark plans one table on one core, the other core computes another."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(frames, pool.map(_rows, frames, frames.values()), strict=True))


def _rows(name: str, frame: DataFrame) -> Sequence[Sequence[Any]]:
    rows = [tuple(row) for row in frame.select(*publish.TABLES[name]).collect()]
    log.info("%s: %d rows", name, len(rows))
    return sorted(rows, key=lambda row: [(value is not None, str(value)) for value in row[:4]])


def _trends(years: Sequence[Sequence[Any]], sites: DataFrame) -> dict[str, Sequence[Sequence[Any]]]:
    """Trends are computed here, without Spark: the annual values are few, and `metrics trend --from` uses the same code."""
    states = [(row[0], row[1], row[2]) for row in sites.select("PROGRAM_ID", "SITE_ID", "STATE").collect()]
    annual_rows = (dict(zip(publish.TABLES["annual"], row, strict=True)) for row in years)
    found = trends.trend_tables(annual_rows, trends.regions_of(states))
    log.info("trend: %d rows, region: %d rows", len(found["trend"]), len(found["region"]))
    return {
        name: [tuple(row[column] for column in publish.TABLES[name]) for row in rows] for name, rows in found.items()
    }
