"""The flood guard on real servers: the natural case, a sites table that lacks the sites."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from acidwatch.workbook.generate import Generated
from tests.support.deployment import Deployment, Process, until

BATCHES, LEAST, GROUP = 60, 20, 5
GUARDED = {"flood_batches": str(LEAST), "group_records": str(GROUP), "stall_seconds": "10", "retry_most_seconds": "1"}


@pytest.fixture(autouse=True)
def everything_stopped(deployment: Deployment) -> Iterator[None]:
    """Each test starts its own services and leaves none behind."""
    yield
    deployment.stop_all()


def without_sites(deployment: Deployment, made: Generated) -> Path:
    """A sites workbook that has none of the sites: the wrong one was loaded."""
    book = openpyxl.load_workbook(made.sites)
    sheet = book.worksheets[0]
    for row in range(2, sheet.max_row + 1):
        sheet.cell(row, 1).value = f"X{sheet.cell(row, 1).value}"
    path = deployment.folder / f"wrong-{made.sites.parent.name}.xlsx"
    book.save(path)
    return path


def held(ingestor: Process) -> str:
    """What readiness says of the guard, empty while it says nothing."""
    return str(json.loads(ingestor.get("/readyz")[1])["waiting_for"].get("flood guard", ""))


def counts(deployment: Deployment, made: Generated) -> dict[str, int]:
    """Batches of a workbook by verdict."""
    rows = deployment.query(
        "SELECT a.verdict, count(*) FROM ledger.attempts a JOIN ledger.batches b USING (batch_id)"
        " WHERE b.source_id = %s GROUP BY 1",
        hashlib.sha256(made.samples.read_bytes()).hexdigest(),
    )
    return dict(rows)


def test_a_wrong_sites_table_does_not_turn_a_workbook_into_dead_letters(deployment: Deployment) -> None:
    made = deployment.generate(BATCHES * 10, seed=41)
    wrong = without_sites(deployment, made)
    deployment.cli("reference", "load", "--sites", str(wrong), "--methods", str(made.methods))
    deployment.send(made.samples, "--batch-size", "10")
    versioner, ingestor = deployment.start("versioner"), deployment.start("ingestor", **GUARDED)
    until(lambda: held(ingestor), "the guard to trip")
    reason = held(ingestor)
    assert f"{LEAST} of the last {LEAST} first attempts were rejected, {LEAST} of them by reference.site" in reason
    assert "acidwatch ingest resume -m WHY" in reason
    assert ingestor.get("/readyz")[0] == 503
    assert "acidwatch_ingest_paused 1.0" in ingestor.get("/metrics")[1]

    state = deployment.json("ingest", "status")
    assert (state["state"], state["by"], state["reference_version"]) == ("paused", "ingestor", 1)
    assert (state["batches"], state["rejected"], state["rules"]) == (LEAST, LEAST, {"reference.site": LEAST})
    assert state["sources"] == {made.samples.name: LEAST}
    assert all("reference.site" in example for example in state["examples"])
    assert deployment.json("status")["ingest"] == f"PAUSED by ingestor: {state['reason']}; see: acidwatch ingest status"
    shown = deployment.cli("ingest", "status")
    assert "PAUSED" in shown and state["reason"] in shown

    # Longer than the stall limit: a pause is no stall, and says so in words that are no outage's.
    until(lambda: any(event.get("attempt", 0) >= 16 for event in ingestor.events), "retries beyond ten seconds")
    assert ingestor.get("/healthz")[0] == 200
    said = {event["event"] for event in ingestor.events}
    assert "paused: held back until a person resumes" in said
    assert "paused: a dependency is away" not in said

    assert ingestor.stop() == 0, "SIGTERM works while paused"
    ingestor = deployment.start("ingestor", **GUARDED)
    until(lambda: held(ingestor), "the pause to be there after a restart")

    # The right tables alone do not let it go on: a person does.
    deployment.load_reference(made)
    until(lambda: "acidwatch_reference_version 2.0" in ingestor.get("/metrics")[1], "the right tables to be seen")
    assert held(ingestor) == reason
    letters = counts(deployment, made).get("rejected", 0)
    assert letters < LEAST

    refused = deployment.run("ingest", "resume", "-m", "loaded the right sites")
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True), "nobody is there to be asked"
    assert deployment.cli("ingest", "resume", "-m", "loaded the right sites", "--dry-run").startswith("would let")
    assert held(ingestor), "nothing was changed so far"
    deployment.cli("ingest", "resume", "-m", "loaded the right sites", "--author", "ann", "--yes")
    deployment.cli("wait", "--source", str(made.samples), "--batch-size", "10", "--timeout", "90s")
    until(lambda: not held(ingestor), "it to be ready again")
    assert counts(deployment, made) == {"accepted": BATCHES - letters, **({"rejected": letters} if letters else {})}
    assert deployment.json("status")["dead_letters"]["published"] == letters
    state = deployment.json("ingest", "status")
    assert (state["state"], state["by"], state["reason"]) == ("resumed", "ann", "loaded the right sites")
    assert (ingestor.stop(), versioner.stop()) == (0, 0)


@pytest.mark.slow
def test_two_ingestors_share_a_pause_and_a_resume(deployment: Deployment) -> None:
    made = deployment.generate(BATCHES * 10, seed=42)
    deployment.load_reference(made)
    deployment.cli("ingest", "pause", "-m", "HDFS is being upgraded", "--author", "ann", "--yes")
    ingestors = [deployment.start("ingestor", **GUARDED) for _ in range(2)]
    versioner = deployment.start("versioner")
    deployment.send(made.samples, "--batch-size", "10")
    for ingestor in ingestors:
        until(lambda ingestor=ingestor: held(ingestor), "it to be paused")  # type: ignore[misc]
        assert held(ingestor) == ("paused by ann: HDFS is being upgraded; go on with: acidwatch ingest resume -m WHY")
    assert counts(deployment, made) == {}
    assert "paused already" in deployment.cli("ingest", "pause", "-m", "again", "--yes")
    deployment.cli("ingest", "resume", "-m", "upgraded", "--yes")
    deployment.cli("wait", "--source", str(made.samples), "--batch-size", "10", "--timeout", "90s")
    assert counts(deployment, made) == {"accepted": BATCHES}
    assert [ingestor.stop() for ingestor in [*ingestors, versioner]] == [0, 0, 0]


def test_the_guard_is_switched_on_again_before_its_time_is_over(deployment: Deployment) -> None:
    deployment.cli("ingest", "resume", "-m", "thirty minutes were meant", "--unguarded", "30d", "--yes")
    assert deployment.json("ingest", "status")["unguarded_until"]
    dry = deployment.cli("ingest", "resume", "-m", "guard again", "--unguarded", "0", "--dry-run")
    assert dry.startswith("would switch the guard on again")
    deployment.cli("ingest", "resume", "-m", "guard again", "--unguarded", "0", "--yes")
    assert not deployment.json("ingest", "status")["unguarded_until"]
    assert "nothing to do" in deployment.cli("ingest", "resume", "-m", "once more", "--yes")
