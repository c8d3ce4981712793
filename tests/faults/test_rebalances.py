"""Ingestors that come and go while batches arrive: each takes its share of the partitions, and none is judged into a version twice."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import pytest

from acidwatch.workbook.generate import Generated
from tests.faults.conftest import check_exactly_once
from tests.support.deployment import Deployment, until

SMALL = {"group_records": "4", "group_seconds": "0.05"}
TIMES = 20


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ingestors_added_and_removed_twenty_times_under_load_lose_and_double_nothing(
    deployment: Deployment, workbooks: Callable[[int], Generated]
) -> None:
    staying = deployment.start("ingestor", **SMALL)
    versioner = deployment.start("versioner", **SMALL)
    staying.wait_ready()
    versioner.wait_ready()
    sent: list[Generated] = []
    enough = threading.Event()

    def keep_sending() -> None:
        while not enough.is_set():
            made = workbooks(len(sent))
            deployment.cli("send", str(made.samples), "--batch-size", "10", "--interval", "200ms")
            sent.append(made)

    sending = threading.Thread(target=keep_sending)
    sending.start()
    try:
        for number in range(TIMES):
            joining = deployment.start("ingestor", **SMALL)
            until(
                lambda joining=joining: any(event["event"] == "group committed" for event in joining.events),
                "the joining ingestor to take its share",
            )
            # Every fifth is killed: Kafka gives its partitions away only when its session is over.
            killed = number % 5 == 4
            assert joining.stop(signal.SIGKILL if killed else signal.SIGTERM) == (-signal.SIGKILL if killed else 0)
    finally:
        enough.set()
        sending.join()
    assert staying.popen.poll() is None
    assert len(sent) > 1
    for made in sent:
        check_exactly_once(deployment, made)
    assert staying.stop() == 0
    assert versioner.stop() == 0
