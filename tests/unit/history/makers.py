"""Makes rows of versions, as `acidwatch.history.rows` reads them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from acidwatch.history.rows import ROWS_SCHEMA

DAYS = (datetime(1999, 6, 1), datetime(1999, 6, 1, 10, 30), datetime(2001, 2, 3))
SENT = (
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    datetime(2026, 3, 1, tzinfo=UTC),
)

CHOICES: dict[str, Sequence[Any]] = {
    "PROGRAM_ID": ["LTM_ALTM", "LTM_ME"],
    "SITE_ID": ["020058", "20058"],
    "DATE_SMP": DAYS,
    "SAMPLE_LOCATION": ["EPI", "HYPO"],
    "SAMPLE_DEPTH": [None, 0.0, -0.0, 0.5],
    "SO4_UEQ_L": [None, 80.0, 80.5],
    "TIME_SMP": [None, "0930"],
    "flags": [[], ["balance.ions"]],
    "source_sent_at": SENT,
    "source_id": ["a", "b"],
    "batch_index": [0, 1, 2],
    "batch_id": ["x", "y", "z"],
    "attempt": [1],
}
"""Few values of everything, so that samples meet."""

ROW = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in CHOICES.items()})


def table(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table; what a row lacks is null, and `row` is its place from 1."""
    whole = [dict.fromkeys(ROWS_SCHEMA.names) | {"row": place} | row for place, row in enumerate(rows, 1)]
    return pa.Table.from_pylist(whole, schema=ROWS_SCHEMA)
