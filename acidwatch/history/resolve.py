"""Rows that say the same sample twice: which of them speaks for it. The same rule as jobs/spark/transforms/measurements.py."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from acidwatch.contract.columns import NATURAL_KEY

ORDER = ("source_sent_at", "batch_index", "source_id", "row", "batch_id")
"""Of rows with an equal natural key the greatest in this order counts."""


def superseded(rows: pa.Table, members: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Say of each row whether another one speaks for its sample.

    Among rows with an equal natural key (nulls equal) the one whose source began to be sent later wins, then the higher batch index;
    then source, row and batch id, so that the choice never depends on the order of files.

    Args:
        rows: `acidwatch.history.rows.ROWS_SCHEMA`.
        members: Which rows to choose among; all of them, when not given.

    Returns:
        One value a row. Of the members with one natural key exactly one is not superseded; rows that are no members all are.
    """
    among = np.arange(len(rows)) if members is None else np.flatnonzero(members)
    chosen = rows.select(dict.fromkeys((*NATURAL_KEY, *ORDER))).take(among)
    order = pc.sort_indices(chosen, sort_keys=[(name, "descending") for name in ORDER]).to_numpy()
    keys = chosen.select(NATURAL_KEY).take(order)
    for index, field in enumerate(keys.schema):
        if pa.types.is_floating(field.type):
            keys = keys.set_column(index, field.name, pc.add(keys.column(index), 0.0))  # -0.0 is the same depth as 0.0
    ranked = keys.append_column("rank", pa.array(np.arange(len(order))))
    first = ranked.group_by(list(NATURAL_KEY)).aggregate([("rank", "min")])["rank_min"].to_numpy()
    answer = np.ones(len(rows), dtype=np.bool_)
    answer[among[order[first]]] = False
    return answer
