"""A workbook through the whole pipeline: producer, Kafka, ingestor, HDFS, versioner, PostgreSQL."""

from __future__ import annotations

import json

import pytest

from acidwatch.workbook.generate import Generated
from tests.support.deployment import PROJECT, Deployment, Process, until
from tests.support.runbook import following

LABS = PROJECT / "docs" / "labs.md"


@pytest.fixture(scope="module")
def services(deployment: Deployment) -> dict[str, Process]:
    running = {name: deployment.start(name) for name in ("ingestor", "versioner")}
    running["versioner"].wait_ready()
    return running


@pytest.fixture(scope="module")
def sent(deployment: Deployment, services: dict[str, Process]) -> Generated:
    """Ten batches, one of them broken, sent and accounted for."""
    made = deployment.generate(1000, seed=11, broken=("range@4",))
    deployment.load_reference(made)
    deployment.send_and_wait(made.samples)
    return made


def test_nine_of_ten_batches_are_accepted_and_the_broken_one_is_rejected(
    deployment: Deployment, sent: Generated
) -> None:
    status = deployment.json("status")
    assert status["batches"] == {"accepted": 9, "rejected": 1, "duplicate": 0, "in_flight": 0}
    assert status["dead_letters"] == {"pending": 0, "published": 1, "replayed": 0, "parked": 0, "resolved": 0}
    assert (status["dataset"], status["version"], status["rows"], status["last_run"]) == ("water-quality", 9, 900, None)


def test_versions_are_numbered_without_a_gap_and_their_rows_add_up(deployment: Deployment, sent: Generated) -> None:
    versions = deployment.json("versions", "list", "--limit", "1000")
    assert [version["version"] for version in versions] == list(range(9, 0, -1))
    assert [version["rows"] for version in versions] == list(range(900, 0, -100))
    assert {version["kind"] for version in versions} == {"append"}
    fixed = {"version", "kind", "created_at", "author", "message", "batch_id", "batch_rows", "batch_bytes", "rows"}
    assert fixed <= versions[0].keys()
    assert deployment.json("versions", "show", "9")["batches"] == 9


def test_the_finding_of_the_broken_batch_names_sheet_and_cell(deployment: Deployment, sent: Generated) -> None:
    (fault,) = sent.faults
    (rejected,) = deployment.json("batches", "list", "--verdict", "rejected")
    assert (rejected["batch_index"], rejected["attempt"], rejected["version"]) == (4, 1, None)
    (finding,) = [finding for finding in rejected["findings"] if finding["severity"] == "hard"]
    assert (finding["rule"], finding["sheet"], finding["cell"]) == (fault.rule, fault.sheet, fault.cell)
    assert "outside 0 to 2000 ueq/L" in finding["message"]
    shown = deployment.cli("batches", "show", rejected["batch_id"][:8])
    assert f"{fault.sheet}!{fault.cell}" in shown
    assert "dead letter published" in shown


def test_the_dead_letter_has_the_original_bytes_and_says_where_they_came_from(
    deployment: Deployment, sent: Generated
) -> None:
    (letter,) = deployment.records("ACIDWATCH_TOPIC_LETTERS")
    headers = dict(letter.headers)
    (original,) = [record for record in deployment.records("ACIDWATCH_TOPIC_BATCHES") if record.key == letter.key]
    assert letter.value == original.value
    assert letter.headers[: len(original.headers)] == original.headers
    assert headers["dlq-origin-topic"].decode() == original.topic
    assert int(headers["dlq-origin-partition"]) == original.partition
    assert int(headers["dlq-origin-offset"]) == original.offset
    assert int(headers["dlq-origin-timestamp"]) == original.timestamp
    assert headers["dlq-reason"] == b"range.SO4_UEQ_L"
    assert headers["dlq-attempt"] == b"1"
    assert headers["dlq-archive-path"].startswith(b"raw/")


def test_sending_the_same_workbook_again_makes_duplicates_and_no_version(
    deployment: Deployment, sent: Generated
) -> None:
    before = deployment.json("status")
    deployment.send(sent.samples)
    deployment.cli("wait", "--timeout", "90s")
    after = deployment.json("status")
    assert after["version"] == before["version"]
    assert after["rows"] == before["rows"]
    assert after["batches"]["duplicate"] == before["batches"]["duplicate"] + 10
    assert (after["batches"]["accepted"], after["batches"]["rejected"]) == (9, 1)
    assert after["dead_letters"]["published"] == 1


def test_a_new_reference_version_is_picked_up_without_a_restart(deployment: Deployment, sent: Generated) -> None:
    other = deployment.generate(3000, seed=12)
    deployment.load_reference(other)
    deployment.send_and_wait(other.samples)
    attempts = deployment.json("batches", "list", "--source", str(other.samples.name), "--limit", "40")
    newest = [attempt for attempt in attempts if attempt["reference_version"] == 2]
    assert len(newest) == 30
    assert {attempt["verdict"] for attempt in newest} == {"accepted"}


