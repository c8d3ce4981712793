"""Which letters a command means: filters, durations, rates, and what is refused before any server is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import typer

from acidwatch.cli.dlq_replay import for_the_rest
from acidwatch.cli.durations import parse_duration, parse_rate
from acidwatch.cli.letter_options import Filters, LetterState
from acidwatch.cli.output import escape_markup, format_value
from tests.commands.conftest import Run

SERVERS = {
    "ACIDWATCH_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "ACIDWATCH_HDFS_URL": "http://127.0.0.1:1",
    "ACIDWATCH_DATABASE_URL": "postgresql://127.0.0.1:1/none",
}


def test_durations_know_days_and_rates_know_minutes() -> None:
    assert (parse_duration("2d"), parse_duration("1.5h")) == (172_800, 5_400)
    assert (parse_rate("5/s"), parse_rate("5"), parse_rate("30/m"), parse_rate("3600/h")) == (5, 5, 0.5, 1)


@pytest.mark.parametrize("text", ["", "0", "0/s", "fast", "-1/s", "5/d", "nan"])
def test_what_is_no_rate_says_how_to_write_one(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write it like 5/s"):
        parse_rate(text)


def test_interrupted_replays_are_meant_only_where_no_state_is_given() -> None:
    assert Filters().letters(("published",), unsent=True).unsent
    chosen = Filters(state=[LetterState.parked]).letters(("published",), unsent=True)
    assert (chosen.states, chosen.unsent) == (("parked",), False)


def test_ages_count_back_from_now() -> None:
    found = Filters(older_than=60.0, newer_than=3600.0).letters(("published",))
    now = datetime.now(UTC)
    assert found.failed_before is not None
    assert found.failed_after is not None
    assert timedelta(seconds=60) <= now - found.failed_before < timedelta(seconds=90)
    assert timedelta(seconds=3600) <= now - found.failed_after < timedelta(seconds=3630)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("replay",), "say which letters"),
        (("replay", "--all", "--reason", "x", "abc"), "not several of them"),
        (("replay", "--all", "--set", "SO4=1"), "--set SO4=1"),
        (("replay", "--all", "--set-header", "ce_id=1"), "--set-header ce_id"),
        (("park", "-m", "x"), "say which letters"),
        (("resubmit", "none.xlsx"), "none.xlsx: no such file"),
    ],
)
def test_what_can_be_refused_at_once_needs_no_server(run: Run, arguments: tuple[str, ...], said: str) -> None:
    done = run("dlq", *arguments, **SERVERS)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_reprocess_wants_ids_or_the_last_good_one(run: Run) -> None:
    for arguments in ((), ("abc", "--last-good"), ("abc", "--source", "x")):
        assert run("reprocess", *arguments, **SERVERS).code == 2


def test_what_a_terminal_would_obey_is_replaced() -> None:
    assert escape_markup("\x1b[2J[red]x\r\n") == "\ufffd[2J\\[red]x\ufffd\ufffd"
    assert format_value(["[bold]a", "\x07"]) == "\\[bold]a, \ufffd"


def test_a_replay_that_named_letters_and_was_stopped_says_which_are_left() -> None:
    left = [{"batch_id": "b"}, {"batch_id": "c"}]
    assert for_the_rest(left, named=True) == "for the rest name these: b c"
    assert for_the_rest(left, named=False) == "give the same command again for the rest"
