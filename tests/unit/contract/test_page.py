"""The page of the contract is the one that the code makes."""

from __future__ import annotations

from pathlib import Path

from acidwatch.contract.columns import TABLES
from acidwatch.contract.page import page
from acidwatch.contract.rules import HARD, SOFT

COMMITTED = Path(__file__).resolve().parents[3] / "docs" / "contract.md"


def test_the_committed_page_is_the_one_that_make_docs_writes() -> None:
    assert COMMITTED.read_text() == page()


def test_every_column_and_every_rule_is_on_the_page() -> None:
    text = page()
    for columns in TABLES.values():
        assert all(f"`{column.name}`" in text for column in columns)
    assert all(f"`{rule.id}`" in text for rule in (*HARD, *SOFT))
