"""What a run takes from an earlier one: rows and figures of every site that no batch between the two versions touches.

A run leaves its rows in samples/ and enriched/, and says of each site in whose run's folders they are. The next one reads the batches
that came or went, computes their sites anew, and of the others only what tables across sites need. Decision 0023.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F

from acidwatch.archive.zones import ENRICHED, SAMPLES, run_folder
from acidwatch.errors import PermanentError
from jobs.spark import publish
from jobs.spark.local import local_frame
from jobs.spark.postgres import Connection
from jobs.spark.site_rows import SiteRows
from jobs.spark.sources import DatasetVersion, Member, read_version
from jobs.spark.transforms.censored import censored_columns
from jobs.spark.transforms.measurements import measured

log = logging.getLogger("acidwatch.jobs.metrics")

MOST_FOLDERS = 24
"""Runs whose folders are read together: past it opening files costs more than computing all sites anew."""
MOST_ROWS = 0.5
"""Share of the version's rows that is computed anew at most: past it all of it is, which is simpler and not slower."""

FEW = 200
"""Sites that are named one by one to Parquet's reader."""

_CELL_KEY = "program_id string, site_id string"


@dataclass(frozen=True, slots=True)
class Basis:
    """An earlier run of the same code and reference tables, and the batches by which its version differs.

    Attributes:
        sites: All its sites.
        added: Members that it does not have, or has otherwise.
        removed: (batch id, attempt) of those that only it has, or has otherwise.
    """

    run_id: int
    sites: tuple[SiteRows, ...]
    added: tuple[Member, ...]
    removed: frozenset[tuple[str, int]]


def members_sha256(members: Iterable[Member]) -> str:
    """What a version consists of, wherever its files are: equal for equal members, also after `ledger rebuild` or compaction."""
    digest = hashlib.sha256()
    for identity in sorted(map(_identity, members)):
        digest.update(repr(identity).encode() + b"\n")
    return digest.hexdigest()


def find_basis(connection: Connection, key: publish.RunKey, dataset: DatasetVersion) -> Basis | None:
    """The run to build on: of the newest version up to this one; None where all has to be computed."""
    row = connection.execute(
        "SELECT run_id, dataset_version, members_sha256 FROM metrics.runs WHERE reference_version = %s AND code_version = %s"
        " AND dataset_version <= %s ORDER BY dataset_version DESC, run_id DESC LIMIT 1",
        [key.reference_version, key.code_version, key.dataset_version],
    ).fetchone()
    if row is None:
        return _none("there is no earlier run with this code and these reference tables")
    run_id, version, members = row
    before = read_version(connection, version).members
    if members_sha256(before) != members:
        return _none(
            f"version {version} is not any more what run {run_id} computed (ledger rebuild gives numbers anew)"
        )
    columns = ", ".join(SiteRows._fields)
    rows = connection.execute(f"SELECT {columns} FROM metrics.site_rows WHERE run_id = %s", [run_id]).fetchall()  # noqa: S608
    sites = tuple(SiteRows(*row) for row in rows)
    old, new = ({_identity(one): one for one in members} for members in (before, dataset.members))
    added = tuple(one for identity, one in new.items() if identity not in old)
    removed = tuple(one for identity, one in old.items() if identity not in new)
    if sum(one.rows for one in (*added, *removed)) > MOST_ROWS * dataset.rows:
        return _none(f"the batches that came and went since run {run_id} hold most rows")
    folders = len({one.computed_by for one in sites})
    if not sites or folders > MOST_FOLDERS:
        return _none(f"what run {run_id} stands on is in {folders} folders")
    return Basis(run_id, sites, added, frozenset((one.batch_id, one.attempt) for one in removed))


def _none(why: str) -> Basis | None:
    log.info("all sites are computed: %s", why)
    return None


