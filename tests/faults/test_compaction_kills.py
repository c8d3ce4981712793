"""A compaction killed at each named step, between an ingest and the next: it leaves orphans only, and the next one does what is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from pydantic import SecretStr

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.history.rows import read_rows
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.files import needed_files
from acidwatch.ledger.members import members
from acidwatch.settings import HdfsSettings, PostgresSettings
from acidwatch.workbook.generate import Generated
from tests.faults.conftest import check_exactly_once
from tests.support.compaction_with_kills import COMPACTION_KILL_POINTS
from tests.support.deployment import LONG, PROJECT, Deployment

# Small groups, so that there are many files; small new files, so that there are several.
SMALL = {"group_records": "2", "group_seconds": "0.05"}
ROWS_PER_FILE = 150

ALWAYS = {"half of the new file", "before the transaction commits"}
POINTS = [
    pytest.param(point, marks=[] if point in ALWAYS else pytest.mark.slow, id=point) for point in COMPACTION_KILL_POINTS
]

numbers = count(1)


def compact_and_die(deployment: Deployment, point: str) -> None:
    """Run the command until it kills itself."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.compaction_with_kills", point, "--rows-per-file", str(ROWS_PER_FILE)],
        env={**os.environ, "PYTHONPATH": str(PROJECT), **deployment.env},
        cwd=deployment.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG,
    )
    assert done.returncode == -signal.SIGKILL, f"{point}: {done.returncode}\n{done.stdout}{done.stderr}"[-3000:]


def rows_of_versions(deployment: Deployment, versions: list[int]) -> dict[int, list[dict[str, Any]]]:
    """The rows of these versions, read as every reader does."""
    store = HdfsStore(
        HdfsSettings(hdfs_url=deployment.env["ACIDWATCH_HDFS_URL"], hdfs_root=deployment.env["ACIDWATCH_HDFS_ROOT"])
    )
    ledger = Ledger(PostgresSettings(database_url=SecretStr(deployment.database_url)))
    try:
        found = {}
        for version in versions:
            with ledger.transaction() as connection:
                named = members(connection, version)
            rows = read_rows(store, named).to_pylist()
            found[version] = sorted(rows, key=lambda row: (row["batch_id"], row["attempt"], row["row"]))
        return found
    finally:
        ledger.close()


def small_files(deployment: Deployment) -> int:
    ledger = Ledger(PostgresSettings(database_url=SecretStr(deployment.database_url)))
    try:
        with ledger.transaction() as connection:
            return len(needed_files(connection, ROWS_PER_FILE // 2))
    finally:
        ledger.close()


@pytest.mark.parametrize("point", POINTS)
def test_a_compaction_killed_at_any_step_leaves_orphans_only_and_the_next_one_goes_on(
    deployment: Deployment, workbooks: Callable[[int], Generated], point: str
) -> None:
    made = workbooks(next(numbers))
    services = [deployment.start(name, **SMALL) for name in ("ingestor", "versioner")]
    deployment.send(made.samples, "--batch-size", "10")
    check_exactly_once(deployment, made)
    ((newest,),) = deployment.query("SELECT newest_version FROM ledger.datasets")
    versions = [newest // 2, newest]
    before = rows_of_versions(deployment, versions)
    small = small_files(deployment)
    assert small > 2 * ROWS_PER_FILE // 20, "several groups of them"

    compact_and_die(deployment, point)
    assert rows_of_versions(deployment, versions) == before
    assert deployment.json("verify")["faults"] == []
    check_exactly_once(deployment, made)

    done = deployment.json("job", "compact", "--rows-per-file", str(ROWS_PER_FILE))
    assert (done["faults"], done["given_up"]) == ([], [])
    assert small_files(deployment) <= 1
    for service in services:
        service.stop()
    gone = deployment.json("gc", "--grace", "0s", "--yes")["removed"]
    assert len(gone) >= small - 1, "what was compacted, and what the killed one left"
    assert rows_of_versions(deployment, versions) == before
    assert deployment.json("verify")["faults"] == []
    check_exactly_once(deployment, made)
    assert deployment.query("SELECT newest_version FROM ledger.datasets") == [(newest,)], "no version was made"
