"""A process that only looks alive, answering and sending heartbeats, ends itself; the next one goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from acidwatch.streaming.group import EXIT_UNEXPECTED
from acidwatch.workbook.generate import Generated
from tests.faults.conftest import check_exactly_once
from tests.support.deployment import LONG, Deployment
from tests.support.kill_points import STUCK_POINTS

SMALL = {"group_records": "4", "group_seconds": "0.05"}
ALL = [(service, point) for service, points in STUCK_POINTS.items() for point in points]
ALWAYS = {("ingestor", "the loop stands still")}

numbers = count(1)


@pytest.mark.parametrize(
    ("service", "point"),
    [pytest.param(*each, marks=[] if each in ALWAYS else pytest.mark.slow, id=f"{each[0]} {each[1]}") for each in ALL],
)
def test_a_process_that_only_looks_alive_ends_itself_and_nothing_is_lost(
    deployment: Deployment, workbooks: Callable[[int], Generated], service: str, point: str
) -> None:
    made = workbooks(next(numbers))
    deployment.start("versioner" if service == "ingestor" else "ingestor", **SMALL)
    stuck = deployment.start(service, kill_at=point, stall_seconds="4", **SMALL)
    deployment.send(made.samples, "--batch-size", "10")
    assert stuck.popen.wait(LONG) == EXIT_UNEXPECTED
    (line,) = [event for event in stuck.events if event["event"].startswith("no progress")]
    assert "acknowledged for" in line["reason"]
    deployment.expire(service)
    deployment.start(service, **SMALL)
    check_exactly_once(deployment, made)
