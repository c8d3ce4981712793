"""How lists are printed for people, and for programs."""

from __future__ import annotations

import json

import pytest

from acidwatch.cli.output import OutputFormat, emit

ROWS = [{"source": "Lakes%20of%20%C3%A4%1B%5B2J.xlsx", "batch_id": "b%20b"}]


def test_a_workbook_is_called_in_a_table_as_its_file_is_and_in_json_as_it_came(
    capsys: pytest.CaptureFixture[str],
) -> None:
    emit(ROWS, ["source", "batch_id"], OutputFormat.table)
    shown = capsys.readouterr().out
    assert "Lakes of ä\ufffd[2J.xlsx" in shown
    assert "b%20b" in shown
    emit(ROWS, ["source", "batch_id"], OutputFormat.json)
    assert json.loads(capsys.readouterr().out) == ROWS
