"""What the example for Alertmanager leaves out, asked of a real one: only what follows from what it says already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.alertmanager import Told, alertmanager, alertmanager_or_skip
from tests.support.deployment import until


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """Empty for each test: an alert stays for minutes."""
    with alertmanager(tmp_path / "alertmanager", alertmanager_or_skip()) as running:
        yield running


def alert(name: str, process: str = "", severity: str = "page") -> dict[str, str]:
    return {"alertname": f"Acidwatch{name}", "severity": severity, **({"process": process} if process else {})}


INGESTOR = [alert("ConsumerStuck", "ingestor"), alert("LagGrowing", "ingestor")]
VERSIONER = [alert("ConsumerStuck", "versioner"), alert("LagGrowing", "versioner")]
SLOW = [alert("SlowFast"), alert("SlowLong")]
OTHERS = [alert("ProcessDown", "ingestor"), alert("Restarts", "ingestor"), alert("LettersParked"), alert("NoData")]


def by_name(alerts: list[Mapping[str, str]]) -> list[tuple[str, str]]:
    return sorted((one["alertname"], one.get("process", "")) for one in alerts)


def leaves_out(told: Told, cause: dict[str, str], silent: list[dict[str, str]]) -> None:
    told.tell([*INGESTOR, *VERSIONER, *SLOW, *OTHERS, cause])
    until(lambda: len(told.silent()) >= len(silent), "what follows to be left out")
    assert by_name(told.silent()) == by_name(silent)


def test_a_process_that_waits_for_a_server_silences_its_own_lag_and_not_that_of_another(told: Told) -> None:
    leaves_out(told, alert("DependencyAway", "versioner"), [*VERSIONER, *SLOW])


def test_the_flood_guard_silences_the_lag_of_the_ingestors_and_not_that_of_the_versioners(told: Told) -> None:
    leaves_out(told, alert("FloodGuard"), [*INGESTOR, *SLOW])


def test_a_process_that_no_batch_passes_through_silences_nothing_about_batches(told: Told) -> None:
    own = alert("LagGrowing", "live")
    told.tell([*INGESTOR, *SLOW, own, alert("DependencyAway", "live", "ticket")])
    until(told.silent, "what follows to be left out")
    assert by_name(told.silent()) == by_name([own])
