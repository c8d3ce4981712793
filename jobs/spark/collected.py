"""Rows of a result in the driver, as Arrow holds them: a tenth of what as many Python objects take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame

ROWS_AT_ONCE = 5_000


class CollectedRows:
    """The rows of a frame, in the order of its first columns; they become Python's values while they are looked at."""

    def __init__(self, frame: DataFrame, order: int = 4) -> None:
        """Compute the frame.

        Args:
            frame: Its columns are the rows' values.
            order: How many columns the rows are ordered by, nulls last.
        """
        table: pa.Table = frame.toArrow()
        self._table = table.sort_by([(name, "ascending") for name in table.column_names[:order]])

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for batch in self._table.to_batches(max_chunksize=ROWS_AT_ONCE):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
