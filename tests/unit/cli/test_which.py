"""Which version an option means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import typer
from typer.testing import CliRunner

from acidwatch.cli.__main__ import app
from acidwatch.cli.which import parse_time, version_number
from acidwatch.errors import UnusableInputError

LAST = timedelta(microseconds=999_999)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24", datetime(2026, 11, 24, 23, 59, 59, tzinfo=UTC) + LAST),
        ("9999-12-31", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) + LAST),
        ("2026-11-24T09:30", datetime(2026, 11, 24, 9, 30, tzinfo=UTC) + LAST),
        ("2026-11-24 09:30:05", datetime(2026, 11, 24, 9, 30, 5, tzinfo=UTC) + LAST),
        ("2026-11-24T09:30:05.25Z", datetime(2026, 11, 24, 9, 30, 5, 250_000, tzinfo=UTC)),
        ("2026-11-24T09:30+01:00", datetime(2026, 11, 24, 8, 30, tzinfo=UTC) + LAST),
    ],
)
def test_a_time_is_the_last_moment_of_what_is_written_utc_without_a_zone(text: str, moment: datetime) -> None:
    assert parse_time(text) == moment


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "24.11.2026", "2026", "09:30"])
def test_what_is_no_time_is_a_mistake_that_says_how_to_write_one(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="2026-11-24T09:30"):
        parse_time(text)


def test_a_version_and_a_time_together_are_a_mistake() -> None:
    with pytest.raises(UnusableInputError, match="give one of them"):
        version_number("3", parse_time("2026-11-24"))


@pytest.mark.parametrize("command", [
    *(f"metrics {name}" for name in ("site", "method", "category", "trend", "region", "acceleration", "acidity", "quality")),
    "metrics acidity --first 1990-1994", "metrics quality --list unit-breaks", "report --to none.html", "versions export --to none",
])  # fmt: skip
def test_every_command_that_asks_results_or_rows_takes_a_time(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "HDFS_URL"):
        monkeypatch.setenv(
            f"ACIDWATCH_{name}", "http://nowhere.invalid:1" if name == "HDFS_URL" else "postgresql://nowhere.invalid/x"
        )
    both = ["--version", "3", "--as-of", "2026-11-24"]
    with pytest.raises(UnusableInputError, match="--version and --as-of both say which version"):
        CliRunner().invoke(app, [*command.split(), *both], catch_exceptions=False)
    wrong = CliRunner().invoke(app, [*command.split(), "--as-of", "yesterday"])
    assert wrong.exit_code == 2 and "is no time" in wrong.stderr
