"""Makes rows of versions, as `acidwatch.history.rows` reads them."""

from __future__ import annotations

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

# Few values of everything, so that samples meet.
ROW = st.fixed_dictionaries(
    {
        "PROGRAM_ID": st.sampled_from(["LTM_ALTM", "LTM_ME"]),
        "SITE_ID": st.sampled_from(["020058", "20058"]),
        "DATE_SMP": st.sampled_from(DAYS),
        "SAMPLE_LOCATION": st.sampled_from(["EPI", "HYPO"]),
        "SAMPLE_DEPTH": st.sampled_from([None, 0.0, -0.0, 0.5]),
        "SO4_UEQ_L": st.sampled_from([None, 80.0, 80.5]),
        "TIME_SMP": st.sampled_from([None, "0930"]),
        "flags": st.sampled_from([[], ["balance.ions"]]),
        "source_sent_at": st.sampled_from(SENT),
        "source_id": st.sampled_from(["a", "b"]),
        "batch_index": st.integers(0, 2),
        "batch_id": st.sampled_from(["x", "y", "z"]),
        "attempt": st.just(1),
    }
)


def table(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table; what a row lacks is null, and `row` is its place from 1."""
    whole = [dict.fromkeys(ROWS_SCHEMA.names) | {"row": place} | row for place, row in enumerate(rows, 1)]
    return pa.Table.from_pylist(whole, schema=ROWS_SCHEMA)
