"""Which rows of a clean file are of the batches that the ledger names in it: a crash may leave others there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def rows_of(
    table: pa.Table, named: Sequence[tuple[str, int]]
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[int]]:
    """Find the rows of the named (batch id, attempt)s.

    Args:
        table: With columns `batch_id` and `attempt`.

    Returns:
        Positions of these rows, in order; of each, which of the named it is of; how many rows each of the named has.
    """
    number = {key: index for index, key in enumerate(named)}
    keys = zip(table["batch_id"].to_pylist(), table["attempt"].to_pylist(), strict=True)
    of_row = np.array([number.get(key, -1) for key in keys], dtype=np.int64)
    kept = np.flatnonzero(of_row >= 0)
    of_row = of_row[kept]
    return kept, of_row, np.bincount(of_row, minlength=len(named)).tolist()
