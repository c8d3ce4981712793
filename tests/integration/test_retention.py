"""Old runs are removed, on a real PostgreSQL and a real HDFS: rows first, then their folder, whatever interrupts it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.errors import DependencyAwayError
from acidwatch.ledger.connection import Ledger
from acidwatch.settings import HdfsSettings
from jobs.spark.publish import LOCK
from jobs.spark.retention import GRACE, Retention
from tests.support.deployment import Deployment, until
from tests.support.runs import insert_run

SOON = datetime.now(UTC) + timedelta(hours=5)
LATER = SOON + GRACE


@pytest.fixture
def store(deployment: Deployment) -> HdfsStore:
    """The deployment's folder, without results."""
    env = deployment.env
    found = HdfsStore(HdfsSettings(hdfs_url=env["ACIDWATCH_HDFS_URL"], hdfs_root=env["ACIDWATCH_HDFS_ROOT"]))
    for zone in ("enriched", "samples"):
        found.delete(zone)
    return found


@pytest.fixture
def results(ledger: Ledger, store: HdfsStore) -> Retention:
    """No runs, and five versions; two runs are kept."""
    with ledger.transaction() as connection:
        connection.execute("TRUNCATE metrics.runs CASCADE")
        connection.execute(
            "INSERT INTO ledger.versions (version, kind, author, message, batch_rows, batch_bytes, rows, bytes)"
            " SELECT n, 'append', 'ann', '', 0, 0, 0, 0 FROM generate_series(1, 5) AS n"
        )
    return Retention(store, ledger, runs_kept=2)


def publish(results: Retention, run_id: int, version: int, *, newest: bool = True) -> None:
    """A run as the job leaves it: folder, row, and rows in several tables."""
    write_folder(results, run_id)
    with results.ledger.transaction() as connection:
        insert_run(connection, run_id, version, newest=newest)
        connection.execute(
            "INSERT INTO metrics.region (run_id, region, parameter, site_set, variant, unit, first_year, last_year, n_sites)"
            " VALUES (%s, 'Catskills', 'SO4', 'all', 'annual_mean', 'ueq/L', 1990, 2020, 0)",
            (run_id,),
        )
        connection.execute(
            "INSERT INTO metrics.unit_break VALUES (%s, 'LTM_CAT', 'SIO2', '1991-04-01', 16.7, 5, 5, 9)", (run_id,)
        )


def write_folder(results: Retention, run_id: int) -> None:
    for name in (
        "enriched/run={}/_SUCCESS",
        "enriched/run={}/program_id=LTM_CAT/part-0.parquet",
        "samples/run={}/part-0.parquet",
    ):
        results.store.publish(name.format(run_id), b"rows")


def takes_sites(results: Retention, run_id: int, *computed_by: int) -> None:
    """Say that sites of a run were computed by these."""
    with results.ledger.transaction() as connection:
        for number in computed_by:
            connection.execute(
                "INSERT INTO metrics.site_rows VALUES (%s, 'LTM_CAT', %s, %s, 1, 0, 1, 0, 0, 0, 0, 0, '2020-01-01')",
                (run_id, f"site-{number}", number),
            )


def left(results: Retention) -> tuple[Sequence[int], list[str]]:
    """Runs that have rows, which must be the same in every table, and folders, which must be the same in both zones but for notes."""
    with results.ledger.transaction() as connection:
        found = [
            [row["run_id"] for row in connection.execute(f"SELECT run_id FROM metrics.{table} ORDER BY run_id")]
            for table in ("runs", "region", "unit_break")
        ]
    assert found[0] == found[1] == found[2]
    folders = results.store.names("enriched")
    assert [name for name in folders if name.startswith("run=")] == results.store.names("samples")
    return found[0], folders


def folders(*runs: int) -> list[str]:
    return [f"run={run}" for run in runs]


def paths(*runs: int) -> list[str]:
    return [f"{zone}/run={run}" for run in runs for zone in ("enriched", "samples")]


def test_the_last_runs_those_of_tagged_versions_and_the_shown_one_are_kept(results: Retention) -> None:
    publish(results, 1, 2)
    publish(results, 2, 5)  # the newest run of the newest version: what olap shows
    publish(results, 3, 1, newest=False)
    publish(results, 4, 3, newest=False)
    publish(results, 5, 3, newest=False)
    publish(results, 6, 4)
    with results.ledger.transaction() as connection:
        connection.execute("INSERT INTO ledger.tags (tag, version, author, message) VALUES ('report', 2, 'ann', '')")
        connection.execute("INSERT INTO ledger.tags (tag, version, author, message) VALUES ('again', 2, 'ann', '')")
    assert results.apply(SOON) == paths(3, 4)
    assert left(results) == ([1, 2, 5, 6], folders(1, 2, 5, 6))
    assert results.apply(SOON) == []
    with results.ledger.transaction() as connection:
        connection.execute("DELETE FROM ledger.tags")
    assert results.apply(SOON) == paths(1)
    with results.ledger.transaction() as connection:
        assert connection.execute("SELECT run_id FROM olap.run").fetchone() == {"run_id": 2}


def test_the_folder_of_a_run_that_was_never_published_is_removed_once_it_is_old(results: Retention) -> None:
    publish(results, 1, 1)
    write_folder(results, 2)
    results.store.publish("enriched/notes.txt", b"of a person")
    assert results.apply(SOON) == []
    assert results.apply(LATER) == paths(2)
    assert left(results) == ([1], ["notes.txt", *folders(1)])


def test_folders_stay_as_long_as_a_run_takes_sites_from_them(results: Retention) -> None:
    for run in (1, 2, 3):
        publish(results, run, run)
    takes_sites(results, 3, 1, 3)
    assert results.apply(SOON) == []
    assert left(results) == ([2, 3], folders(1, 2, 3)), (
        "the rows of run 1 are gone, which is too old; run 3 needs what it computed"
    )
    publish(results, 4, 4)
    takes_sites(results, 4, 3, 4)
    assert results.apply(LATER) == paths(2)
    publish(results, 5, 5)
    assert results.apply(LATER) == paths(1)
    assert left(results) == ([4, 5], folders(3, 4, 5))


def test_hdfs_away_in_between_leaves_no_run_without_its_folder_and_later_calls_do_the_rest(results: Retention) -> None:
    for run in (1, 2, 3, 4):
        publish(results, run, run)
    away = Retention(HdfsStore(HdfsSettings(hdfs_url="http://127.0.0.1:1")), results.ledger, results.runs_kept)
    with pytest.raises(DependencyAwayError, match="HDFS"):
        away.apply(SOON)
    assert left(results) == ([2, 3, 4], folders(1, 2, 3, 4))
    assert results.apply(SOON) == paths(2)
    assert results.apply(LATER) == paths(1)
    assert left(results) == ([3, 4], folders(3, 4))


def test_a_run_that_is_being_published_is_waited_for_and_counts(results: Retention, deployment: Deployment) -> None:
    for run in (1, 2, 3):
        publish(results, run, run)
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with psycopg.connect(deployment.database_url) as publishing, ThreadPoolExecutor(1) as threads:
        publishing.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        removed = threads.submit(results.apply, SOON)
        until(lambda: deployment.query(waiting) == [(1,)], "the removal to wait")
        publish(results, 4, 4)
        publishing.commit()
        assert removed.result(60) == paths(1, 2)
    assert left(results) == ([3, 4], folders(3, 4))
