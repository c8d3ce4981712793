"""The live job's tables on a real PostgreSQL: what is taken in, what is followed, what repeating changes."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acidwatch.archive.memory import MemoryStore
from acidwatch.contract.alerts import Alert
from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.ledger.changes import quarantine, restore
from acidwatch.ledger.connection import Ledger
from jobs.spark.live import tables
from jobs.spark.live.site import Sample, Site
from jobs.spark.live.tables import Done, advance
from jobs.spark.live.verdicts import Batch, untaken, verdicts
from jobs.spark.live.watching import take_in
from tests.support.history import History, Row
from tests.unit.contract.makers import make_row

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def history(ledger: Ledger) -> History:
    with ledger.transaction() as connection:
        connection.execute(
            "TRUNCATE metrics.live_state, metrics.live_batch, metrics.live_sample, metrics.live_site, metrics.alerts"
        )
    return History(ledger, MemoryStore())


def anc(day: int, value: float, **cells: Any) -> Row:
    made = make_row(DATE_SMP=datetime(2000, 1, 1) + timedelta(days=day), ANC_UEQ_L=value, **cells)
    return {name: cell for name, cell in made.items() if not name.endswith(("_UEQ_L", "_CM")) or name == "ANC_UEQ_L"}


def rows_of(batches: Sequence[Batch], rows: Sequence[Sequence[Row]]) -> list[tuple[Any, ...]]:
    return [
        (b.batch_id, b.attempt, number, row["PROGRAM_ID"], row["SITE_ID"], row["DATE_SMP"], row["SAMPLE_LOCATION"], row["SAMPLE_DEPTH"],
         json.dumps({c.parameter: row[c.name] for c in MEASUREMENTS if row.get(c.name) is not None}))
        for b, part in zip(batches, rows, strict=True) for number, row in enumerate(part, 2)
    ]  # fmt: skip


def take(ledger: Ledger, *rows: Sequence[Row]) -> Done:
    """Take in all that is left, whose rows are these."""
    with ledger.transaction() as connection:
        batches = untaken(connection, 0)
        return advance(connection, batches, rows_of(batches, rows), NOW)


def live(ledger: Ledger) -> tuple[float, int, float, str] | None:
    """Mean, n, last value and class of the one site's ANC."""
    with ledger.transaction() as connection:
        row = connection.execute(
            "SELECT mean, n, last_value, anc_class FROM olap.live_site WHERE parameter = 'ANC'"
        ).fetchone()
    return tuple(row.values()) if row else None  # type: ignore[return-value]


def alerts(ledger: Ledger) -> list[tuple[str, float]]:
    with ledger.transaction() as connection:
        rows = connection.execute("SELECT kind, value FROM olap.alerts ORDER BY number")
        return [(row["kind"], row["value"]) for row in rows]


def test_a_batch_is_taken_in_once_however_often_it_comes(ledger: Ledger, history: History) -> None:
    rows = [anc(0, 60.0), anc(1, 40.0)]
    history.send("a.xlsx", [rows])
    with ledger.transaction() as connection:
        batches = untaken(connection, 0)
    for count in (1, 0, 0):
        with ledger.transaction() as connection:
            assert advance(connection, batches, rows_of(batches, [rows]), NOW).batches == count
    assert live(ledger) == (50.0, 2, 40.0, "0 to 50")
    assert alerts(ledger) == [("anc-class", 40.0)]


