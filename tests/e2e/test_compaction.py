"""`acidwatch job compact` while batches come in, by the command as people give it: versions read the same, and few files are left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.settings import HdfsSettings
from acidwatch.workbook.generate import Generated
from tests.support.archived import another_database
from tests.support.deployment import LONG, PROJECT, Deployment, until

# Two batches a file at most, so that there are many.
SMALL = {"group_records": "2", "group_seconds": "0.05"}
ROWS_PER_FILE = "200"
LIVE_FILES = """
    SELECT f.path, sum(a.rows)::int FROM ledger.files f JOIN ledger.file_batches fb USING (file_id)
    JOIN ledger.attempts a USING (batch_id, attempt) WHERE fb.zone = 'clean'
    AND EXISTS (SELECT FROM ledger.memberships m WHERE m.batch_id = fb.batch_id AND m.attempt = fb.attempt) GROUP BY 1 ORDER BY 1
"""
CONTENT = "SELECT batch_id, attempt, rows, source_id FROM ledger.members((SELECT newest_version FROM ledger.datasets)) ORDER BY 1"


@pytest.fixture(scope="module")
def history(deployment: Deployment) -> Generated:
    """A workbook in many small files, a batch of it taken out, a tag; the services go on running."""
    made = deployment.generate(600, seed=41, broken=("range@4",))
    deployment.load_reference(made)
    for service in ("ingestor", "versioner"):
        deployment.start(service, **SMALL)
    deployment.send(made.samples, "--batch-size", "10")
    deployment.cli("wait", "--source", str(made.samples), "--batch-size", "10", "--timeout", "240s")
    ((batch_id,),) = deployment.query("SELECT batch_id FROM ledger.memberships ORDER BY from_version LIMIT 1")
    deployment.cli("quarantine", batch_id, "--reason", "wrong bottle", "--yes")
    deployment.cli("versions", "tag", "before", "newest", "-m", "before compaction")
    return made


@pytest.fixture(scope="module")
def exported(deployment: Deployment, history: Generated, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What these versions read as before any compaction."""
    return exports(deployment, tmp_path_factory.mktemp("before"))


def exports(deployment: Deployment, folder: Path) -> dict[str, bytes]:
    found = {}
    for version in ("20", "before"):
        deployment.cli("versions", "export", "--version", version, "--to", str(folder / version))
        found[version] = (folder / version / "samples.parquet").read_bytes()
    return found


def compact(deployment: Deployment, *more: str) -> Any:
    return deployment.json("job", "compact", "--rows-per-file", ROWS_PER_FILE, *more)


