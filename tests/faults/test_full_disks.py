"""HDFS that has no room left, as a whole or below _tmp/ only: the ingestor waits for room, rejects nothing, and goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests

from acidwatch.workbook.generate import Generated
from deploy.local.hdfs import SUPERUSER
from deploy.local.stack import Stack
from tests.faults.conftest import check_exactly_once
from tests.support.deployment import Deployment, until

SMALL = {"group_records": "4", "group_seconds": "0.05", "retry_most_seconds": "2"}
NO_LIMIT = -1  # what HDFS takes a limit away by


@contextmanager
def limited(stack: Stack, folder: str, limit: str) -> Iterator[None]:
    """A folder of HDFS that may hold one name, or one byte, and so nothing more than it has."""

    def put(value: int) -> None:
        query = {"op": "SETQUOTA", "user.name": SUPERUSER, limit: value}
        requests.put(f"{stack.hdfs_url}/webhdfs/v1{folder}", params=query, timeout=20).raise_for_status()

    put(1)
    try:
        yield
    finally:
        put(NO_LIMIT)


@pytest.mark.parametrize(
    ("zone", "limit"),
    [
        pytest.param("", "storagespacequota", id="no space at all"),
        pytest.param("/_tmp", "storagespacequota", id="no space below _tmp", marks=pytest.mark.slow),
        pytest.param("/_tmp", "namespacequota", id="too many files below _tmp", marks=pytest.mark.slow),
        pytest.param("/clean", "namespacequota", id="too many files below clean", marks=pytest.mark.slow),
    ],
)
def test_hdfs_without_room_pauses_the_ingestor_and_loses_nothing(
    stack: Stack, deployment: Deployment, workbooks: Callable[[int], Generated], zone: str, limit: str
) -> None:
    made = workbooks(sum(map(ord, zone + limit)))
    ingestor, versioner = deployment.start("ingestor", **SMALL), deployment.start("versioner", **SMALL)
    deployment.send(made.samples, "--batch-size", "10", "--from-batch", "30")
    until(lambda: any(e["event"] == "group committed" for e in ingestor.events), "a group to be committed")
    with limited(stack, deployment.env["ACIDWATCH_HDFS_ROOT"] + zone, limit):
        deployment.send(made.samples, "--batch-size", "10")
        paused = until(
            lambda: [e for e in ingestor.events if e["event"] == "paused: a dependency is away"],
            "the pause to be logged",
        )
        assert "quota" in paused[0]["reason"].lower()
        assert ingestor.get("/readyz")[0] == 503
        assert ingestor.get("/healthz")[0] == 200
    check_exactly_once(deployment, made)
    ingestor.wait_ready()
    assert ingestor.stop() == 0
    assert versioner.stop() == 0
