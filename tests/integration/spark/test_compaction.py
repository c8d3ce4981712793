"""Compaction between two runs of the metrics job: the same tables, to the last bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.ledger.connection import Ledger
from acidwatch.proof.compact import Compacted, Compaction
from acidwatch.settings import HdfsSettings, PostgresSettings
from jobs.spark.metrics import MetricsJob
from tests.integration.spark.conftest import NOW
from tests.integration.spark.makers import random_samples
from tests.integration.spark.test_metrics_job import published
from tests.integration.spark.two_files import load_reference
from tests.support.deployment import REAL_DATA

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

FILES = 24


@pytest.fixture
def compact(servers: tuple[HdfsSettings, PostgresSettings]) -> Iterator[Callable[[int], Compacted]]:
    """Compacts into files of so many rows at most."""
    hdfs, postgres = servers
    ledger = Ledger(postgres)

    def run(rows_per_file: int) -> Compacted:
        made = Compaction(HdfsStore(hdfs), ledger, lambda: datetime.now(UTC), "test", "", rows_per_file)
        return made.run(made.plan(), lambda done, total: None)

    yield run
    ledger.close()


def load_many_files(given: Any) -> None:
    """Samples of six sites over eight years, a batch in each file; the sums of silica depend on their order."""
    load_reference(given, [{"SITE_ID": "000000", "PROGRAM_ID": "LTM_ME", "STATE": "Maine"}])
    rows = random_samples(600)
    given.source("many", NOW)
    for at in range(FILES):
        path, batch = f"clean/2026-01-01/many-{at:02}.parquet", f"many-{at:02}"
        mine = [line | {"batch_id": batch, "SIO2_MG_L": math.sqrt(line["row"])} for line in rows[at::FILES]]
        given.file(path, given.parquet(mine, given.clean_schema))
        given.member(batch, path, "many", at, len(mine))


@pytest.mark.parametrize(
    ("version", "files"),
    [(None, (24, 3)), pytest.param(10, (10, 2), marks=pytest.mark.slow)],
    ids=["newest", "earlier"],
)
def test_the_published_tables_of_a_version_are_bit_for_bit_the_same(
    given: Any,
    job: MetricsJob,
    compact: Callable[[int], Compacted],
    version: int | None,
    files: tuple[int, int],
) -> None:
    load_many_files(given)
    before, _ = job.run(version)
    done = compact(200)
    assert (done.files, len(done.written), done.faults) == (FILES, 3, [])
    after, new = job.run(version, force=True)
    assert new
    assert (before.files, after.files) == files
    assert published(job, after) == published(job, before)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not REAL_DATA.is_dir(), reason="the real workbooks are not here")
def test_the_published_tables_of_the_real_workbook_are_bit_for_bit_the_same(
    given: Any, job: MetricsJob, real_members: Callable[..., Any], compact: Callable[[int], Compacted]
) -> None:
    real_members(given, REAL_DATA)
    first, _ = job.run()
    done = compact(100_000)
    assert (done.files, len(done.written), done.rows) == (8, 1, 38_200)
    second, _ = job.run(force=True)
    assert (first.files, second.files) == (8, 1)
    assert published(job, second) == published(job, first)
