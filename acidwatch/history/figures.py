"""The summary figures of a version, and their change from one version to another."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from acidwatch.contract.columns import MEASUREMENTS

Number = int | float | None


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of two versions.

    Attributes:
        figure: `batches`, `rows`, `bytes`, `samples`, `sites`, or `n` and `mean` of a parameter.
        parameter, unit: Of `n` and `mean`; empty for the others. Sodium's parameter is the text NA.
        before, after: The mean of nothing is None.
        difference: after - before; None when one of them is.
    """

    figure: str
    parameter: str
    unit: str
    before: Number
    after: Number
    difference: Number


def figure(name: str, before: Number, after: Number, parameter: str = "", unit: str = "") -> Figure:
    """A figure with its difference."""
    difference = after - before if before is not None and after is not None else None
    return Figure(name, parameter, unit, before, after, difference)


def sample_figures(rows: pa.Table, before: NDArray[np.bool_], after: NDArray[np.bool_]) -> list[Figure]:
    """Samples, sites (pairs of site and programme), and n and mean of each parameter.

    Args:
        rows: `acidwatch.history.rows.ROWS_SCHEMA`.
        before, after: Which of them speak for a sample in each version.
    """
    left, right = (rows.take(np.flatnonzero(mask)) for mask in (before, after))
    figures = [figure("samples", len(left), len(right)), figure("sites", _sites(left), _sites(right))]
    for column in MEASUREMENTS:
        (n_left, mean_left), (n_right, mean_right) = (_mean(table[column.name]) for table in (left, right))
        figures.append(figure("n", n_left, n_right, column.parameter, column.unit))
        figures.append(figure("mean", mean_left, mean_right, column.parameter, column.unit))
    return figures


def _sites(rows: pa.Table) -> int:
    return len(rows.select(["SITE_ID", "PROGRAM_ID"]).group_by(["SITE_ID", "PROGRAM_ID"]).aggregate([]))


def _mean(column: pa.ChunkedArray) -> tuple[int, float | None]:
    values = column.drop_null().to_pylist()
    # An exact sum: the same values in another order are no difference.
    return len(values), math.fsum(values) / len(values) if values else None
