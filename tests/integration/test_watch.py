"""`acidwatch watch` on a real PostgreSQL: one picture, lines where there is no terminal, a terminal, and a database that is away."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest

from tests.support.command import command
from tests.support.deployment import PROJECT, Deployment

EVIL = "\x1b[31m[red]evil"
AWAY = {"ACIDWATCH_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "ACIDWATCH_DATABASE_TIMEOUT_SECONDS": "1"}


@pytest.fixture(autouse=True)
def one_site(deployment: Deployment) -> None:
    """A site whose name a terminal would obey, and an alert of it."""
    now = datetime.now(UTC)
    with psycopg.connect(deployment.database_url) as connection:
        connection.execute("TRUNCATE metrics.live_state, metrics.live_site, metrics.alerts")
        connection.execute("INSERT INTO metrics.live_state (version, seen_at) VALUES (7, now())")
        for parameter, value in (("ANC", -3.5), ("PH_EQ", 4.5), ("SO4", 80.0)):
            connection.execute(
                "INSERT INTO metrics.live_site VALUES ('LTM_ME', %s, %s, 'u', %s, '2020-06-01', 1, 2, 3, 'acidic (< 0)', 'b', %s)",
                (EVIL, parameter, value, now),
            )
        connection.execute(
            "INSERT INTO metrics.alerts (alert_id, raised_at, kind, program_id, site_id, parameter, unit, value, sampled_at, batch_id,"
            " attempt, row, class_before, value_before, sampled_before, class_after) VALUES ('a', now(), 'anc-class', 'LTM_ME', %s, 'ANC',"
            " 'ueq/L', -3.5, '2020-06-01', 'b', 1, 2, '0 to 50', 4, '2020-05-01', 'acidic (< 0)')",
            (EVIL,),
        )


@contextmanager
def watching(env: dict[str, str], *arguments: str, terminal: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """`acidwatch watch` as a process of its own, ended by Ctrl-C; it must end with 0."""
    # Who runs tests in the background hands on that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-m", "acidwatch.cli", "watch", "--every", "100ms", *arguments],
        env={**os.environ, "PYTHONPATH": str(PROJECT), "TERM": "xterm", "COLUMNS": "160", "LINES": "40", **env},
        stdout=terminal or subprocess.PIPE,
        stderr=terminal or subprocess.STDOUT,
    )
    try:
        yield process
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def test_one_picture_has_the_last_values_and_nothing_that_a_terminal_obeys(deployment: Deployment) -> None:
    done = command(deployment.env, "watch", "--once")
    assert done.code == 0, done.err
    assert "\x1b" not in done.out + done.err
    assert all(text in done.out for text in ("�[31m[red]evil", "-3.5", "4.5", "80", "acidic (< 0)", "from '0 to 50'"))
    assert "dataset version 7" in done.err
    shown = command(deployment.env, "watch", "--once", "--output", "json", "--programme", "ltm_me").json
    assert [(row["site_id"], row["anc"], row["ph"], row["so4"], row["n"]) for row in shown["sites"]] == [
        (EVIL, -3.5, 4.5, 80.0, 3)
    ]
    assert [alert["alert_id"] for alert in shown["alerts"]] == ["a"]
    nothing = command(deployment.env, "watch", "--once", "--site", "elsewhere")
    assert (nothing.code, "no site matches" in nothing.err) == (0, True)


def test_a_job_that_does_not_run_is_said(deployment: Deployment) -> None:
    with psycopg.connect(deployment.database_url) as connection:
        connection.execute("UPDATE metrics.live_state SET seen_at = now() - interval '1 hour'")
    assert "the live job has ended, hangs or waits for a server" in command(deployment.env, "watch", "--once").err
    with psycopg.connect(deployment.database_url) as connection:
        connection.execute("TRUNCATE metrics.live_state")
    assert "never ran here" in command(deployment.env, "watch", "--once").err


def test_without_a_terminal_there_is_a_line_for_each_change(deployment: Deployment) -> None:
    with watching(deployment.env) as process:
        assert process.stdout is not None
        first = [process.stdout.readline().decode() for _ in range(2)]
        with psycopg.connect(deployment.database_url) as connection:
            connection.execute(
                "UPDATE metrics.live_site SET last_value = -9, updated_at = now() WHERE parameter = 'ANC'"
            )
        changed = process.stdout.readline().decode()
    assert [line.split()[0] for line in (*first, changed)] == ["site", "alert", "site"]
    assert "anc=-3.5" in first[0]
    assert "anc=-9" in changed
    assert "\x1b" not in "".join((*first, changed))


def test_of_many_alerts_at_once_there_is_a_line_for_each(deployment: Deployment) -> None:
    with watching(deployment.env) as process:
        assert process.stdout is not None
        for _ in range(2):
            process.stdout.readline()
        with psycopg.connect(deployment.database_url) as connection:
            connection.execute(
                "INSERT INTO metrics.alerts (alert_id, raised_at, kind, program_id, site_id, parameter, unit, value, sampled_at, batch_id,"
                " attempt, row, class_before, value_before, sampled_before, class_after) SELECT 'm' || n, raised_at, kind, program_id,"
                " site_id, parameter, unit, n, sampled_at, batch_id, attempt, row, class_before, value_before, sampled_before, class_after"
                " FROM metrics.alerts, generate_series(1, 300) AS n WHERE alert_id = 'a'"
            )
        lines = [process.stdout.readline().decode() for _ in range(300)]
    assert {line.split()[0] for line in lines} == {"alert"} and len(set(lines)) == 300


def test_in_a_terminal_the_picture_is_drawn_and_the_terminal_is_given_back(deployment: Deployment) -> None:
    ours, theirs = pty.openpty()
    drawn = b""
    with watching(deployment.env, terminal=theirs):
        while b"from '0 to 50'" not in drawn:
            drawn += os.read(ours, 65536)
    os.close(theirs)
    while b"\x1b[?1049l" not in drawn:  # back to the terminal's first screen
        drawn += os.read(ours, 65536)
    os.close(ours)
    assert b"\x1b[31m[red]" not in drawn


def test_a_database_that_is_away_is_said_and_tried_again(deployment: Deployment) -> None:
    done = command({**deployment.env, **AWAY}, "watch", "--once")
    assert (done.code, "PostgreSQL is away at 127.0.0.1:1" in done.err) == (3, True)
    with watching({**deployment.env, **AWAY}) as process:
        assert process.stdout is not None
        assert "trying again" in process.stdout.readline().decode()


@pytest.mark.parametrize("wrong", [["--output", "json"], ["--every", "0"]])
def test_what_makes_no_sense_is_refused(deployment: Deployment, wrong: list[str]) -> None:
    assert command(deployment.env, "watch", *wrong).code == 2