@contextmanager
def sending(deployment: Deployment, workbook: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A workbook on its way, a batch at a time."""
    command = ["send", str(workbook), "--batch-size", "10", "--interval", "0.3s"]
    with subprocess.Popen(
        [sys.executable, "-m", "acidwatch.cli", *command],
        env={**os.environ, "PYTHONPATH": str(PROJECT), **deployment.env},
        cwd=deployment.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_dry_run_says_what_would_become_of_which_files_and_changes_nothing(
    deployment: Deployment, exported: dict[str, bytes]
) -> None:
    before = deployment.query(LIVE_FILES)
    assert len(before) >= 20
    planned = compact(deployment, "--dry-run")["planned"]
    assert sum(group["files"] for group in planned) == len(before)
    assert sum(group["rows"] for group in planned) == sum(rows for _, rows in before) == 590
    told = deployment.cli("job", "compact", "--rows-per-file", ROWS_PER_FILE, "--dry-run")
    assert told.splitlines()[-1] == f"would write {len(before)} files as {len(planned)}"
    assert deployment.query(LIVE_FILES) == before


def test_compaction_while_batches_come_in_changes_no_version_and_loses_nothing(
    deployment: Deployment, exported: dict[str, bytes], tmp_path: Path
) -> None:
    more = deployment.generate(600, seed=42)
    deployment.load_reference(more)
    seen = []
    with sending(deployment, more.samples) as sender:
        while sender.poll() is None:
            done = compact(deployment)
            assert done["faults"] == []
            ((newest,),) = deployment.query("SELECT newest_version FROM ledger.datasets")
            seen.append((newest, done["files"]))
    assert sender.returncode == 0
    deployment.cli("wait", "--source", str(more.samples), "--batch-size", "10", "--timeout", "240s")
    assert len({newest for newest, files in seen if files}) >= 2, "files came, and were compacted, in between"
    compact(deployment)
    assert exports(deployment, tmp_path) == exported
    files = deployment.query(LIVE_FILES)
    assert sum(rows for _, rows in files) == 590 + 600
    assert sum(rows < int(ROWS_PER_FILE) / 2 for _, rows in files) <= 1
    assert deployment.json("reconcile")["differences"] == []
    assert deployment.json("verify")["faults"] == []
    ((versions, newest),) = deployment.query("SELECT count(*), max(version) FROM ledger.versions")
    assert versions == newest == 59 + 1 + 60, "one for each accepted batch, one for the quarantine, none for compaction"


def test_with_the_default_one_file_is_left_and_then_there_is_nothing_to_compact(
    deployment: Deployment, exported: dict[str, bytes], tmp_path: Path
) -> None:
    deployment.cli("job", "compact")
    assert [rows for _, rows in deployment.query(LIVE_FILES)] == [1190]
    assert deployment.cli("job", "compact") == "nothing to compact; files with the rows of all versions: 1\n"
    assert exports(deployment, tmp_path) == exported


def test_the_small_files_stay_until_gc_may_take_them_and_nothing_needs_them(
    deployment: Deployment, exported: dict[str, bytes], tmp_path: Path
) -> None:
    until(lambda: deployment.json("reconcile")["sources"][0]["in_flight"] == 0, "nothing to be on its way")
    assert deployment.json("gc", "--dry-run")["removed"] == []
    gone = [one["path"] for one in deployment.json("gc", "--grace", "0s", "--yes")["removed"]]
    assert len(gone) > 40
    assert {path.split("/")[0] for path in gone} == {"clean"}
    assert exports(deployment, tmp_path) == exported
    assert deployment.json("verify")["faults"] == []
    assert deployment.json("reconcile")["differences"] == []
    actions = [entry["action"] for entry in _journal(deployment)]
    assert actions.count("gc") == 1
    assert actions.count("compact") >= 3


def _journal(deployment: Deployment) -> list[Any]:
    import json

    store = _store(deployment)
    return [json.loads(store.read(f"journal/{name}")) for name in store.names("journal")]


def _store(deployment: Deployment) -> HdfsStore:
    return HdfsStore(
        HdfsSettings(hdfs_url=deployment.env["ACIDWATCH_HDFS_URL"], hdfs_root=deployment.env["ACIDWATCH_HDFS_ROOT"])
    )


def test_the_ledger_is_made_again_from_the_compacted_files(deployment: Deployment, exported: dict[str, bytes]) -> None:
    url = another_database(deployment)
    env = {"ACIDWATCH_DATABASE_URL": url}
    deployment.cli("ledger", "rebuild", "--yes", env=env)
    import psycopg

    with psycopg.connect(url) as connection:
        assert connection.execute(CONTENT).fetchall() == deployment.query(CONTENT)
        assert connection.execute("SELECT count(*) FROM ledger.reruns").fetchall() == [(0,)]
        assert connection.execute(LIVE_FILES).fetchall() == deployment.query(LIVE_FILES)
    assert deployment.run("verify", env=env).returncode == 0


def test_a_damaged_file_is_named_and_left_with_exit_code_1(deployment: Deployment, exported: dict[str, bytes]) -> None:
    third = deployment.generate(100, seed=43)
    deployment.load_reference(third)
    deployment.send(third.samples, "--batch-size", "10")
    deployment.cli("wait", "--source", str(third.samples), "--batch-size", "10", "--timeout", "240s")
    (path, *others) = [path for path, rows in deployment.query(LIVE_FILES) if rows < 1000]
    assert len(others) >= 3
    store = _store(deployment)
    sound = store.read(path)
    store.delete(path)
    store.publish(path, sound[:-1])
    done = deployment.run("job", "compact")
    assert done.returncode == 1
    assert f"{path}: its SHA-256 is not the one in the ledger" in done.stderr
    assert done.stdout.startswith(f"wrote {len(others) + 1} files as 1, ")
    store.delete(path)
    store.publish(path, sound)
    assert deployment.json("verify")["faults"] == []


def test_a_server_that_is_away_is_exit_code_3_and_a_wrong_schedule_2(deployment: Deployment) -> None:
    away = deployment.run("job", "compact", env={"ACIDWATCH_DATABASE_URL": "postgresql://u@127.0.0.1:1/d"})
    assert (away.returncode, away.stdout) == (3, "")
    wrong = deployment.run("job", "compact", "--schedule", "every day")
    assert wrong.returncode == 2
    assert deployment.run("job", "compact", "--rows-per-file", "0").returncode == 2


def test_on_a_schedule_it_shows_that_a_run_ended_well_and_stops_on_sigterm(
    deployment: Deployment, exported: dict[str, bytes]
) -> None:
    log = deployment.folder / "schedule.log"
    with log.open("wb") as output, subprocess.Popen(
        [sys.executable, "-m", "acidwatch.cli", "job", "compact", "--schedule", "* * * * * *"],
        env={**os.environ, "PYTHONPATH": str(PROJECT), **deployment.env},
        cwd=deployment.folder,
        stdout=output,
        stderr=output,
    ) as process:  # fmt: skip

        def shown() -> str:
            found = re.search(r"health (http://\S+)", log.read_text())
            if found is None:
                return ""
            with urllib.request.urlopen(f"{found[1]}/metrics", timeout=20) as answer:
                return str(answer.read().decode())

        try:
            well = r'acidwatch_job_runs_total\{result="succeeded",task="compact"\} [1-9]'
            until(lambda: re.search(well, shown()), "a run")
            process.send_signal(signal.SIGTERM)
            assert process.wait(LONG) == 0
        finally:
            process.kill()
    assert len(deployment.query(LIVE_FILES)) == 1
