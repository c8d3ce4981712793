"""Processes killed in mid-run and started again: the same end state, nothing lost, nothing double."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from acidwatch.workbook.generate import Generated
from tests.faults.conftest import check_exactly_once
from tests.support.deployment import LONG, Deployment, Process, until

# Small groups, so that a kill falls into the middle of many.
SMALL = {"group_records": "4", "group_seconds": "0.05"}


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["ingestor", "versioner"])
def test_a_service_killed_in_mid_run_and_started_again_loses_and_doubles_nothing(
    deployment: Deployment, workbooks: Callable[[int], Generated], victim: str
) -> None:
    made = workbooks({"ingestor": 21, "versioner": 22}[victim])
    running = {name: deployment.start(name, **SMALL) for name in ("ingestor", "versioner")}
    for process in running.values():
        process.wait_ready()
    table = {"ingestor": "group committed", "versioner": "group recorded"}[victim]
    deployment.send(made.samples, "--batch-size", "10")
    for _ in range(2):
        process = running[victim]
        until(lambda process=process: any(e["event"] == table for e in process.events), f"{victim} to commit a group")
        assert process.stop(signal.SIGKILL) == -signal.SIGKILL  # Kafka finds out by itself, after the session timeout
        running[victim] = deployment.start(victim, **SMALL)
        running[victim].wait_ready()
        if len([e for e in running[victim].events if e["event"] == table]) == 0 and _all_recorded(deployment, made):
            break
    check_exactly_once(deployment, made)


def _all_recorded(deployment: Deployment, made: Generated) -> bool:
    sha256 = hashlib.sha256(made.samples.read_bytes()).hexdigest()
    return deployment.query("SELECT count(*) FROM ledger.batches WHERE source_id = %s", sha256) == [(60,)]


@pytest.mark.slow
def test_a_second_ingestor_that_comes_and_goes_loses_and_doubles_nothing(
    deployment: Deployment, workbooks: Callable[[int], Generated]
) -> None:
    made = workbooks(23)
    first, versioner = deployment.start("ingestor", **SMALL), deployment.start("versioner", **SMALL)
    first.wait_ready()
    versioner.wait_ready()
    sending = _sending(deployment, made, "300ms")
    second = deployment.start("ingestor", **SMALL)
    second.wait_ready()
    until(lambda: any(e["event"] == "group committed" for e in second.events), "the second ingestor to take its share")
    assert second.stop(signal.SIGKILL) == -signal.SIGKILL
    assert sending.wait(LONG) == 0
    check_exactly_once(deployment, made)
    assert first.stop() == 0


def _sending(deployment: Deployment, made: Generated, interval: str, *more: str) -> subprocess.Popen[bytes]:
    """`acidwatch send` as a process of its own, slow enough to be interrupted."""
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "acidwatch.cli",
            "send",
            str(made.samples),
            "--batch-size",
            "10",
            "--interval",
            interval,
            *more,
        ],
        env={**os.environ, **deployment.env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize(("number", "more", "code"), [(24, (), 0), (27, ("--wait",), 1)], ids=["sent", "waited for"])
def test_send_stops_on_sigterm_and_goes_on_where_it_says(
    deployment: Deployment, workbooks: Callable[[int], Generated], number: int, more: tuple[str, ...], code: int
) -> None:
    made = workbooks(number)
    for name in ("ingestor", "versioner"):
        deployment.start(name)
    sending = _sending(deployment, made, "2s", *more)
    until(
        lambda: deployment.query("SELECT 1 FROM ledger.sources WHERE name = %s", made.samples.name),
        "a batch to be recorded",
    )
    sending.send_signal(signal.SIGTERM)
    _, said = sending.communicate(timeout=LONG)
    assert sending.returncode == code
    again = re.search(r"--from-batch ([0-9]+)(.*)", said.decode())
    assert again is not None
    reached = again[1]
    assert 0 < int(reached) < 60
    assert again[2].split() == ["--interval", "2s", *more]
    result = deployment.send(made.samples, "--batch-size", "10", "--from-batch", reached)
    assert result["sent"] == 60 - int(reached)
    check_exactly_once(deployment, made)
    assert deployment.query("SELECT duplicates FROM ledger.datasets") == [(0,)]


def test_an_ingestor_stopped_by_sigterm_leaves_nothing_to_be_repeated(
    deployment: Deployment, workbooks: Callable[[int], Generated]
) -> None:
    made = workbooks(25)
    versioner = deployment.start("versioner")
    for _ in range(2):
        ingestor = deployment.start("ingestor", group_seconds="30", group_records="7")
        ingestor.wait_ready()
        deployment.send(made.samples, "--batch-size", "10", "--from-batch", "30")
        until(lambda process=ingestor: any(e["event"] == "group committed" for e in process.events), "a group")
        assert ingestor.stop() == 0  # with a partial group at hand, whose deadline is far
    deployment.start("ingestor")
    deployment.send(made.samples, "--batch-size", "10")
    check_exactly_once(deployment, made)
    redelivered = sum(e["redelivery"] for e in versioner.events if e["event"] == "group recorded")
    assert redelivered == 0


def _holds_some(process: Process) -> bool:
    found = re.search(r"^acidwatch_oldest_unacknowledged_seconds\{.*\} (.*)$", process.get("/metrics")[1], re.MULTILINE)
    return found is not None and float(found[1]) > 0


def test_a_versioner_stopped_by_sigterm_finishes_the_group_at_hand(
    deployment: Deployment, workbooks: Callable[[int], Generated]
) -> None:
    made = workbooks(26)
    ingestor = deployment.start("ingestor")
    versioner = deployment.start("versioner", group_seconds="60", group_records="50")
    for process in (ingestor, versioner):
        process.wait_ready()
    deployment.send(made.samples, "--batch-size", "10")
    until(lambda: any(e["event"] == "group recorded" for e in versioner.events), "a group")
    until(lambda: _holds_some(versioner), "the next outcomes to be at hand")
    assert versioner.stop() == 0  # with ten outcomes or so at hand, whose deadline is far
    assert sum(e["outcomes"] for e in versioner.events if e["event"] == "group recorded") > 50
    again = deployment.start("versioner")
    check_exactly_once(deployment, made)
    assert sum(e["redelivery"] for e in again.events if e["event"] == "group recorded") == 0
