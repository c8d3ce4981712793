"""Servers that are away for long in mid-run, with the settings of production: work goes on by itself within a minute of their return."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from acidwatch.workbook.generate import Generated
from deploy.local.stack import Stack
from tests.faults.conftest import check_exactly_once
from tests.support.deployment import Deployment, until

SERVERS = {"Kafka": ["kafka"], "HDFS": ["namenode", "datanode"], "PostgreSQL": ["postgres"]}
RECOVERY_SECONDS = 60.0  # what is promised, from the moment at which the server serves again


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seconds", [30, 180])
@pytest.mark.parametrize("away", SERVERS)
def test_work_goes_on_by_itself_within_a_minute_of_a_servers_return(
    stack: Stack, deployment: Deployment, workbooks: Callable[[int], Generated], away: str, seconds: int
) -> None:
    servers = [getattr(stack, name) for name in SERVERS[away]]
    made = workbooks(list(SERVERS).index(away) * 1000 + seconds)
    deployment.send(made.samples, "--batch-size", "10")
    # One batch a group, so that there is much left to do when the server goes.
    services = [deployment.start(name, group_records="1") for name in ("ingestor", "versioner")]
    until(lambda: all(_groups(service.events) > 3 for service in services), "some groups")
    for server in servers:
        server.kill()
    before = [_groups(service.events) for service in services]
    assert sum(before) < 2 * 60, "the server was to be taken away in mid-run"
    time.sleep(seconds)
    assert [service.popen.poll() for service in services] == [None, None]
    assert [service.get("/healthz")[0] for service in services] == [200, 200]
    for server in servers:
        server.start()
    returned = time.monotonic()
    until(lambda: _recorded(deployment, made) == 60, "the rest of the batches", RECOVERY_SECONDS)
    print(f"{away} away for {seconds} s: all recorded {time.monotonic() - returned:.1f} s after its return")
    for service in services:
        service.wait_ready()
    check_exactly_once(deployment, made)
    assert [service.stop() for service in services] == [0, 0]


def _groups(events: list[dict[str, object]]) -> int:
    return sum(event["event"] in ("group committed", "group recorded") for event in events)


def _recorded(deployment: Deployment, made: Generated) -> int:
    ((count,),) = deployment.query(
        "SELECT count(*) FROM ledger.batches JOIN ledger.sources USING (source_id) WHERE name = %s", made.samples.name
    )
    return int(count)
