"""What may go back and what is held back, on a real PostgreSQL: letters change, and have attempts under way, while others send them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from acidwatch.archive.memory import MemoryStore
from acidwatch.broker.send import Record
from acidwatch.errors import DependencyAwayError, UnusableInputError
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.letter_queries import LetterFilter, letters_of, require_published
from acidwatch.ledger.letters import claim_left, mark_published, park, unpark
from acidwatch.ledger.plans import Kind
from acidwatch.ledger.sendable import Seen
from acidwatch.recovery.edits import parse_edits
from acidwatch.recovery.fix import read_resubmission, write_letter
from acidwatch.recovery.letters import open_attempts
from acidwatch.recovery.redrive import Outgoing, Redriven, redrive, why_held_back
from acidwatch.recovery.replay import Orders, Replayed, choose, replay
from tests.support.archived import History, Sent, Topic
from tests.support.outcomes import outcome, put


class Crash:
    """Stands for a broker that answers no more."""

    async def send(self, records: Sequence[Record]) -> list[Any]:
        raise DependencyAwayError("Kafka", "here", "crashed")


def reject(ledger: Ledger, *batches: str, attempt: int = 1) -> None:
    """An attempt of each is rejected, and its letter published."""
    first = 100 * attempt
    put(
        ledger,
        *(
            outcome(batch, first + number, attempt=attempt, rejected=True, value=batch.encode())
            for number, batch in enumerate(batches)
        ),
    )
    publish(ledger)


def publish(ledger: Ledger) -> list[str]:
    with ledger.transaction() as connection:
        letters = claim_left(connection, 100, 0.0)
        mark_published(connection, letters, [("dlq", 0, number) for number in range(len(letters))])
    return [letter.batch_id for letter in letters]


def letter(ledger: Ledger, batch: str) -> dict[str, Any]:
    with ledger.transaction() as connection:
        (found,) = letters_of(connection, [batch])
    return found


def seen(ledger: Ledger, *batches: str) -> dict[str, Seen]:
    found = [letter(ledger, batch) for batch in batches]
    return {row["batch_id"]: Seen(row["state"], row["attempt"]) for row in found}


def send(
    ledger: Ledger,
    before: dict[str, Seen],
    kind: Kind = "replay",
    *,
    value: bytes | None = None,
    header: bytes = b"1",
    force: bool = False,
    to: Any = None,
) -> Redriven:
    """Send letters as they were seen."""
    outgoing = [
        Outgoing(batch, b"key", batch.encode() if value is None else value, (("h", header),)) for batch in before
    ]
    return asyncio.run(redrive(ledger, to or Topic(), "t", outgoing, kind, "ann", "why", seen=before, force=force))


def test_a_correction_is_held_back_while_another_attempt_is_not_judged(ledger: Ledger) -> None:
    reject(ledger, "a")
    assert send(ledger, seen(ledger, "a")).attempts == {"a": 2}
    held = send(ledger, seen(ledger, "a"), "resubmit", value=b"corrected")
    assert held.attempts == {}
    assert held.held_back["a"].startswith("batch a: attempt 2 (replay by ann, ")
    assert "is not judged yet, and if it is accepted first this one counts for nothing" in held.held_back["a"]
    assert send(ledger, seen(ledger, "a"), "resubmit", value=b"corrected", force=True).attempts == {"a": 3}
    done = put(
        ledger, outcome("a", 1, attempt=2, value=b"a"), outcome("a", 2, attempt=3, value=b"corrected")
    )  # fmt: skip
    assert done.outside == [("a", 3, "attempt 2 was accepted before it")]


def test_once_it_is_judged_the_next_one_goes(ledger: Ledger) -> None:
    reject(ledger, "a")
    send(ledger, seen(ledger, "a"))
    reject(ledger, "a", attempt=2)
    assert send(ledger, seen(ledger, "a"), "resubmit", value=b"corrected").attempts == {"a": 3}


def test_what_crashed_before_it_was_confirmed_goes_again_under_its_number_and_nothing_else_does(ledger: Ledger) -> None:
    reject(ledger, "a")
    with pytest.raises(DependencyAwayError):
        send(ledger, seen(ledger, "a"), header=b"edited", to=Crash())
    for other in ({"header": b"1"}, {"header": b"edited", "value": b"edited"}):
        held = send(ledger, seen(ledger, "a"), **other)  # type: ignore[arg-type]
        assert "attempt 2 (replay by ann" in held.held_back["a"]
        assert "was not confirmed as sent" in held.held_back["a"]
    assert send(ledger, seen(ledger, "a"), header=b"edited").attempts == {"a": 2}


def test_a_number_that_never_came_holds_nothing_back_once_a_later_one_failed(ledger: Ledger) -> None:
    reject(ledger, "a")
    with pytest.raises(DependencyAwayError):
        send(ledger, seen(ledger, "a"), value=b"other", to=Crash())
    assert send(ledger, seen(ledger, "a"), force=True).attempts == {"a": 3}
    reject(ledger, "a", attempt=3)
    assert send(ledger, seen(ledger, "a")).attempts == {"a": 4}


def test_what_changed_since_it_was_chosen_is_passed_over_and_the_rest_goes(ledger: Ledger) -> None:
    reject(ledger, "failed", "parked", "same", "sent", "taken")
    before = seen(ledger, "failed", "parked", "same", "sent", "taken")
    with ledger.transaction() as connection:
        park(connection, ["parked"], "ask the lab", "bob")
    send(ledger, seen(ledger, "failed", "sent", "taken"))
    reject(ledger, "failed", attempt=2)
    put(ledger, outcome("taken", 900, attempt=2, value=b"taken"))
    done = send(ledger, before, force=True)
    assert done.attempts == {"same": 2}
    assert {batch: why.split(";")[0] for batch, why in done.held_back.items()} == {
        "failed": "batch failed failed again meanwhile",
        "parked": "batch parked was parked meanwhile",
        "sent": "batch sent was sent again meanwhile",
        "taken": "batch taken was accepted meanwhile",
    }
    assert letter(ledger, "parked")["state"] == "parked"


def fail_while_parked(ledger: Ledger) -> None:
    """A letter is sent and then set aside, and the attempt under way is rejected; its newest failure is not published yet."""
    reject(ledger, "a")
    send(ledger, seen(ledger, "a"))
    with ledger.transaction() as connection:
        park(connection, ["a"], "ask the lab", "bob")
    put(ledger, outcome("a", 200, attempt=2, rejected=True, value=b"a"))


def test_what_a_person_set_aside_stays_so_when_the_attempt_under_way_is_rejected(ledger: Ledger) -> None:
    fail_while_parked(ledger)
    assert (letter(ledger, "a")["state"], letter(ledger, "a")["attempt"]) == ("parked", 2)
    with pytest.raises(UnusableInputError, match="not on the dead-letter topic yet"):
        require_published(letter(ledger, "a"))
    assert publish(ledger) == ["a"], "the topic has the newest failure all the same"
    assert (letter(ledger, "a")["state"], publish(ledger)) == ("parked", [])
    with ledger.transaction() as connection:
        unpark(connection, ["a"], "they answered", "bob")
    assert letter(ledger, "a")["state"] == "published"


def test_a_letter_is_taken_up_again_once_its_newest_failure_is_on_the_topic(ledger: Ledger) -> None:
    fail_while_parked(ledger)
    with (
        pytest.raises(UnusableInputError, match="not on the dead-letter topic yet"),
        ledger.transaction() as connection,
    ):
        unpark(connection, ["a"], "they answered", "bob")
    assert publish(ledger) == ["a"]
    with ledger.transaction() as connection:
        unpark(connection, ["a"], "they answered", "bob")
    assert letter(ledger, "a")["state"] == "published"


def test_a_letter_that_a_rebuild_left_without_its_place_on_the_topic_can_be_set_aside(ledger: Ledger) -> None:
    reject(ledger, "a")
    with ledger.transaction() as connection:
        connection.execute("UPDATE ledger.dead_letters SET letter_offset = NULL")
        park(connection, ["a"], "ask the lab", "bob")
    assert publish(ledger) == ["a"]
    assert letter(ledger, "a")["state"] == "parked"


def test_a_filter_means_the_letters_that_are_on_their_topic(ledger: Ledger) -> None:
    reject(ledger, "a", "b")
    send(ledger, seen(ledger, "a"))
    with ledger.transaction() as connection:
        park(connection, ["a", "b"], "ask the lab", "bob")
    put(ledger, outcome("a", 200, attempt=2, rejected=True, value=b"a"))
    assert [one["batch_id"] for one in choose(ledger, [], LetterFilter(states=("parked",)), None)] == ["b"]
    with pytest.raises(UnusableInputError, match="batch a is not on the dead-letter topic yet"):
        choose(ledger, ["a", "b"], LetterFilter(), None)


def test_a_number_from_before_another_workbook_stood_in_its_place_is_not_taken_again(ledger: Ledger) -> None:
    put(ledger, outcome("a", 1, value=b"a", source_id="old"))
    outgoing = [Outgoing("a", b"key", b"a", ())]

    def reprocess(to: Any) -> Redriven:
        return asyncio.run(redrive(ledger, to, "t", outgoing, "reprocess", "ann", "why"))

    with pytest.raises(DependencyAwayError):
        reprocess(Crash())
    assert reprocess(Topic()).attempts == {"a": 2}, "as it was numbered"
    with pytest.raises(DependencyAwayError):
        reprocess(Crash())
    put(ledger, outcome("b", 2, source_id="new"))
    with ledger.transaction() as connection:
        connection.execute(
            "INSERT INTO ledger.replacements (source_id, replaced_by, from_version) VALUES ('old', 'new', 2)"
        )
    assert reprocess(Topic()).attempts == {"a": 4}


@pytest.fixture
def rejected(ledger: Ledger) -> History:
    """Two letters with all their files."""
    history = History(MemoryStore(), ledger)
    history.load_reference()
    history.commit(Sent("a", good=False), Sent("b", good=False, index=1, year=2000))
    history.publish_letters()
    return history


def run(history: History, *, force: bool = False, dry_run: bool = False, chosen: Any = None) -> list[Replayed]:
    """Replay both letters."""
    found = choose(history.ledger, ["a", "b"], LetterFilter(), None) if chosen is None else chosen
    edits = parse_edits([], [], all_rows=False)
    orders = Orders("ann", "why", "t", 8 * 1024**2, edits, force=force, dry_run=dry_run)
    sent = replay(history.ledger, history.store, Topic(), found, orders, asyncio.Event(), lambda done: None)  # type: ignore[arg-type]
    return asyncio.run(sent)


def test_a_replay_goes_on_past_letters_that_are_held_back_and_a_dry_run_says_which(rejected: History) -> None:
    chosen = choose(rejected.ledger, ["a", "b"], LetterFilter(), None)
    with rejected.ledger.transaction() as connection:
        park(connection, ["a"], "ask the lab", "bob")
    assert [(one.attempt, one.problem[:22]) for one in run(rejected, chosen=chosen)] == [
        (None, "batch a was parked mea"),
        (2, ""),
    ]
    looked = run(rejected, dry_run=True)
    assert [one.problem[:18] for one in looked] == ["", "batch b: attempt 2"]
    assert [one.attempt for one in run(rejected, force=True)] == [2, 3]


def test_a_corrected_workbook_whose_letter_was_sent_meanwhile_is_held_back(rejected: History, tmp_path: Path) -> None:
    fix = tmp_path / "fix.xlsx"
    write_letter(fix, open_attempts(rejected.ledger, rejected.store, [("a", 1)])["a", 1])
    before = read_resubmission(rejected.ledger, rejected.store, fix)
    run(rejected)
    after = read_resubmission(rejected.ledger, rejected.store, fix)
    with rejected.ledger.transaction() as connection:
        held = [
            why_held_back(connection, [one.outgoing], "resubmit", {"a": one.seen}, force=force)
            for one, force in ((before, True), (after, False), (after, True))
        ]
    assert [found.get("a", "")[:25] for found in held] == ["batch a was sent again me", "batch a: attempt 2 (repla", ""]
