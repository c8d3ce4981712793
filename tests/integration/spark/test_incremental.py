"""Runs that build on an earlier one: the same digits as a run of everything, whatever came, went or moved in between."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.spark import incremental, publish
from jobs.spark.incremental import Basis
from jobs.spark.metrics import MetricsJob
from jobs.spark.postgres import Connection
from jobs.spark.publish import SCOPES, TABLES, Kept, Run, RunKey
from jobs.spark.results import find_run
from jobs.spark.sources import read_version
from tests.integration.spark.answered import published
from tests.integration.spark.conftest import NOW
from tests.integration.spark.makers import Row, random_samples, sample

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900)]

METHODS = [
    {"PROGRAM_ID": programme, "PARAMETER": parameter, "START_YEAR": start, "END_YEAR": end, "METHOD": method}
    for programme in ("LTM_ME", "LTM_ALTM")
    for parameter in ("SO4", "ANC", "SIO2")
    for start, end, method in ((1990, 2008, "first"), (2009, None, "second"))
]


class Archive:
    """A dataset that grows and changes batch by batch, on real servers."""

    def __init__(self, given: Any) -> None:
        self.given = given
        sites = [
            {"SITE_ID": f"{number:06d}", "PROGRAM_ID": programme, "STATE": "Maine", "ECOREGION_III": "5.3.1"}
            for number in range(3)
            for programme in ("LTM_ME", "LTM_ALTM")
        ]
        self.reference = given.parquet(sites, given.sites_schema), given.parquet(METHODS, given.methods_schema)
        self.batches: dict[str, list[Row]] = {}
        given.reference(*self.reference)

    def append(self, batch: str, rows: list[Row], source: str, file: str | None = None) -> None:
        """An accepted batch in a file of its own, as a new version."""
        self.batches[batch] = [row | {"batch_id": batch, "SIO2_MG_L": math.sqrt(row["row"])} for row in rows]
        path = file or f"clean/2026-01-01/{batch}.parquet"
        self.given.file(path, self.given.parquet(self.batches[batch], self.given.clean_schema))
        self.given.member(batch, path, source, len(self.batches), len(rows))

    def take_out(self, batch: str) -> None:
        """A version without a batch that was in it."""
        given = self.given
        given.version, given.rows = given.version + 1, given.rows - len(self.batches[batch])
        execute = given.connection.execute
        execute(
            "INSERT INTO ledger.versions (version, kind, author, message, batch_rows, batch_bytes, rows, bytes)"
            " VALUES (%s, 'quarantine', 'test', '', 0, 0, %s, 1)",
            [given.version, given.rows],
        )
        execute("UPDATE ledger.memberships SET to_version = %s WHERE batch_id = %s", [given.version, batch])
        execute("UPDATE ledger.datasets SET newest_version = %s, rows = %s", [given.version, given.rows])

    def compact(self, *batches: str) -> None:
        """Batches that move to a file together; no version changes."""
        path = "clean/2026-01-02/together.parquet"
        rows = [row for batch in batches for row in self.batches[batch]]
        number = self.given.file(path, self.given.parquet(rows, self.given.clean_schema))
        self.given.connection.execute(
            "UPDATE ledger.file_batches SET file_id = %s WHERE batch_id = ANY(%s) AND zone = 'clean'",
            [number, list(batches)],
        )


@pytest.fixture
def archive(given: Any) -> Archive:
    """Two programmes of three sites, eight years, in six batches of one source."""
    made = Archive(given)
    given.source("first", NOW)
    given.source("later", NOW + timedelta(hours=1))
    rows = random_samples(600)
    for at in range(6):
        made.append(f"first-{at}", rows[at::6], "first")
    return made


def of_site(rows: list[Row], programme: str, site: str) -> list[Row]:
    return [row for row in rows if (row["PROGRAM_ID"], row["SITE_ID"]) == (programme, site)]


def measurements(job: MetricsJob, spark: SparkSession, run: Run) -> list[Any]:
    """All measurements of a run, from the folders that its sites are in."""
    with job.connect() as connection:
        sites = connection.execute(
            "SELECT program_id, site_id, computed_by FROM metrics.site_rows WHERE run_id = %s", [run.run_id]
        ).fetchall()
    frames: list[DataFrame] = []
    for programme, site, number in sites:
        cells = spark.read.parquet(f"{job.root}/enriched/run={number}")
        frames.append(cells.filter((F.col("program_id") == programme) & (F.col("site_id") == site)))
    everything = frames[0]
    for frame in frames[1:]:
        everything = everything.unionByName(frame)
    return sorted(map(repr, everything.drop("dataset_version").collect()))


def counts(run: Run) -> dict[str, Any]:
    own = {"run_id", "enriched_path", "based_on", "sites_computed", "started_at", "finished_at"}
    return {name: value for name, value in dataclasses.asdict(run).items() if name not in own}


def the_same_as_all_anew(job: MetricsJob, spark: SparkSession, computed: int) -> Run:
    """Run once on what is there and once anew; they must be equal to the last digit."""
    built, new = job.run()
    assert new
    anew, _ = job.run(force=True)
    assert (anew.based_on, built.sites_computed) == (None, computed)
    assert built.based_on is not None
    assert counts(built) == counts(anew)
    tables = published(job, anew)
    for name, rows in published(job, built).items():
        assert rows == tables[name], name
    assert measurements(job, spark, built) == measurements(job, spark, anew)
    return built


def test_each_table_says_what_its_rows_depend_on() -> None:
    assert SCOPES.keys() == TABLES.keys()
    needed = {
        "site": {"site_id"},
        "programme": {"program_id"},
        "site or programme": {"site_id", "program_id"},
        "region": {"region"},
    }
    assert all(needed[scope] <= {*TABLES[table]} for table, scope in SCOPES.items() if scope != "all")


def test_what_comes_goes_moves_and_corrects_gives_the_digits_of_a_run_of_everything(
    archive: Archive, job: MetricsJob, spark: SparkSession
) -> None:
    first, _ = job.run()
    assert (first.based_on, first.sites_computed) == (None, 6)

    of_autumn = {"PROGRAM_ID": "LTM_ALTM", "SITE_ID": "000001", "SO4_UEQ_L": 20.5, "ANC_UEQ_L": -3.0}
    # Later than all others: days are counted from here at every site.
    archive.append("new", [sample(DATE_SMP=datetime(2019, n, 3), row=n, **of_autumn) for n in range(2, 9)], "later")
    corrected = of_site(archive.batches["first-0"], "LTM_ME", "000001")
    archive.append("correction", [row | {"SO4_UEQ_L": 77.0, "flags": []} for row in corrected], "later")
    archive.compact("first-1", "first-2", "new")
    second = the_same_as_all_anew(job, spark, computed=2)
    assert second.based_on == first.run_id
    assert 0 < second.superseded == len(corrected)

    archive.take_out("correction")
    of_virginia = {"PROGRAM_ID": "VTSSS", "SITE_ID": "VT75"}
    lines = [sample(DATE_SMP=datetime(2001, 3, n), row=n, CA_UEQ_L=9.0 / n, **of_virginia) for n in range(2, 9)]
    archive.append("elsewhere", lines, "later")
    the_same_as_all_anew(job, spark, computed=3)


@pytest.mark.slow
def test_what_is_taken_out_leaves_the_digits_of_before(archive: Archive, job: MetricsJob, spark: SparkSession) -> None:
    first, _ = job.run()
    archive.append("new", [sample(SITE_ID="000001", DATE_SMP=datetime(2019, 5, 3), ANC_UEQ_L=-9.0)], "later")
    archive.append("elsewhere", [sample(PROGRAM_ID="VTSSS", SITE_ID="VT75")], "later")
    job.run()
    archive.take_out("elsewhere")
    archive.take_out("new")
    last = the_same_as_all_anew(job, spark, computed=2)
    assert published(job, last) == published(job, first)


@pytest.mark.slow
def test_a_site_of_which_nothing_was_measured_stands_like_any_other(
    archive: Archive, job: MetricsJob, spark: SparkSession
) -> None:
    job.run()
    archive.append("blank", [sample(PROGRAM_ID="VTSSS", SITE_ID="VT75")], "later")
    archive.append("few", [sample(PROGRAM_ID="VTSSS", SITE_ID="VT76", SO4_UEQ_L=4.0)], "later")
    archive.take_out("few")
    the_same_as_all_anew(job, spark, computed=1)
    archive.append(
        "others", [sample(PROGRAM_ID="VTSSS", SITE_ID="VT77", row=n, SO4_UEQ_L=4.0) for n in (2, 3)], "later"
    )
    the_same_as_all_anew(job, spark, computed=1)


@pytest.mark.slow
def test_folders_of_a_database_that_was_lost_are_written_anew(archive: Archive, job: MetricsJob) -> None:
    first, _ = job.run()
    for zone in ("samples", "enriched"):
        archive.given.hdfs.write(
            f"{zone}/run={first.run_id + 1}/part-0.parquet", b"of another database", overwrite=True
        )
    run, _ = job.run(force=True)
    assert run.run_id == first.run_id + 1
    assert published(job, run) == published(job, first)


@pytest.mark.slow
def test_a_version_that_differs_in_nothing_takes_all_sites(
    archive: Archive, job: MetricsJob, spark: SparkSession
) -> None:
    job.run()
    archive.append("again", [sample(row=2)], "later")
    archive.take_out("again")
    the_same_as_all_anew(job, spark, computed=0)


@pytest.mark.slow
def test_a_chain_of_runs_reads_each_site_where_it_was_computed_last(
    archive: Archive, job: MetricsJob, spark: SparkSession
) -> None:
    job.run()
    for number in range(3):
        line = sample(SITE_ID=f"{number:06d}", DATE_SMP=datetime(2015, 1, 1 + number), SO4_UEQ_L=1.5)
        archive.append(f"one-{number}", [line], "later")
        run, _ = job.run()
        assert run.sites_computed == 2
    assert run.based_on == run.run_id - 1
    anew, _ = job.run(force=True)
    assert published(job, run) == published(job, anew)
    assert measurements(job, spark, run) == measurements(job, spark, anew)
    with job.connect() as connection:
        runs = connection.execute(
            "SELECT DISTINCT computed_by FROM metrics.site_rows WHERE run_id = %s ORDER BY 1", [run.run_id]
        ).fetchall()
    assert runs == [(run.run_id - 2,), (run.run_id - 1,), (run.run_id,)], "the first one's sites are all newer by now"


@pytest.mark.parametrize("zone", [pytest.param("samples", marks=pytest.mark.slow), "enriched"])
def test_an_earlier_run_whose_files_are_gone_is_not_built_on(
    archive: Archive, job: MetricsJob, caplog: pytest.LogCaptureFixture, zone: str
) -> None:
    first, _ = job.run()
    archive.append("new", [sample(SITE_ID="000001", SO4_UEQ_L=4.0)], "later")
    hdfs, folder = archive.given.hdfs, f"{zone}/run={first.run_id}"
    sizes = {
        f"{at}/{name}": status["length"]
        for (at, _), _, files in hdfs.walk(folder, status=True)
        for name, status in files
    }
    hdfs.delete(max(sizes, key=lambda path: sizes[path]))
    with caplog.at_level(logging.WARNING):
        run, _ = job.run()
    assert (run.based_on, run.sites_computed) == (None, 6)
    assert f"run {first.run_id} can't be built on, so all sites are computed anew" in caplog.text


@dataclass(frozen=True)
class Stands:
    """A run that was published of version 6, without Spark, and the ledger that grows on."""

    archive: Archive
    job: MetricsJob
    key: RunKey

    def basis(self, **changed: Any) -> Basis | None:
        """What a run of the newest version would build on."""
        with self.job.connect() as connection:
            dataset = read_version(connection, None)
            key = dataclasses.replace(self.key, dataset_version=dataset.version, **changed)
            return incremental.find_basis(connection, key, dataset)


@pytest.fixture
def stands(archive: Archive, job: MetricsJob) -> Stands:
    with job.connect() as connection:
        dataset = read_version(connection, None)
        key = RunKey(dataset.version, 1, "1+code", incremental.members_sha256(dataset.members))
        tables: dict[str, Any] = dict.fromkeys(TABLES, ())
        tables["site_rows"] = [
            ("LTM_ME", f"{n:06d}", 1 + n % 2, 100, 0, 100, 1, 0, 0, 0, 0, NOW.date()) for n in range(6)
        ]
        counts = dict.fromkeys(("files", "batches", "superseded", "measurements", "ambiguous", "without_method"), 0)
        run = Run(
            run_id=1, **dataclasses.asdict(key), as_of_newest=True, started_at=NOW, finished_at=NOW, enriched_path="enriched/run=1",
            rows=600, samples=600, without_site=0, censored=0, **counts,
        )  # fmt: skip
        publish.publish(connection, run, tables, again=False)
    return Stands(archive, job, key)


def test_what_differs_between_the_versions_is_what_is_read(stands: Stands) -> None:
    stands.archive.append("new", [sample()], "later")
    stands.archive.take_out("first-3")
    stands.archive.compact("first-0", "first-1")
    basis = stands.basis()
    assert basis is not None
    assert ([one.batch_id for one in basis.added], basis.removed) == (["new"], {("first-3", 1)})
    assert (basis.run_id, len(basis.sites)) == (1, 6)


def test_a_version_that_rebuild_gave_another_number_is_not_taken_for_the_one_that_was_computed(stands: Stands) -> None:
    assert stands.basis() is not None
    stands.archive.append("new", [sample()], "later")
    stands.archive.given.connection.execute("UPDATE ledger.memberships SET from_version = 7 WHERE batch_id = 'first-3'")
    assert stands.basis() is None


def test_another_reference_or_code_version_and_an_older_version_have_nothing_to_build_on(stands: Stands) -> None:
    assert stands.basis(reference_version=2) is None
    assert stands.basis(code_version="1+other") is None
    with stands.job.connect() as connection:
        assert (
            incremental.find_basis(
                connection, dataclasses.replace(stands.key, dataset_version=5), read_version(connection, 5)
            )
            is None
        )


def test_batches_that_are_most_of_the_rows_and_folders_that_are_many_make_a_run_of_everything(
    stands: Stands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incremental, "MOST_FOLDERS", 1)
    assert stands.basis() is None
    monkeypatch.undo()
    stands.archive.append("many", random_samples(700, seed=3), "later")
    assert stands.basis() is None


def test_an_earlier_run_that_is_removed_meanwhile_ends_the_publication(stands: Stands) -> None:
    kept = Kept(1, frozenset(), frozenset(), frozenset(), None)
    with stands.job.connect() as connection:
        run = find_run(connection, None)
        connection.execute("DELETE FROM metrics.runs")
        with pytest.raises(
            publish.BasisGoneError, match="run 1, which this one builds on, was removed meanwhile: run again"
        ):
            publish.publish(connection, dataclasses.replace(run, run_id=2), dict.fromkeys(TABLES, ()), True, kept)
        assert connection.execute("SELECT count(*) FROM metrics.runs").fetchone() == (0,)


@pytest.mark.slow
def test_a_run_whose_basis_is_removed_while_it_works_computes_everything(archive: Archive, job: MetricsJob) -> None:
    first, _ = job.run()
    archive.append("new", of_site(random_samples(60, seed=3), "LTM_ME", "000001"), "later")

    @contextmanager
    def connect() -> Iterator[Connection]:
        """The connection that publishes, unlike the one that asks for what there is, comes after the folders are written."""
        with job.connect() as connection:
            if archive.given.hdfs.status(f"enriched/run={first.run_id + 1}/_SUCCESS", strict=False):
                connection.execute("DELETE FROM metrics.runs WHERE run_id = %s", [first.run_id])
            yield connection

    run, new = dataclasses.replace(job, connect=connect).run()
    assert new
    assert (run.run_id, run.based_on, run.sites_computed) == (first.run_id + 2, None, 6)


@pytest.mark.slow
def test_batches_that_touch_most_sites_make_a_run_of_everything(archive: Archive, job: MetricsJob) -> None:
    job.run()
    archive.append("all", random_samples(30, seed=3), "later")
    run, _ = job.run()
    assert (run.based_on, run.sites_computed) == (None, 6)
