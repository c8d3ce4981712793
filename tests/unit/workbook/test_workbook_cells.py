"""What single cells become."""

from __future__ import annotations

import datetime as dt
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from acidwatch.workbook.cells import as_text, convert_column

CELLS = st.one_of(
    st.floats(), st.text(max_size=5), st.integers(-(2**53), 2**53), st.booleans(), st.dates(), st.datetimes(), st.none()
)


@settings(max_examples=60, deadline=None)
@given(st.lists(CELLS, max_size=8))
def test_a_number_column_holds_finite_floats_texts_and_nothing_else(cells: list[object]) -> None:
    values = convert_column("number", cells)  # type: ignore[arg-type]
    for cell, value in zip(cells, values, strict=True):
        if isinstance(cell, float) and math.isfinite(cell):
            assert value == cell
        elif type(cell) is int:
            assert value == float(cell)
        elif cell is None or (isinstance(cell, str) and not cell.strip()):
            assert value is None
        else:
            assert isinstance(value, str)
            assert value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_in_a_text_column_is_its_shortest_text(number: float) -> None:
    text = as_text(number)
    assert text is not None
    assert float(text) == number
    assert not text.endswith(".0")


@given(st.text())
def test_a_text_stays_as_it_is_unless_it_is_blank(text: str) -> None:
    assert convert_column("text", [text]) == [text if text.strip() else None]


@given(st.datetimes())
def test_dates_are_iso_and_midnight_is_a_date(moment: dt.datetime) -> None:
    assert convert_column("datetime", [moment, moment.date()]) == [
        moment.date().isoformat() if moment.time() == dt.time() else moment.isoformat(),
        moment.date().isoformat(),
    ]


def test_equal_cells_of_different_types_stay_different() -> None:
    assert convert_column("text", [1.0, True, "1", 0.0, False]) == ["1", "TRUE", "1", "0", "FALSE"]
