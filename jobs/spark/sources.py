"""What a run reads: the members of a version from the ledger, their rows and the reference tables from HDFS."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from acidwatch.errors import UnusableInputError
from jobs.spark.postgres import Connection
from jobs.spark.schemas import CLEAN, MEMBERS, METHODS_TABLE, SITES_TABLE

DATASET = "water-quality"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Member:
    """One (file, batch, attempt) of a version.

    Attributes:
        path: Below the root.
        source_sent_us: When the sending of its source first began, microseconds since 1970 UTC.
        rows: Rows of the batch.
        judged: When it was judged, ISO 8601: the same record may have been judged twice, by two versions of acidwatch.
    """

    path: str
    batch_id: str
    attempt: int
    source_sent_us: int
    source_id: str
    batch_index: int
    rows: int
    judged: str = ""


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """A version of the dataset and all its members.

    Attributes:
        chosen: Whether the user named the version; otherwise it is the newest.
    """

    version: int
    chosen: bool
    members: tuple[Member, ...]

    @property
    def paths(self) -> list[str]:
        """Files that hold members, below the root."""
        return sorted({member.path for member in self.members})

    @property
    def rows(self) -> int:
        """Rows of all members, before rows that say the same sample are resolved."""
        return sum(member.rows for member in self.members)


def read_version(connection: Connection, version: int | None) -> DatasetVersion:
    """Read a version's members from the ledger; None = the newest version.

    Raises:
        UnusableInputError: There is no such version, or none at all.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = connection.execute(
            "SELECT newest_version FROM ledger.datasets WHERE dataset = %s", [DATASET]
        ).fetchone()
        newest = int(found[0]) if found else 0
        if newest == 0:
            raise UnusableInputError(
                "there is no version of the dataset yet: send a workbook with `acidwatch send WORKBOOK`, then `acidwatch wait`"
            )
        wanted = newest if version is None else version
        if not 1 <= wanted <= newest:
            exist = "only version 1 exists" if newest == 1 else f"versions 1 to {newest} exist"
            raise UnusableInputError(f"there is no version {wanted}: {exist}")
        rows = connection.execute(
            "SELECT path, batch_id, attempt, source_first_sent_at, source_id, batch_index, m.rows, a.judged_at"
            " FROM ledger.members(%s) m JOIN ledger.attempts a USING (batch_id, attempt) ORDER BY path, batch_id, attempt",
            [wanted],
        ).fetchall()
    members = tuple(
        Member(
            path,
            batch,
            attempt,
            (sent - EPOCH) // timedelta(microseconds=1),
            source,
            index,
            count,
            at.astimezone(UTC).isoformat(),
        )
        for path, batch, attempt, sent, source, index, count, at in rows
    )
    return DatasetVersion(wanted, version is not None, members)


def member_rows(spark: SparkSession, root: str, members: Sequence[Member]) -> DataFrame:
    """The rows of the members, and no others: a file may hold a batch that the ledger does not name there.

    Args:
        root: Where the zones are, such as hdfs://host:port/acidwatch.

    Returns:
        The columns of `schemas.CLEAN`, then `source_sent_us` (microseconds), `source_id`, `batch_index`. Key: `batch_id`, `row`.
    """
    named = F.broadcast(spark.createDataFrame([_triple(m) for m in members], MEMBERS, verifySchema=False))
    paths = sorted({f"{root}/{member.path}" for member in members})
    if not paths:
        rows = spark.createDataFrame([], CLEAN).withColumn("path", F.lit(""))
    else:
        rows = spark.read.schema(CLEAN).parquet(*paths).select("*", below_root(root).alias("path"))
    return rows.join(named, ["path", "batch_id", "attempt"], "inner").drop("path")


def below_root(root: str) -> Column:
    """The path below the root of the file that a row comes from; scheme, host and port may be spelled in several ways."""
    folder = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*:(//[^/]*)?", "", root)
    return F.regexp_replace(F.col("_metadata.file_path"), rf"^[A-Za-z][A-Za-z0-9+.-]*:(//[^/]*)?\Q{folder}\E/", "")


def methods_table(spark: SparkSession, root: str, path: str) -> DataFrame:
    """The methods of a reference version; columns of `schemas.METHODS_TABLE`."""
    return spark.read.schema(METHODS_TABLE).parquet(f"{root}/{path}")


def sites_table(spark: SparkSession, root: str, path: str) -> DataFrame:
    """The sites of a reference version; columns of `schemas.SITES_TABLE`."""
    return spark.read.schema(SITES_TABLE).parquet(f"{root}/{path}")


def _triple(member: Member) -> tuple[str, str, int, int, str, int]:
    return (
        member.path,
        member.batch_id,
        member.attempt,
        member.source_sent_us,
        member.source_id,
        member.batch_index,
    )
