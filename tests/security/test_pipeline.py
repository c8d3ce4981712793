"""The whole pipeline where everything is encrypted and each process has a user of its own with the rights of docs/operator.md only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg import sql

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.ledger.revision import require_known
from acidwatch.proof.backup import Backup, backups
from acidwatch.settings import HdfsSettings, PostgresSettings, load
from jobs.spark import publish, sources
from jobs.spark.postgres import connected
from tests.security.conftest import Secured, flags
from tests.support.deployment import Process, until
from tests.support.secured import password_of


@pytest.fixture(scope="module")
def services(secured: Secured) -> Iterator[dict[str, Process]]:
    """The ingestor and the versioner, each with its users; reference tables and one workbook are sent."""
    made = secured.generate(300)
    secured.load_reference(made)
    ingestor = secured.start(
        "ingestor", **flags(secured.kafka("ingestor")), database_url="postgresql://nobody@nowhere/x"
    )
    versioner = secured.start("versioner", **flags(secured.kafka("versioner") | secured.postgres("versioner")))
    for process in (ingestor, versioner):
        process.wait_ready()
    done = secured.run("send", str(made.samples), "--interval", "0", env=secured.kafka("producer"))
    assert done.returncode == 0, done.stderr
    secured.cli("wait", "--source", str(made.samples), "--timeout", "240s")
    yield {"ingestor": ingestor, "versioner": versioner}
    for process in (ingestor, versioner):
        assert process.stop() == 0, process.output


def test_batches_become_versions_with_encryption_and_a_user_for_each_process(
    secured: Secured, services: dict[str, Process]
) -> None:
    status = secured.json("status")
    assert (status["version"], status["rows"]) == (3, 300)
    assert status["batches"] == {"accepted": 3, "rejected": 0, "duplicate": 0, "in_flight": 0}
    assert services["ingestor"].get("/readyz")[0] == services["versioner"].get("/readyz")[0] == 200
    with secured.as_superuser() as connection:
        found = connection.execute(
            "SELECT DISTINCT usename, ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)"
            " WHERE application_name = 'acidwatch' AND datname = 'secured'"
        ).fetchall()
    assert found == [("versioner", True)]


def test_the_job_publishes_with_its_own_user(secured: Secured, services: dict[str, Process]) -> None:
    settings = load(PostgresSettings, **flags(secured.postgres("spark")))
    with connected(settings) as connection:
        require_known(connection)
        dataset = sources.read_version(connection, None)
        assert len(dataset.members) == 3
        tables: dict[str, Any] = {name: [] for name in publish.TABLES}
        run = _run(publish.next_run_id(connection), dataset.version)
        assert publish.publish(connection, run, tables, again=False) == run
        publish.show_as_newest(connection, run.run_id)
        assert connection.execute("SELECT run_id FROM olap.run").fetchall() == [(run.run_id,)]
    assert secured.json("status")["last_run"]["run_id"] == run.run_id


def _run(run_id: int, version: int) -> publish.Run:
    now = datetime.now(UTC)
    counts = dict.fromkeys(("files", "batches", "rows", "samples", "measurements"), 1)
    left = dict.fromkeys(("superseded", "ambiguous", "without_method", "without_site", "censored"), 0)
    return publish.Run(run_id, version, 1, "test", True, now, now, "enriched/none", **counts, **left)


@pytest.mark.timeout(900)
def test_the_live_job_follows_the_topic_with_a_user_and_encryption(
    secured: Secured, services: dict[str, Process]
) -> None:
    done = secured.run("job", "live", "--once", env=secured.postgres("spark") | secured.kafka("live"), seconds=800)
    assert done.returncode == 0, done.stderr
    with secured.as_superuser() as connection:
        assert connection.execute("SELECT count(*) FROM metrics.live_batch").fetchall() == [(3,)]


def test_a_versioner_whose_password_was_changed_waits_and_goes_on(
    secured: Secured, services: dict[str, Process]
) -> None:
    """What is sent meanwhile is recorded afterwards; the process is the same."""
    versioner, change = services["versioner"], "ALTER ROLE versioner PASSWORD {}"
    with secured.as_superuser() as connection:
        connection.execute(sql.SQL(change).format(sql.Literal("another")))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'versioner'")
        try:
            made = secured.generate(100, seed=2)
            done = secured.run("send", str(made.samples), "--interval", "0", env=secured.kafka("producer"))
            assert done.returncode == 0, done.stderr
            said = until(
                lambda: next(
                    (e["reason"] for e in versioner.events if "password authentication" in str(e.get("reason"))), ""
                ),
                "the versioner to say that its password is refused",
            )
            assert "refuses: FATAL: password authentication failed" in said and "ACIDWATCH_DATABASE_PASSWORD" in said
            assert versioner.get("/readyz")[0] == 503 and versioner.get("/healthz")[0] == 200
        finally:
            connection.execute(sql.SQL(change).format(sql.Literal(password_of("versioner"))))
    versioner.wait_ready()
    secured.cli("wait", "--source", str(made.samples), "--timeout", "240s")
    assert secured.json("status")["version"] == 4


def test_an_ingestor_whose_password_was_changed_waits_and_goes_on(
    secured: Secured, services: dict[str, Process]
) -> None:
    """The broker is started anew, so that no old connection is left; the process is the same."""
    ingestor, kafka = services["ingestor"], secured.stack.kafka
    options = secured.java_options()
    before = secured.json("status")["version"]

    def change(password: str) -> None:
        user = ("--entity-type", "users", "--entity-name", "ingestor")
        kafka.configure(options, "--alter", *user, "--add-config", f"SCRAM-SHA-512=[password={password}]")

    change("another")
    try:
        kafka.stop()
        kafka.start()
        until(lambda: "check ACIDWATCH_KAFKA_USER (ingestor)" in ingestor.get("/readyz")[1], "the ingestor to say it")
        made = secured.generate(100, seed=3)
        done = secured.run("send", str(made.samples), "--interval", "0", env=secured.kafka("producer"))
        assert done.returncode == 0, done.stderr
        assert ingestor.get("/healthz")[0] == 200
    finally:
        change(password_of("ingestor"))
    ingestor.wait_ready()
    secured.cli("wait", "--source", str(made.samples), "--timeout", "240s")
    assert secured.json("status")["version"] == before + 1


def test_compaction_and_gc_run_with_the_role_of_the_commands_and_need_no_other_right(
    secured: Secured, services: dict[str, Process]
) -> None:
    made = secured.generate(100, seed=4)
    done = secured.run("send", str(made.samples), "--interval", "0", env=secured.kafka("producer"))
    assert done.returncode == 0, done.stderr
    secured.cli("wait", "--source", str(made.samples), "--timeout", "240s")
    compacted = secured.json("job", "compact")
    assert compacted["files"] >= 2
    assert compacted["files_now"] == 1
    assert secured.json("gc", "--yes")["removed"] == [], "within the grace time"
    HdfsStore(load(HdfsSettings, **secured.settings())).publish("enriched/run=999/part-0.parquet", b"rows")
    garbage = secured.json("gc", "--grace", "0s", "--dry-run")["removed"]
    assert [one["path"] for one in garbage if one["why"] == "unpublished"] == ["enriched/run=999"]
    assert secured.json("verify")["faults"] == []


def test_the_operators_rights_are_enough_to_send_and_to_prove(secured: Secured, services: dict[str, Process]) -> None:
    made = secured.generate(100, seed=5)
    secured.cli("send", str(made.samples), "--interval", "0", "--wait")
    proved = secured.json("reconcile")
    assert proved["differences"] == []
    assert sum(source["accepted"] for source in proved["sources"]) == secured.json("status")["batches"]["accepted"]


def test_a_backup_by_the_operator_is_the_owners_and_who_may_not_read_everything_makes_none(
    secured: Secured, services: dict[str, Process]
) -> None:
    for user in ("acidwatch", "operator"):
        secured.cli("ledger", "backup", env=secured.postgres(user))
    refused = secured.run("ledger", "backup", env=secured.postgres("versioner"))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "lacks the role for it" in refused.stderr
    by_operator, by_owner = backups(HdfsStore(load(HdfsSettings, **secured.settings())))
    assert isinstance(by_operator, Backup) and isinstance(by_owner, Backup)
    assert any(by_owner.sequences.values()), "one was used, so a right that is missing would show"
    assert (by_operator.revision, by_operator.newest_version) == (by_owner.revision, by_owner.newest_version)
    assert by_operator.sequences == by_owner.sequences
    assert [(table.name, table.sha256) for table in by_operator.tables] == [
        (table.name, table.sha256) for table in by_owner.tables
    ]