def test_a_long_work_between_two_statements_is_not_ended_by_the_limit_for_idle_transactions(
    ledger: Ledger, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(site: Site, batch: Sequence[Sample]) -> list[Alert]:
        time.sleep(0.5)
        return take_in(site, batch)

    monkeypatch.setattr(tables, "take_in", slow)
    history.send("a.xlsx", [[anc(0, 60.0)]])
    with ledger.transaction() as connection:
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = '100ms'")
        batches = untaken(connection, 0)
        assert advance(connection, batches, rows_of(batches, [[anc(0, 60.0)]]), NOW).batches == 1


def test_what_came_up_to_a_version_of_which_all_was_taken_in_is_not_looked_for(
    ledger: Ledger, history: History
) -> None:
    history.send("a.xlsx", [[anc(0, 60.0)], [anc(1, 40.0)]])
    with ledger.transaction() as connection:
        first, second = untaken(connection, 0)
        assert (first.since, second.since) == (1, 2)
        assert untaken(connection, 1) == [second]
        assert untaken(connection, 2) == []


def test_the_verdict_is_that_of_the_ledger_and_what_was_taken_in_is_left_out(ledger: Ledger, history: History) -> None:
    history.send("a.xlsx", [[anc(0, 60.0)]])
    with ledger.transaction() as connection:
        (batch,) = untaken(connection, 0)
        unknown = batch.origin.__class__("water-quality", 2, 99, 5)
        assert verdicts(connection, {batch.origin, unknown}) == ({batch.origin}, [replace(batch, since=0)])
    take(ledger, [anc(0, 60.0)])
    with ledger.transaction() as connection:
        assert verdicts(connection, {batch.origin}) == ({batch.origin}, [])
        assert verdicts(connection, set()) == (set(), [])


def test_a_correction_takes_the_place_of_the_sample(ledger: Ledger, history: History) -> None:
    history.send("a.xlsx", [[anc(0, 60.0), anc(1, 70.0)]])
    take(ledger, [anc(0, 60.0), anc(1, 70.0)])
    history.send("b.xlsx", [[anc(1, 20.0)]])
    take(ledger, [anc(1, 20.0)])
    assert live(ledger) == (40.0, 2, 20.0, "0 to 50")
    assert alerts(ledger) == [("anc-class", 20.0)]


def test_a_quarantined_batch_is_out_at_the_next_look_and_comes_back_by_restore_without_an_alert(
    ledger: Ledger, history: History
) -> None:
    history.send("a.xlsx", [[anc(0, 60.0)]])
    take(ledger, [anc(0, 60.0)])
    (wrong,) = history.send("b.xlsx", [[anc(1, -10.0)]])
    take(ledger, [anc(1, -10.0)])
    assert live(ledger) == (25.0, 2, -10.0, "acidic (< 0)")
    raised = alerts(ledger)
    with ledger.transaction() as connection:
        quarantine(connection, [wrong], "kim", "wrong bottle")
    assert take(ledger).sites == 1
    assert live(ledger) == (60.0, 1, 60.0, "50 to 100")
    assert take(ledger).sites == 0
    with ledger.transaction() as connection:
        restore(connection, 2, "kim", "it was right")
    take(ledger)
    assert live(ledger) == (25.0, 2, -10.0, "acidic (< 0)")
    assert alerts(ledger) == raised


def test_a_site_whose_only_batch_is_taken_out_is_not_shown(ledger: Ledger, history: History) -> None:
    (wrong,) = history.send("a.xlsx", [[anc(0, 60.0)]])
    take(ledger, [anc(0, 60.0)])
    with ledger.transaction() as connection:
        quarantine(connection, [wrong], "kim", "wrong bottle")
    take(ledger)
    assert live(ledger) is None


def test_a_record_of_a_packed_batch_is_decided_although_it_was_recorded_with_the_time_of_the_newest_one(
    ledger: Ledger, history: History
) -> None:
    history.send("a.xlsx", [[anc(0, 60.0)]])
    with ledger.transaction() as connection:
        (batch,) = untaken(connection, 0)
        earlier = replace(batch.origin, timestamp_ms=batch.origin.timestamp_ms - 5)
        later = replace(batch.origin, timestamp_ms=batch.origin.timestamp_ms + 5)
        assert verdicts(connection, [earlier]) == ({earlier}, [])
        assert verdicts(connection, [later]) == (set(), []), "it is of a topic that was made anew"
