"""Read a Parquet file that is in memory."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq


def read_parquet(data: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """A file in memory, without Arrow's own threads: there is nothing to wait for, and a command may end before they have begun.

    With them a short command aborted at its end, 1 time in 40.
    """
    return pq.read_table(io.BytesIO(data), columns=columns, use_threads=False, pre_buffer=False)