def test_every_file_that_the_ledger_names_is_on_hdfs_with_its_length_and_checksum(
    deployment: Deployment, sent: Generated
) -> None:
    import hashlib

    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.settings import HdfsSettings

    store = HdfsStore(
        HdfsSettings(hdfs_url=deployment.env["ACIDWATCH_HDFS_URL"], hdfs_root=deployment.env["ACIDWATCH_HDFS_ROOT"])
    )
    files = deployment.query("SELECT path, bytes, sha256 FROM ledger.files")
    assert {path.split("/")[0] for path, _, _ in files} == {"raw", "clean", "quarantine"}
    for path, length, sha256 in files:
        data = store.read(path)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (length, sha256)


def test_services_report_health_and_metrics(services: dict[str, Process], sent: Generated) -> None:
    for process in services.values():
        assert process.get("/healthz")[0] == 200
        assert process.get("/readyz")[0] == 200
        assert "acidwatch_step_seconds_count" in process.get("/metrics")[1]
    assert 'acidwatch_batches_total{verdict="rejected"}' in services["ingestor"].get("/metrics")[1]


def test_each_group_is_one_log_line_with_a_batch_id(services: dict[str, Process], sent: Generated) -> None:
    groups = [event for event in services["ingestor"].events if event["event"] == "group committed"]
    assert groups
    assert all(event["batch_id"] and event["batches"] for event in groups)


def test_a_workbook_in_the_drop_folder_is_sent_once_also_after_a_restart(
    deployment: Deployment, sent: Generated
) -> None:
    made = deployment.generate(300, seed=11)
    drop, state = deployment.folder / "drop", deployment.folder / "state"
    settings = {
        "drop_folder": str(drop),
        "state_folder": str(state),
        "interval_seconds": "0",
        "look_seconds": "0.1",
        "settle_seconds": "0.2",
    }
    producer = deployment.start("producer", **settings)
    producer.wait_ready()
    (drop / "lake.xlsx").write_bytes(made.samples.read_bytes())
    (drop / "notes.xlsx").write_bytes(b"not a workbook")
    until(lambda: any(event["event"] == "sent" for event in producer.events), "the drop folder to be sent")
    until(lambda: any(event["event"] == "refused" for event in producer.events), "the other file to be refused")
    assert producer.stop() == 0
    deployment.cli("wait", "--timeout", "60s")
    recorded = deployment.query(
        "SELECT count(*) FROM ledger.deliveries JOIN ledger.batches USING (batch_id)"
        " JOIN ledger.sources USING (source_id) WHERE name = 'lake.xlsx'"
    )
    again = deployment.start("producer", **settings)
    until(lambda: len([event for event in again.events if event["event"] == "known already"]) == 2, "both to be known")
    assert again.stop() == 0
    deployment.cli("wait", "--timeout", "60s")
    assert recorded == [(3,)]
    assert recorded == deployment.query(
        "SELECT count(*) FROM ledger.deliveries JOIN ledger.batches USING (batch_id)"
        " JOIN ledger.sources USING (source_id) WHERE name = 'lake.xlsx'"
    )


def test_send_refuses_what_is_certain_to_be_rejected_by_the_loaded_sites_and_sends_none_of_it(
    deployment: Deployment, sent: Generated
) -> None:
    before = len(deployment.records("ACIDWATCH_TOPIC_BATCHES"))
    made = deployment.generate(300, seed=11, broken=("unknown-site@1",))
    done = deployment.run("send", str(made.samples), "--interval", "0", "--output", "json")
    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert (said["sent"], said["certain_rejections"]) == (0, [1])
    assert said["checked_against"] >= 1
    assert "site 'ZZ999'" in done.stderr
    assert len(deployment.records("ACIDWATCH_TOPIC_BATCHES")) == before


def test_send_that_waits_says_what_became_of_each_batch(deployment: Deployment, sent: Generated) -> None:
    made = deployment.generate(300, seed=11, broken=("unknown-site@1",))
    done = deployment.run("send", str(made.samples), "--interval", "0", "--force", "--wait", "--output", "json")
    assert done.returncode == 1, "not all of it was accepted"
    fate = json.loads(done.stdout)["fate"]
    assert (fate["accepted"], fate["left"]) == (2, "")
    (rejected,) = fate["rejected"]
    assert (rejected["batch_index"], rejected["findings"][0]["rule"]) == (1, "reference.site")
    again = deployment.run("send", str(made.samples), "--interval", "0", "--force", "--wait")
    assert again.returncode == 1
    assert "2 of 3 batches were accepted, 1 rejected" in again.stdout
    assert "is not in the sites table" in again.stdout


def test_the_page_for_laboratories_sends_as_it_is_written(deployment: Deployment, sent: Generated) -> None:
    with following(deployment, "Sending it", LABS) as section:
        said = section.follow()
    assert "nothing of samples.xlsx was sent" in said
    assert "9 of 10 batches were accepted, 1 rejected" in said


def test_services_stop_cleanly_on_sigterm(services: dict[str, Process], sent: Generated) -> None:
    for process in services.values():
        assert process.stop() == 0
        assert any(event["event"] == "stopped" for event in process.events)
