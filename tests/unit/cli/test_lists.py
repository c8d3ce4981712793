"""Lists of what the ledger and the archive hold: none is cut without a word, and a program gets all of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from acidwatch.cli.__main__ import app
from acidwatch.ledger import letter_queries, queries
from acidwatch.ledger.connection import Ledger
from acidwatch.proof import backup
from acidwatch.proof.backup import Backup

LISTS = {
    "versions list": (queries, "versions"),
    "batches list": (queries, "batches"),
    "sources list": (queries, "sources"),
    "dlq list": (letter_queries, "letters"),
}
ROW: dict[str, Any] = {"source": "lakes.xlsx", "source_id": "5" * 64, "findings": []}
Listing = Callable[..., Result]


@pytest.fixture(params=[*LISTS, "ledger backups list"])
def listing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Listing:
    """Runs the command where there are so many."""
    monkeypatch.setenv("ACIDWATCH_DATABASE_URL", "postgresql://nowhere.invalid/none")
    monkeypatch.setenv("ACIDWATCH_HDFS_URL", "http://nowhere.invalid:1")
    monkeypatch.setattr(Ledger, "transaction", no_transaction)
    monkeypatch.setattr(letter_queries, "reasons", lambda *_: {})

    def run(there: int, *options: str) -> Result:
        def rows(*arguments: Any, **named: Any) -> list[dict[str, Any]]:
            limit = named.get("limit", arguments[-1] if arguments else None)
            return [dict(ROW) for _ in range(min(there, limit))]

        def backups(_store: object) -> Iterator[Backup]:
            yield from (Backup("20261124T000000Z", "", "0001", 1, "1", (), {}) for _ in range(there))

        for module, name in LISTS.values():
            monkeypatch.setattr(module, name, rows)
        monkeypatch.setattr(backup, "backups", backups)
        done = CliRunner().invoke(app, [*request.param.split(), *options], catch_exceptions=False)
        assert done.exit_code == 0
        return done

    return run


@contextmanager
def no_transaction(_ledger: Ledger) -> Iterator[None]:
    yield None


@pytest.mark.parametrize(
    ("options", "shown"), [((), 20), (("--limit", "3"), 3), (("--limit", "3", "--output", "json"), 3)]
)
def test_a_list_that_goes_on_says_so(listing: Listing, options: tuple[str, ...], shown: int) -> None:
    said = f"only the first {shown} are shown; --limit N shows more"
    assert said in listing(shown + 1, *options).stderr
    assert "are shown" not in listing(shown, *options).stderr


def test_a_program_gets_all_of_a_large_archive(listing: Listing) -> None:
    done = listing(5000, "--output", "json")
    assert len(json.loads(done.stdout)) == 5000
    assert "are shown" not in done.stderr


def test_the_one_row_more_that_was_asked_for_is_not_shown(listing: Listing) -> None:
    assert len(json.loads(listing(9, "--limit", "3", "--output", "json").stdout)) == 3
