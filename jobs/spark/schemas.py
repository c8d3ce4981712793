"""Spark schemas, declared from the data contract: nothing is inferred from a file."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql.types import (
    ArrayType,
    DataType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
)

from acidwatch.contract.columns import METHODS, SAMPLES, SITES, Column

TYPES: dict[str, type[DataType]] = {
    "text": StringType,
    "number": DoubleType,
    "integer": LongType,
    "datetime": TimestampNTZType,
}


def _fields(columns: Sequence[Column]) -> list[StructField]:
    return [StructField(column.name, TYPES[column.kind]()) for column in columns]


REMARK = StructType(
    [
        StructField("column", StringType()),
        StructField("qualifier", StringType()),  # < or > a limit (the value is null), J estimated
        StructField("limit", DoubleType()),  # in the column's unit
        StructField("text", StringType()),
        StructField("comment", StringType()),
    ]
)

CLEAN = StructType(
    [
        StructField("batch_id", StringType()),
        StructField("attempt", IntegerType()),
        StructField("row", IntegerType()),
        *_fields(SAMPLES),
        StructField("flags", ArrayType(StringType())),
        StructField("remarks", ArrayType(REMARK)),
    ]
)
METHODS_TABLE = StructType(_fields(METHODS))
SITES_TABLE = StructType(_fields(SITES))

MEMBERS = StructType(
    [
        StructField("path", StringType()),
        StructField("batch_id", StringType()),
        StructField("attempt", IntegerType()),
        StructField("source_sent_us", LongType()),  # microseconds since 1970 UTC
        StructField("source_id", StringType()),
        StructField("batch_index", IntegerType()),
    ]
)
