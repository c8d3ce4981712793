"""Small frames of rows that the driver has."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession


def local_frame(spark: SparkSession, rows: Collection[Sequence[Any]], schema: pa.Schema) -> DataFrame:
    """A frame that is part of the plan: up to 48 MB of Arrow need no task to be read, as a list of rows does."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return spark.createDataFrame(pa.Table.from_arrays(arrays, schema=schema))
