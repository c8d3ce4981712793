"""Reconcile, verify, gc and the backup against running services: clean when all is well, and each loss named and mended."""

from __future__ import annotations

import json
from typing import Any

import pytest

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.settings import HdfsSettings
from acidwatch.workbook.generate import Generated
from tests.support.archived import another_database
from tests.support.deployment import Deployment, Process, until

CONTENT = """
    SELECT batch_id, attempt, rows, source_id FROM ledger.members((SELECT newest_version FROM ledger.datasets)) ORDER BY batch_id
"""
ZONES = ("raw", "clean", "quarantine", "reference")


@pytest.fixture(scope="module")
def services(deployment: Deployment) -> dict[str, Process]:
    return {name: deployment.start(name) for name in ("ingestor", "versioner")}


@pytest.fixture(scope="module")
def sent(deployment: Deployment, services: dict[str, Process]) -> Generated:
    """Ten batches, one of them broken, all of them sent twice."""
    made = deployment.generate(500, seed=31, broken=("range@4",))
    deployment.load_reference(made)
    deployment.send(made.samples, "--batch-size", "50")
    deployment.send(made.samples, "--batch-size", "50")
    deployment.cli("wait", "--timeout", "90s")
    return made


@pytest.fixture
def store(deployment: Deployment) -> HdfsStore:
    return HdfsStore(
        HdfsSettings(hdfs_url=deployment.env["ACIDWATCH_HDFS_URL"], hdfs_root=deployment.env["ACIDWATCH_HDFS_ROOT"])
    )


def reconcile(deployment: Deployment, *more: str, code: int = 0) -> dict[str, Any]:
    done = deployment.run("reconcile", "--output", "json", *more)
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def counted(deployment: Deployment, what: str) -> int:
    """Over all sources, while the versioner is stopped: then nobody can tell whether what it has not recorded is lost."""
    done = deployment.run("reconcile", "--timeout", "0", "--output", "json")
    found = json.loads(done.stdout)
    kinds = {fault["kind"] for fault in found["differences"]}
    assert (done.returncode, kinds) in [(0, set()), (1, {"undecided"})]
    return sum(source[what] for source in found["sources"])


def test_what_was_sent_is_what_was_accepted_rejected_and_came_twice(deployment: Deployment, sent: Generated) -> None:
    found = reconcile(deployment)
    (source,) = found["sources"]
    assert {name: source[name] for name in source if name not in {"source", "source_id"}} == {
        "sent": 20, "archived": 20, "accepted": 9, "rejected": 1, "duplicate": 10, "rerun": 0, "in_flight": 0,
    }  # fmt: skip
    assert found["differences"] == []


def test_every_file_and_version_of_a_run_is_verified(deployment: Deployment, sent: Generated) -> None:
    found = deployment.json("verify")
    assert found["faults"] == []
    assert found["checked"]["versions"] == 9
    assert min(found["checked"][what] for what in ("raw", "clean", "quarantine", "reference")) >= 1


