"""What differs between two sets of samples, cell by cell."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acidwatch.contract.columns import NATURAL_KEY, SAMPLE_NAMES
from acidwatch.history.differences import Differences, compare_samples
from acidwatch.history.figures import sample_figures
from acidwatch.history.resolve import superseded
from tests.unit.contract.makers import QUICK
from tests.unit.history.makers import DAYS, ROW, SENT, table

SAMPLE = {
    "PROGRAM_ID": "LTM_ME", "SITE_ID": "020058", "DATE_SMP": DAYS[0], "SAMPLE_LOCATION": "EPI", "SAMPLE_DEPTH": None, "SO4_UEQ_L": 80.0,
    "flags": [], "source_sent_at": SENT[0], "source_id": "a", "batch_index": 0, "batch_id": "x", "attempt": 1,
}  # fmt: skip


def differences(rows: list[dict[str, Any]], before: list[bool], after: list[bool]) -> Differences:
    whole = table(rows)
    speak = [~superseded(whole, np.array(side, dtype=np.bool_)) for side in (before, after)]
    return compare_samples(whole, *speak)


def test_a_changed_cell_an_emptied_cell_and_a_filled_cell_are_each_one_cell() -> None:
    new = SAMPLE | {"SO4_UEQ_L": None, "TIME_SMP": "0930", "CA_UEQ_L": 7.0, "source_id": "b", "batch_id": "y", "row": 8}
    found = differences([SAMPLE | {"CA_UEQ_L": 5.0}, new], [True, False], [False, True])
    (changed,) = found.changed
    assert [(cell.column, cell.before, cell.after) for cell in changed.cells] == [
        ("TIME_SMP", None, "0930"),
        ("CA_UEQ_L", 5.0, 7.0),
        ("SO4_UEQ_L", 80.0, None),
    ]
    assert (changed.before.batch_id, changed.before.row, changed.after.batch_id, changed.after.row) == ("x", 1, "y", 8)
    assert (found.added, found.removed, found.reflagged) == ([], [], 0)


def test_a_limit_or_a_mark_that_changes_is_a_changed_cell_though_the_number_is_not() -> None:
    def remark(qualifier: str | None, limit: float | None, comment: str | None = None) -> list[dict[str, Any]]:
        return [{"column": "SO4_UEQ_L", "qualifier": qualifier, "limit": limit, "text": None, "comment": comment}]

    def change(was: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, Any, Any]]:
        rows = [SAMPLE | was, SAMPLE | {"source_id": "b", "batch_id": "y", "source_sent_at": SENT[2]} | now]
        changed = differences(rows, [True, False], [True, True]).changed
        return [(cell.column, cell.before, cell.after) for one in changed for cell in one.cells]

    below = {"SO4_UEQ_L": None, "remarks": remark("<", 0.5)}
    assert change(below, below | {"remarks": remark("<", 0.1)}) == [("SO4_UEQ_L", "<0.5", "<0.1")]
    assert change(below, below | {"remarks": remark("<", None)}) == [("SO4_UEQ_L", "<0.5", "<")]
    assert change(below, {"SO4_UEQ_L": None}) == [("SO4_UEQ_L", "<0.5", None)]
    assert change(below, {"SO4_UEQ_L": 0.3}) == [("SO4_UEQ_L", "<0.5", 0.3)]
    assert change({}, {"remarks": remark("J", None)}) == [("SO4_UEQ_L", 80.0, "80 J")]
    assert change(below, below) == []
    assert change({}, {"remarks": remark(None, None, "bottle was warm")}) == []


def test_what_a_new_sample_says_has_its_limits() -> None:
    remarks = [{"column": "SO4_UEQ_L", "qualifier": ">", "limit": 500.0, "text": ">500", "comment": None}]
    (added,) = differences([SAMPLE | {"SO4_UEQ_L": None, "remarks": remarks}], [False], [True]).added
    assert added.values == {"SO4_UEQ_L": ">500"}


def test_a_row_said_again_with_equal_cells_is_no_difference() -> None:
    again = SAMPLE | {"source_sent_at": SENT[2], "batch_id": "y"}
    found = differences([SAMPLE, again], [True, False], [True, True])
    assert found == Differences([], [], [], 0)
    found = differences([SAMPLE, again | {"flags": ["balance.ions"]}], [True, False], [True, True])
    assert found == Differences([], [], [], 1)


def test_a_superseded_row_comes_back_when_its_correction_goes() -> None:
    correction = SAMPLE | {"SO4_UEQ_L": 90.0, "source_sent_at": SENT[2], "batch_id": "y"}
    found = differences([SAMPLE, correction], [True, True], [True, False])
    (changed,) = found.changed
    assert [(cell.column, cell.before, cell.after) for cell in changed.cells] == [("SO4_UEQ_L", 90.0, 80.0)]


def plain(rows: list[dict[str, Any]], members: list[bool]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The samples of one side, by key."""
    whole = table(rows)
    speaks = ~superseded(whole, np.array(members, dtype=np.bool_))
    return {
        tuple(row[name] for name in NATURAL_KEY): row
        for row, counts in zip(whole.to_pylist(), speaks, strict=True)
        if counts
    }


@QUICK
@given(rows=st.lists(ROW, max_size=30), data=st.data())
def test_the_differences_are_those_of_comparing_every_sample(rows: list[dict[str, Any]], data: Any) -> None:
    side = st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))
    before, after = data.draw(side), data.draw(side)
    old, new = plain(rows, before), plain(rows, after)
    found = differences(rows, before, after)
    assert {tuple(one.key.values()) for one in found.added} == new.keys() - old.keys()
    assert {tuple(one.key.values()) for one in found.removed} == old.keys() - new.keys()
    cells = {
        (key, name, old[key][name], new[key][name])
        for key in old.keys() & new.keys()
        for name in SAMPLE_NAMES
        if old[key][name] != new[key][name]
    }
    assert cells == {
        (tuple(one.after.key.values()), cell.column, cell.before, cell.after)
        for one in found.changed
        for cell in one.cells
    }


def test_figures_count_samples_sites_and_means_with_their_change() -> None:
    rows = [SAMPLE, SAMPLE | {"SITE_ID": "77", "SO4_UEQ_L": 0.1}, SAMPLE | {"SITE_ID": "78", "SO4_UEQ_L": None}]
    figures = sample_figures(table(rows), np.array([True, False, False]), np.array([True, True, True]))
    found = {(one.figure, one.parameter): (one.before, one.after, one.difference) for one in figures}
    assert found["samples", ""] == (1, 3, 2)
    assert found["sites", ""] == (1, 3, 2)
    assert found["n", "SO4"] == (1, 2, 1)
    assert found["mean", "SO4"] == (80.0, 40.05, 40.05 - 80.0)
    assert found["mean", "NA"] == (None, None, None)
