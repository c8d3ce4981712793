"""Which row speaks for a sample, against the rule written out plainly."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acidwatch.contract.columns import NATURAL_KEY
from acidwatch.history.resolve import ORDER, superseded
from tests.unit.contract.makers import QUICK
from tests.unit.history.makers import ROW, table


def winners(rows: list[dict[str, Any]], among: list[int]) -> set[int]:
    """Places of the rows that count: of each natural key the greatest in the order."""
    best: dict[tuple[Any, ...], int] = {}
    for place in among:
        key = tuple(rows[place][name] for name in NATURAL_KEY)
        rank = [{**row, "row": number}[name] for number, row in [(place + 1, rows[place])] for name in ORDER]
        held = best.get(key)
        if held is None or rank > [{**rows[held], "row": held + 1}[name] for name in ORDER]:
            best[key] = place
    return set(best.values())


@QUICK
@given(rows=st.lists(ROW, max_size=40), data=st.data())
def test_of_rows_with_one_natural_key_the_greatest_in_the_order_counts(rows: list[dict[str, Any]], data: Any) -> None:
    chosen = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    everyone = superseded(table(rows))
    assert set(np.flatnonzero(~everyone)) == winners(rows, list(range(len(rows))))
    some = superseded(table(rows), np.array(chosen, dtype=np.bool_))
    assert set(np.flatnonzero(~some)) == winners(rows, [place for place, taken in enumerate(chosen) if taken])