def test_a_byte_that_was_changed_on_hdfs_is_found_and_named(
    deployment: Deployment, sent: Generated, store: HdfsStore
) -> None:
    sound = {path: store.read(path) for path in (next(iter(store.walk(zone))).path for zone in ZONES)}
    for path, data in sound.items():
        middle = len(data) // 2
        store.delete(path)
        store.publish(path, data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    done = deployment.run("verify")
    assert done.returncode == 1
    assert all(path in done.stdout.replace("\n", "") for path in sound)
    assert "4 faults" in done.stdout
    for path, data in sound.items():
        store.delete(path)
        store.publish(path, data)
    assert deployment.json("verify")["faults"] == []


def test_a_raw_file_that_is_gone_is_named_with_each_of_its_records(
    deployment: Deployment, sent: Generated, store: HdfsStore
) -> None:
    path = next(iter(store.walk("raw"))).path
    held = store.read(path)
    store.delete(path)
    kinds = {(fault["subject"], fault["kind"]) for fault in reconcile(deployment, code=1)["differences"]}
    store.publish(path, held)
    assert (path, "missing") in kinds
    assert any(kind == "not-in-raw" and subject.startswith("record ") for subject, kind in kinds)
    assert reconcile(deployment)["differences"] == []


def test_lost_outcomes_are_named_and_sent_again_from_raw(
    deployment: Deployment, sent: Generated, services: dict[str, Process]
) -> None:
    made = deployment.generate(300, seed=32, broken=("range@2",))
    deployment.load_reference(made)
    assert services["versioner"].stop() == 0
    deployment.send(made.samples, "--batch-size", "50")
    assert counted(deployment, "in_flight") == 6
    # The ingestor judges them; their outcomes wait for the versioner.
    until(lambda: counted(deployment, "archived") == 26, "all to be judged")
    late = reconcile(deployment, "--repair", "--yes", "--timeout", "1s", code=1)
    assert ([fault["kind"] for fault in late["differences"]], late["sent_again"]) == (["undecided"], 0)
    deployment.skip_outcomes()
    services["versioner"] = deployment.start("versioner")
    services["versioner"].wait_ready()

    lost = [fault for fault in reconcile(deployment, code=1)["differences"] if fault["kind"] == "lost-outcome"]
    assert len(lost) == 6
    assert deployment.run("reconcile", "--repair").returncode == 2, "nobody is there to say yes"
    assert reconcile(deployment, "--repair", "--yes", "-m", "retention")["sent_again"] == 6
    deployment.cli("wait", "--source", str(made.samples), "--batch-size", "50", "--timeout", "90s")

    found = reconcile(deployment)
    assert found["differences"] == []
    assert {(s["sent"], s["accepted"], s["rejected"]) for s in found["sources"]} == {(20, 9, 1), (6, 5, 1)}
    assert deployment.query("SELECT action, message FROM ledger.audit") == [("repair", "retention")]
    assert deployment.json("verify")["faults"] == []


def test_an_older_backup_is_restored_and_what_came_after_it_is_brought_back(
    deployment: Deployment, sent: Generated, services: dict[str, Process]
) -> None:
    stamp = deployment.json("ledger", "backup")["stamp"]
    (member, *_) = deployment.query("SELECT batch_id FROM ledger.members(9) ORDER BY batch_id")
    deployment.cli("quarantine", member[0], "--reason", "wrong unit", "--yes")
    made = deployment.generate(200, seed=33, broken=("range@0",))
    deployment.load_reference(made)
    deployment.send(made.samples, "--batch-size", "50")
    deployment.cli("wait", "--source", str(made.samples), "--batch-size", "50", "--timeout", "90s")
    before = deployment.query(CONTENT)
    assert services["versioner"].stop() == 0

    refused = deployment.run("ledger", "restore", "--yes")
    assert (refused.returncode, "--force" in refused.stderr) == (2, True)
    restored = deployment.json("ledger", "restore", "--backup", stamp, "--force", "--yes")
    assert (restored["newer_records"], restored["newer_entries"]) == (4, 1)
    assert deployment.query(CONTENT) != before
    lost = [fault for fault in reconcile(deployment, code=1)["differences"] if fault["kind"] == "lost-outcome"]
    assert len(lost) == 4

    rebuilt = deployment.json("ledger", "rebuild", "--onto", "--yes")
    assert (rebuilt["records"], rebuilt["entries"], rebuilt["remarks"]) == (4, 1, [])
    assert deployment.query(CONTENT) == before
    ((pending,),) = deployment.query("SELECT count(*) FROM ledger.dead_letters WHERE state = 'pending'")
    assert pending == 1
    services["versioner"] = deployment.start("versioner")
    services["versioner"].wait_ready()
    assert reconcile(deployment)["differences"] == []
    assert deployment.json("verify")["faults"] == []
    until(
        lambda: deployment.json("status")["dead_letters"]["pending"] == 0,
        "letters to be published though no outcome comes",
    )
    (listed,) = deployment.json("ledger", "backups", "list")
    assert (listed["stamp"], listed["newest_version"]) == (stamp, restored["newest_version"])


@pytest.mark.slow
def test_an_outcome_that_comes_after_gc_has_removed_its_file_is_judged_again(
    deployment: Deployment, sent: Generated, services: dict[str, Process]
) -> None:
    assert services["versioner"].stop() == 0
    made = deployment.generate(100, seed=34)
    deployment.load_reference(made)
    before = counted(deployment, "archived")
    deployment.send(made.samples, "--batch-size", "50")
    until(lambda: counted(deployment, "archived") == before + 2, "all to be judged")
    refused = deployment.run("gc", "--grace", "0", "--yes")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "the ledger is not whole: it lacks" in refused.stderr
    would = deployment.json("gc", "--grace", "0", "--force", "--dry-run")["removed"]
    removed = deployment.json("gc", "--grace", "0", "--force", "--yes")["removed"]
    assert removed == would
    assert {one["why"] for one in removed} == {"unreachable"}
    assert deployment.json("gc", "--grace", "0", "--force", "--yes")["removed"] == []

    services["versioner"] = deployment.start("versioner")
    deployment.cli("wait", "--source", str(made.samples), "--batch-size", "50", "--timeout", "90s")
    deployment.cli("wait", "--timeout", "90s")
    (source,) = [source for source in reconcile(deployment)["sources"] if source["rerun"]]
    assert (source["sent"], source["rerun"], source["accepted"], source["in_flight"]) == (4, 2, 2, 0)
    assert deployment.json("verify")["faults"] == []


def test_the_ledger_is_made_again_in_a_new_database_when_all_else_is_gone(
    deployment: Deployment, sent: Generated, services: dict[str, Process]
) -> None:
    before = deployment.query(CONTENT)
    assert services["versioner"].stop() == 0
    refused = deployment.run("ledger", "rebuild", "--yes")
    assert (refused.returncode, "not empty" in refused.stderr) == (2, True)
    deployment.env["ACIDWATCH_DATABASE_URL"] = another_database(deployment)
    rebuilt = deployment.json("ledger", "rebuild", "--yes")
    assert rebuilt["remarks"] == []
    assert deployment.query(CONTENT) == before
    assert deployment.query("SELECT action FROM ledger.audit ORDER BY audit_id DESC LIMIT 1") == [("rebuild",)]
    services["versioner"] = deployment.start("versioner")
    services["versioner"].wait_ready()
    assert reconcile(deployment)["differences"] == []
    assert deployment.json("verify")["faults"] == []
