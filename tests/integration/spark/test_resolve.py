"""Spark and `acidwatch.history` choose the same row of those that say one sample."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from acidwatch.history.resolve import superseded
from jobs.spark.schemas import CLEAN, MEMBERS
from jobs.spark.transforms.measurements import mark_superseded
from tests.unit.history.makers import CHOICES, table

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]

SCHEMA = StructType([*CLEAN.fields, *MEMBERS.fields[3:]])
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("seed", range(3))
def test_both_choose_the_same_row(spark: SparkSession, seed: int) -> None:
    random = Random(seed)
    rows = [{name: random.choice(values) for name, values in CHOICES.items()} for _ in range(400)]
    lines = [
        row | {"row": place, "source_sent_us": (row["source_sent_at"] - EPOCH) // timedelta(microseconds=1)}
        for place, row in enumerate(rows, 1)
    ]
    frame = spark.createDataFrame([tuple(line.get(name) for name in SCHEMA.fieldNames()) for line in lines], SCHEMA)
    marked = {row["row"]: row["superseded"] for row in mark_superseded(frame).select("row", "superseded").collect()}
    expected = [marked[place] for place in range(1, len(rows) + 1)]
    assert 50 < expected.count(False) <= 72
    assert superseded(table(rows)).tolist() == expected
