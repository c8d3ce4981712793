"""Workbooks sent under faults, and what must be true at the end of each: every row exactly once, nothing rejected by an outage."""

from __future__ import annotations

import hashlib
import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.settings import HdfsSettings
from acidwatch.workbook.generate import Generated
from deploy.local.stack import Stack
from tests.support.deployment import Deployment

BATCHES = 60


@pytest.fixture(scope="module")
def workbooks(deployment: Deployment) -> Callable[[int], Generated]:
    """Makes workbooks of 60 batches of ten rows: the same rows in files that differ, so that each is a source of its own."""
    return _copies(deployment, deployment.generate(BATCHES * 10, seed=1))


@pytest.fixture(scope="module")
def broken_workbooks(deployment: Deployment) -> Callable[[int], Generated]:
    """The same, with one row that gets its batch rejected."""
    return _copies(deployment, deployment.generate(BATCHES * 10, seed=2, broken=("range@3",)))


def _copies(deployment: Deployment, made: Generated) -> Callable[[int], Generated]:
    deployment.load_reference(made)

    def make(number: int) -> Generated:
        samples = Path(shutil.copy(made.samples, made.samples.with_name(f"samples-{number}.xlsx")))
        with zipfile.ZipFile(samples, "a") as archive:
            archive.comment = b"%d" % number
        return replace(made, samples=samples)

    return make


@pytest.fixture(autouse=True)
def everything_stopped(deployment: Deployment) -> Iterator[None]:
    """Each test starts its own services and leaves none behind."""
    yield
    deployment.stop_all()
    deployment.expire(*{process.name for process in deployment.processes})


@pytest.fixture(autouse=True)
def servers_back(stack: Stack) -> Iterator[None]:
    """Whatever a test did to the servers, the next one finds them all."""
    yield
    for server in stack.servers:
        server.thaw()
        server.start()


def check_exactly_once(deployment: Deployment, made: Generated) -> None:
    """Every good batch of the workbook is a member of the newest version exactly once, with every row, in files that hold them.

    The others, whose rows were broken on purpose, are one published dead letter each; nothing else is one. Topic, raw/ and ledger agree.
    """
    deployment.cli("wait", "--source", str(made.samples), "--batch-size", "10", "--timeout", "240s")
    sha256 = hashlib.sha256(made.samples.read_bytes()).hexdigest()
    ((newest,),) = deployment.query("SELECT newest_version FROM ledger.datasets")
    members = deployment.query(
        "SELECT path, batch_id, attempt, rows FROM ledger.members(%s) WHERE source_id = %s", newest, sha256
    )
    rejected = len(made.faults)
    assert len(members) == len({batch_id for _, batch_id, _, _ in members}) == BATCHES - rejected
    assert sum(rows for *_, rows in members) == made.rows - 10 * rejected
    store = HdfsStore(
        HdfsSettings(hdfs_url=deployment.env["ACIDWATCH_HDFS_URL"], hdfs_root=deployment.env["ACIDWATCH_HDFS_ROOT"])
    )
    for path in {path for path, *_ in members}:
        table = pq.read_table(io.BytesIO(store.read(path)), columns=["batch_id", "attempt"])
        held = list(zip(table["batch_id"].to_pylist(), table["attempt"].to_pylist(), strict=True))
        for named, batch_id, attempt, rows in members:
            if named == path:
                assert held.count((batch_id, attempt)) == rows
    versions = [number for (number,) in deployment.query("SELECT version FROM ledger.versions ORDER BY version")]
    assert versions == list(range(1, newest + 1))
    ((rows,),) = deployment.query("SELECT rows FROM ledger.datasets")
    assert deployment.query("SELECT sum(rows)::bigint FROM ledger.members(%s)", newest) == [(rows,)]
    assert _letters_by_state(deployment, sha256) == ({"published": rejected} if rejected else {})
    assert deployment.json("reconcile")["differences"] == []


def _letters_by_state(deployment: Deployment, source_id: str) -> dict[str, int]:
    return dict(
        deployment.query(
            "SELECT state, count(*) FROM ledger.dead_letters JOIN ledger.batches USING (batch_id) WHERE source_id = %s"
            " GROUP BY state",
            source_id,
        )
    )
