"""An upgrade of the contract while batches arrive: ingestors of both versions at once, and files of the old one stay readable."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.contract.columns import CONTRACT_VERSION
from acidwatch.history.rows import read_rows
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.members import members
from acidwatch.settings import HdfsSettings, PostgresSettings, load
from acidwatch.workbook.generate import Generated
from tests.faults.conftest import BATCHES, check_exactly_once
from tests.support.deployment import Deployment
from tests.support.service_of_older_contract import OLDER, UNKNOWN_COLUMN

SMALL = {"group_records": "4", "group_seconds": "0.05"}


def test_ingestors_of_two_contract_versions_at_once_make_one_dataset_that_reads_as_one(
    deployment: Deployment, workbooks: Callable[[int], Generated]
) -> None:
    made = workbooks(71)
    versioner = deployment.start("versioner", **SMALL)
    older = deployment.start("ingestor", starter="service_of_older_contract", **SMALL)
    newer = deployment.start("ingestor", **SMALL)
    for process in (versioner, older, newer):
        process.wait_ready()
    deployment.send(made.samples, "--batch-size", "10")
    check_exactly_once(deployment, made)
    sha256 = hashlib.sha256(made.samples.read_bytes()).hexdigest()
    judged = dict(
        deployment.query(
            "SELECT contract_version, count(*) FROM ledger.attempts JOIN ledger.batches USING (batch_id)"
            " WHERE source_id = %s GROUP BY 1",
            sha256,
        )
    )
    assert set(judged) == {OLDER, CONTRACT_VERSION}
    assert sum(judged.values()) == BATCHES
    ledger = Ledger(load(PostgresSettings, database_url=deployment.database_url))
    with ledger.transaction() as connection:
        ((newest,),) = deployment.query("SELECT newest_version FROM ledger.datasets")
        held = [member for member in members(connection, newest) if member.source_id == sha256]
    ledger.close()
    store = HdfsStore(
        load(
            HdfsSettings, hdfs_url=deployment.env["ACIDWATCH_HDFS_URL"], hdfs_root=deployment.env["ACIDWATCH_HDFS_ROOT"]
        )
    )
    rows = read_rows(store, held)
    assert len(rows) == made.rows
    assert UNKNOWN_COLUMN in rows.column_names
    assert deployment.json("revalidate", "--dry-run")["rejected"] == 0
    assert [process.stop() for process in (older, newer, versioner)] == [0, 0, 0]
