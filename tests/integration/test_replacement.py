"""One workbook in place of another, and that in place of a third, on a real PostgreSQL."""

from __future__ import annotations

from datetime import datetime

import pytest

from acidwatch.archive.memory import MemoryStore
from acidwatch.errors import UnusableInputError
from acidwatch.ledger import changes, queries
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.members import members
from acidwatch.ledger.sources import check_replacement, find_source
from tests.support.history import History
from tests.unit.contract.makers import make_row

ROWS = [[make_row(DATE_SMP=datetime(1999, 6, 1), SITE_ID=site)] for site in ("020058", "77", "78")]


@pytest.fixture
def history(ledger: Ledger) -> History:
    """An empty ledger and an empty store."""
    return History(ledger, MemoryStore())


def sources(history: History, version: int | None = None) -> dict[str, int]:
    """How many member batches each workbook has in a version, the newest one if not told."""
    with history.ledger.transaction() as connection:
        number = version or int(queries.dataset(connection)["newest_version"])
        names = {row["source_id"]: row["source"] for row in queries.sources(connection, 100)}
        counts: dict[str, int] = {}
        for member in members(connection, number):
            counts[names[member.source_id]] = counts.get(names[member.source_id], 0) + 1
    return counts


def old(name: str) -> str:
    return History.source_id(name)


def test_nothing_of_a_replaced_workbook_is_appended_any_more_unless_that_is_undone(history: History) -> None:
    history.send("v1", ROWS, only=[0])
    history.send("v2", ROWS, replaces=old("v1"))
    history.send("v1", ROWS, only=[1])
    assert sources(history) == {"v2": 3}
    with history.ledger.transaction() as connection:
        changes.restore(connection, 1, "undo", "kim")
    assert sources(history) == {"v1": 1}
    history.send("v1", ROWS, only=[2])
    assert sources(history) == {"v1": 2}


def test_a_restore_undoes_a_replacement_with_which_nothing_left(history: History) -> None:
    history.send("v1", ROWS, only=[0])
    with history.ledger.transaction() as connection:
        (member,) = members(connection, 1)
        changes.quarantine(connection, [member.batch_id], "wrong unit", "kim")
    history.send("v2", ROWS)
    history.send("v2", ROWS, replaces=old("v1"))
    with history.ledger.transaction() as connection:
        newest = int(queries.dataset(connection)["newest_version"])
        assert changes.restore(connection, newest - 1, "undo", "kim").made
        assert not changes.restore(connection, newest + 1, "again", "kim").made
    history.send("v1", ROWS, only=[1])
    assert sources(history) == {"v1": 1, "v2": 3}


def test_a_correction_of_a_correction_that_never_became_whole_takes_both_out(history: History) -> None:
    history.send("v1", ROWS)
    history.send("v2", ROWS, replaces=old("v1"), only=[0, 2])
    history.send("v3", ROWS, replaces=old("v2"))
    assert sources(history) == {"v3": 3}
    history.send("v2", ROWS, only=[1])
    assert sources(history) == {"v3": 3}
    with history.ledger.transaction() as connection:
        version = queries.version(connection, 8)
        assert (version["rows"], version["details"]["batches_out"]) == (3, 5)
        changes.restore(connection, 5, "undo", "kim")
    assert sources(history) == {"v1": 3, "v2": 2}


def test_corrections_in_one_group_and_in_a_circle_end(history: History) -> None:
    history.send("v1", ROWS)
    history.send("v2", ROWS, replaces=old("v1"))
    history.send("v1", ROWS, replaces=old("v2"))
    assert sources(history) == {"v2": 3}
    history.send("v4", ROWS, replaces=old("v4"))
    assert sources(history) == {"v2": 3, "v4": 3}
    history.send("v5", ROWS, replaces=old("never-sent"))
    assert sources(history) == {"v2": 3, "v4": 3, "v5": 3}


def test_a_repaired_batch_does_not_bring_an_earlier_target_back(history: History) -> None:
    history.send("wrong", ROWS)
    history.send("right", ROWS)
    history.send("new", ROWS, replaces=old("wrong"), only=[0, 1])
    history.send("new", ROWS, replaces=old("right"), only=[0, 1])  # the right one this time
    history.send("new", ROWS, replaces=old("wrong"), only=[2], attempt=2)  # as its letter was sent first
    assert sources(history) == {"wrong": 3, "new": 3}


def test_a_workbook_of_which_nothing_was_accepted_yet_is_replaced_all_the_same(history: History) -> None:
    history.send("new", ROWS)
    history.send("new", ROWS, replaces=old("old"))
    history.send("old", ROWS[:1])
    assert sources(history) == {"new": 3}


def test_a_workbook_that_was_sent_in_other_batches_can_not_replace_another(history: History) -> None:
    ids = history.send("new", ROWS)
    history.send("old", ROWS)
    with history.ledger.transaction() as connection:
        found = find_source(connection, "old", "")
        check_replacement(connection, found, old("new"), ids)
        with pytest.raises(UnusableInputError, match="sent before in 2 other batches"):
            check_replacement(connection, found, old("new"), [*ids[:1], "another"])
        connection.execute("UPDATE ledger.batches SET accepted_attempt = NULL WHERE source_id = %s", (old("new"),))
        check_replacement(connection, found, old("new"), [*ids[:2], "another"])
        with pytest.raises(UnusableInputError, match="sent before in 2 other batches"):
            check_replacement(connection, found, old("new"), ids[:1])
        connection.execute(
            "UPDATE ledger.batches SET subject = 'Autumn!A2:AD9' WHERE batch_index = 1 AND source_id = %s",
            (old("old"),),
        )
        with pytest.raises(UnusableInputError, match="old has batches of 2 sheets in the dataset"):
            check_replacement(connection, found, old("new"), ids)
