"""Workbooks sent under faults, and what must be true at the end of each: every row exactly once, nothing rejected by an outage."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from acidwatch.workbook.generate import Generated
from deploy.local.stack import Stack
from tests.support.deployment import Deployment

BATCHES = 60


@pytest.fixture(scope="module")
def workbooks(deployment: Deployment) -> Callable[[int], Generated]:
    """Makes a workbook of 60 batches of ten rows; the same sites whatever the seed of the samples."""
    deployment.load_reference(deployment.generate(BATCHES * 10, seed=1))

    def make(seed: int) -> Generated:
        made = deployment.generate(BATCHES * 10, seed=seed)
        deployment.load_reference(made)
        return made

    return make


@pytest.fixture(autouse=True)
def everything_stopped(deployment: Deployment) -> Iterator[None]:
    """Each test starts its own services and leaves none behind."""
    yield
    deployment.stop_all()


@pytest.fixture(autouse=True)
def servers_back(stack: Stack) -> Iterator[None]:
    """Whatever a test did to the servers, the next one finds them all."""
    yield
    for server in stack.servers:
        server.thaw()
        server.start()


def check_exactly_once(deployment: Deployment, made: Generated) -> None:
    """Every batch of the workbook is a member of the newest version exactly once, with every row, in files that hold them."""
    import hashlib
    import io

    import pyarrow.parquet as pq

    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.settings import HdfsSettings

    deployment.cli("wait", "--source", str(made.samples), "--batch-size", "10", "--timeout", "120s")
    sha256 = hashlib.sha256(made.samples.read_bytes()).hexdigest()
    ((newest,),) = deployment.query("SELECT newest_version FROM ledger.datasets")
    members = deployment.query(
        "SELECT path, batch_id, attempt, rows FROM ledger.members(%s) WHERE source_id = %s", newest, sha256
    )
    assert len(members) == len({batch_id for _, batch_id, _, _ in members}) == BATCHES
    assert sum(rows for *_, rows in members) == made.rows
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
    assert deployment.query("SELECT count(*) FROM ledger.dead_letters") == [(0,)]
    ((rows,),) = deployment.query("SELECT rows FROM ledger.datasets")
    assert deployment.query("SELECT sum(rows)::bigint FROM ledger.members(%s)", newest) == [(rows,)]
