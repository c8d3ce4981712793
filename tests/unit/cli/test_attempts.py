"""What became of an attempt: one that was accepted in vain says why."""

from __future__ import annotations

from typing import Any

from acidwatch.cli.attempts import became


def attempt(number: int, verdict: str | None, version: int | None = None) -> dict[str, Any]:
    return {"attempt": number, "verdict": verdict, "version": version, "recorded_at": number}


def test_an_attempt_that_became_a_version_names_it_and_a_rejected_one_became_none() -> None:
    life = [attempt(1, "rejected"), attempt(2, "accepted", 7)]
    assert [became(one, life) for one in life] == ["no version", "version 7"]


def test_a_correction_that_came_second_names_the_attempt_that_came_first() -> None:
    life = [attempt(1, "rejected"), attempt(2, "accepted", 7), attempt(3, "accepted")]
    assert became(life[2], life).startswith("no version: attempt 2 came before it")


def test_what_was_accepted_after_its_workbook_was_replaced_says_so() -> None:
    life = [attempt(1, "rejected"), attempt(2, "accepted")]
    assert became(life[1], life) == "no version: another workbook stands in place of its own"