def _identity(member: Member) -> tuple[str | int, ...]:
    return (
        member.batch_id,
        member.attempt,
        member.source_sent_us,
        member.source_id,
        member.batch_index,
        member.rows,
        member.judged,
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """What stays of a basis once it is known which sites are touched.

    Attributes:
        touched: SITE_IDs that are computed anew, in every programme.
    """

    spark: SparkSession
    root: str
    basis: Basis
    touched: frozenset[str]

    @property
    def sites(self) -> tuple[SiteRows, ...]:
        """Those that stay."""
        return tuple(one for one in self.basis.sites if one.site_id not in self.touched)

    @property
    def before(self) -> tuple[SiteRows, ...]:
        """The touched ones as they were."""
        return tuple(one for one in self.basis.sites if one.site_id in self.touched)

    def worth_it(self, rows: int) -> bool:
        """Whether little enough of so many rows is of touched sites."""
        return rows - sum(one.rows for one in self.sites) <= MOST_ROWS * rows

    def check(self) -> None:
        """Hold what is read of the sites that stay against what is known of them.

        Raises:
            PermanentError: Rows or measurements are missing.
        """
        if not self.sites:
            return
        due = sum(one.rows for one in self.sites), sum(map(_cells, self.sites))
        of_sample = F.when(F.col("superseded"), 0).otherwise(measured() + F.size(censored_columns()))
        rows = samples_of(self.spark, self.root, self.sites).agg(F.count(F.lit(1)), F.sum(of_sample)).collect()[0]
        cells = self._cells()
        for zone, there in ((SAMPLES, tuple(rows)), (ENRICHED, (due[0], cells.count() if cells else 0))):
            if there != due:
                raise PermanentError(
                    f"its folder in {zone}/ holds {there[0]} rows and {there[1]} cells of {due[0]} and {due[1]}"
                )

    def touched_rows(self) -> DataFrame | None:
        """The basis' rows of touched sites, without the batches that are gone; columns of samples/. None: it has none of these sites."""
        if not self.before:
            return None
        rows = samples_of(self.spark, self.root, self.before)
        return rows.join(_batches(self.spark, self.basis.removed), ["batch_id", "attempt"], "left_anti")

    def samples(self, programmes: Collection[str] | None = None) -> DataFrame | None:
        """Samples of the sites that stay, of some programmes or of all; None where there are none."""
        sites = [one for one in self.sites if programmes is None or one.program_id in programmes]
        return samples_of(self.spark, self.root, sites).filter("NOT superseded") if sites else None

    def _cells(self) -> DataFrame | None:
        sites = [one for one in self.sites if _cells(one)]  # a folder without any has no partition to be read
        if not sites:
            return None
        reader = self.spark.read.schema(_CELL_KEY)
        return _of_sites(self.spark, _read(reader, self.root, ENRICHED, sites), sites, ("program_id", "site_id"))

    def kept(
        self, computed: Iterable[SiteRows], regions: Mapping[tuple[str, str], str | None], last_date: date | None
    ) -> publish.Kept:
        """What of the earlier run's tables stands in this one's.

        Args:
            computed: The touched sites as they are now.
            regions: Region of each site.
            last_date: Of the version.
        """
        changed = {(one.program_id, one.site_id) for one in (*self.before, *computed)}
        return publish.Kept(
            run_id=self.basis.run_id,
            sites=self.touched,
            programmes=frozenset(programme for programme, _ in changed),
            regions=frozenset(region for site in changed if (region := regions.get(site)) is not None),
            last_date=last_date,
        )


def _cells(site: SiteRows) -> int:
    return site.measurements + site.censored


def years_of_regions(
    connection: Connection, kept: publish.Kept, regions: Mapping[tuple[str, str], str | None]
) -> list[tuple[Any, ...]]:
    """Rows of `annual` of the sites that stay and are in a region that is computed anew, by site."""
    sites = [site for site, region in regions.items() if region in kept.regions and site[1] not in kept.sites]
    connection.execute("SET extra_float_digits = 1")  # all digits, whatever the server is set to
    columns = ", ".join(f"a.{name}" for name in publish.TABLES["annual"])
    return connection.execute(
        f"SELECT {columns} FROM metrics.annual a JOIN unnest(%s::text[], %s::text[]) AS s (program_id, site_id)"  # noqa: S608
        " USING (program_id, site_id) WHERE a.run_id = %s ORDER BY program_id, site_id",
        [[site[0] for site in sites], [site[1] for site in sites], kept.run_id],
    ).fetchall()


def touched_sites(spark: SparkSession, root: str, basis: Basis, added: DataFrame) -> frozenset[str]:
    """SITE_IDs of the batches that came or went.

    Args:
        added: Rows of `basis.added`.
    """
    frames = [added.select("SITE_ID")]
    if basis.removed:
        rows = samples_of(spark, root, basis.sites)
        frames.append(rows.join(_batches(spark, basis.removed), ["batch_id", "attempt"], "left_semi").select("SITE_ID"))
    return frozenset(row[0] for frame in frames for row in frame.distinct().collect())


def samples_of(spark: SparkSession, root: str, sites: Sequence[SiteRows]) -> DataFrame:
    """Rows of these sites (at least one), superseded ones too, as the runs that computed them left them in samples/."""
    return _of_sites(spark, _read(spark.read, root, SAMPLES, sites), sites, ("PROGRAM_ID", "SITE_ID"))


def _read(reader: DataFrameReader, root: str, zone: str, sites: Iterable[SiteRows]) -> DataFrame:
    """The folders of these sites; `run` is the number in a folder's name."""
    folders = sorted({f"{root}/{run_folder(zone, one.computed_by)}" for one in sites})
    return reader.option("basePath", f"{root}/{zone}").parquet(*folders)


def _of_sites(spark: SparkSession, rows: DataFrame, sites: Sequence[SiteRows], names: tuple[str, str]) -> DataFrame:
    key = ["run", *names]
    schema = pa.schema({"run": pa.int64(), names[0]: pa.string(), names[1]: pa.string()})
    places = local_frame(spark, [(one.computed_by, one.program_id, one.site_id) for one in sites], schema)
    # Told also as a filter, which Parquet's statistics answer where rows are sorted by site.
    few = rows.filter(F.col(names[1]).isin(sorted({one.site_id for one in sites}))) if len(sites) <= FEW else rows
    return few.join(F.broadcast(places), key, "left_semi")


def _batches(spark: SparkSession, batches: Iterable[tuple[str, int]]) -> DataFrame:
    schema = pa.schema({"batch_id": pa.string(), "attempt": pa.int32()})
    return F.broadcast(local_frame(spark, sorted(batches), schema))
