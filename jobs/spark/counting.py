"""Holding what was read and joined against the ledger and against itself: rows by batch, rows and measurements by site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from acidwatch.contract.columns import SAMPLES
from acidwatch.errors import PermanentError
from jobs.spark.publish import TABLES
from jobs.spark.site_rows import SiteRows
from jobs.spark.sources import Member
from jobs.spark.transforms import measurements
from jobs.spark.transforms.censored import censored_columns
from jobs.spark.transforms.series import SITE
from jobs.spark.trends import Site

TOTALS = (
    "rows",
    "superseded",
    "samples",
    "measurements",
    "censored",
    "ambiguous",
    "without_method",
    "without_site",
)


def check_batches(rows: DataFrame, members: Sequence[Member]) -> None:
    """Hold the rows of each batch, before anything is joined, against the ledger.

    Raises:
        PermanentError: Rows are missing or doubled, or hold what the contract does not allow.
    """
    required = [column.name for column in SAMPLES if column.required]
    counted = [
        row.asDict()
        for row in rows.groupBy("batch_id", "attempt")
        .agg(
            F.count(F.lit(1)).alias("rows"),
            F.sum(measurements.not_finite()).alias("not_finite"),
            F.sum(F.greatest(*(F.col(name).isNull().cast("int") for name in required))).alias("blank"),
        )
        .collect()
    ]
    found = {(batch["batch_id"], batch["attempt"]): batch["rows"] for batch in counted}
    wrong = [m for m in members if found.get((m.batch_id, m.attempt), 0) != m.rows]
    if wrong:
        first = wrong[0]
        raise PermanentError(
            f"{len(wrong)} batches are not in their files as the ledger says, first {first.batch_id} attempt {first.attempt}: "
            f"{first.path} holds {found.get((first.batch_id, first.attempt), 0)} of its {first.rows} rows. "
            "Nothing was published"
        )
    for bad, meaning in (("blank", "lack a required column"), ("not_finite", "hold NaN or infinity")):
        batches = sorted(batch["batch_id"] for batch in counted if batch[bad])
        if batches:
            raise PermanentError(
                f"rows of {len(batches)} batches {meaning}, first {batches[0]}: their files are not of this contract"
            )


def count_rows(marked: DataFrame) -> dict[Site, dict[str, Any]]:
    """What was read of each site.

    Args:
        marked: Member rows as `mark_superseded` leaves them.

    Returns:
        (programme, site) to `rows`, `superseded`, `measurements` and `censored` (of those not superseded), `last_date`.
    """
    standing = ~F.col("superseded")
    counted = marked.groupBy(*SITE).agg(
        F.count(F.lit(1)).alias("rows"),
        F.count_if("superseded").alias("superseded"),
        F.sum(F.when(standing, measurements.measured()).otherwise(0)).alias("measurements"),
        F.sum(F.when(standing, F.size(censored_columns())).otherwise(0)).alias("censored"),
        F.max("DATE_SMP").cast("date").alias("last_date"),
    )
    return _by_site(counted)


def count_measurements(enriched: DataFrame) -> dict[Site, dict[str, Any]]:
    """What was joined to the measurements of each site: `measurements`, `censored`, `ambiguous`, `without_method`, `without_site`."""
    there = F.col("value").isNotNull()
    counted = enriched.groupBy("program_id", "site_id").agg(
        F.count("value").alias("measurements"),
        F.count_if(~there).alias("censored"),
        F.count_if(there & (F.col("method_candidates") > 1)).alias("ambiguous"),
        F.count_if(there & (F.col("method_candidates") == 0)).alias("without_method"),
        F.count_if(there & ~F.col("site_known")).alias("without_site"),
    )
    return _by_site(counted)


def _by_site(counted: DataFrame) -> dict[Site, dict[str, Any]]:
    return {(row[0], row[1]): dict(list(row.asDict().items())[2:]) for row in counted.collect()}


def counts_of_sites(
    read: Mapping[Site, Mapping[str, Any]], joined: Mapping[Site, Mapping[str, Any]], run_id: int
) -> list[SiteRows]:
    """The counts of each site that a run computed, by site.

    Args:
        read: See `count_rows`.
        joined: See `count_measurements`. A left join drops nothing, so equal counts say that it doubled nothing either.

    Raises:
        PermanentError: The join made more or fewer measurements.
    """
    for name, what in (("measurements", "measurements"), ("censored", "censored cells")):
        before, after = (sum(of[name] for of in counts.values()) for counts in (read, joined))
        if before != after:
            raise PermanentError(
                f"the join made {after} {what} of {before}: a key is not unique. Nothing was published"
            )
    none = dict.fromkeys(("measurements", "censored", "ambiguous", "without_method", "without_site"), 0)
    return [
        SiteRows(
            *site,
            computed_by=run_id,
            rows=of["rows"],
            superseded=of["superseded"],
            samples=of["rows"] - of["superseded"],
            last_date=of["last_date"],
            **{**none, **joined.get(site, {})},
        )
        for site, of in sorted(read.items())
    ]


def check_tables(sites: Sequence[SiteRows], category: Iterable[Sequence[Any]], method: Iterable[Sequence[Any]]) -> None:
    """Hold what is counted by value against what is counted by site: they are found in different ways.

    Args:
        sites: Every site of the version.
        category, method: Rows of these tables, columns as in publish.TABLES; `method` of whole programmes, of all or of some.

    Raises:
        PermanentError: They differ.
    """
    due: dict[str, Counter[str]] = {"measurements": Counter(), "ambiguous": Counter()}
    for site in sites:
        due["measurements"][site.program_id] += site.measurements
        due["ambiguous"][site.program_id] += site.ambiguous
    found: dict[str, Counter[str]] = {"measurements": Counter(), "ambiguous": Counter()}
    for row in method:
        of = dict(zip(TABLES["method"], row, strict=True))
        found["measurements"][of["program_id"]] += of["n"]
        found["ambiguous"][of["program_id"]] += of["ambiguous"]
    by_category = Counter[str]()
    for row in category:
        of = dict(zip(TABLES["category"], row, strict=True))
        by_category[of["category"]] += of["n"]
    total = due["measurements"].total()
    wrong = [
        *(
            f"{found[what][programme]} {what} of {programme} by method, {due[what][programme]} by site"
            for what in found
            for programme in found["measurements"]
            if found[what][programme] != due[what][programme]
        ),
        *(f"{n} measurements by {name}, {total} by site" for name, n in by_category.items() if n != total),
    ]
    if wrong:
        raise PermanentError(f"values were lost or doubled: {wrong[0]}. Nothing was published")


def totals(sites: Sequence[SiteRows], rows: int) -> dict[str, int]:
    """The counts of the whole version.

    Args:
        sites: Every site of it.
        rows: Of the version, as the ledger has them.

    Raises:
        PermanentError: The sites have others.
    """
    found = {name: sum(getattr(site, name) for site in sites) for name in TOTALS}
    if found["rows"] != rows:
        raise PermanentError(f"the sites have {found['rows']} rows, the ledger's version {rows}. Nothing was published")
    return found
