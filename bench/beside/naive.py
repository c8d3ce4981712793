"""The loop as one would first write it: each record a DataFrame, each row looked at, a file and a commit for each record."""

from __future__ import annotations

import asyncio
import io
import json
import math

import pandas as pd

from acidwatch.contract.columns import SAMPLES
from acidwatch.settings import load
from bench.beside.backlog_reader import LoopSettings, consumer_of, hdfs_of


async def read_all(settings: LoopSettings) -> None:
    """Read the backlog record by record."""
    client = hdfs_of(settings)
    done = 0
    async with consumer_of(settings) as consumer:
        async for record in consumer:
            frame = pd.DataFrame(json.loads(record.value)["columns"])
            frame["DATE_SMP"] = pd.to_datetime(frame["DATE_SMP"], format="ISO8601")
            accepted = frame[[is_good(row) for _, row in frame.iterrows()]]
            sink = io.BytesIO()
            accepted.to_parquet(sink)
            client.write(f"clean/{done}.parquet", data=sink.getvalue())
            await consumer.commit()
            done += 1
            if done == settings.bench_batches:
                return


def is_good(row: pd.Series) -> bool:
    """Whether what must be there is there, and every number is in its range."""
    for column in SAMPLES:
        value = row[column.name]
        if value is None or (isinstance(value, float) and math.isnan(value)):
            if column.required:
                return False
        elif column.low is not None and column.high is not None and not column.low <= value <= column.high:
            return False
    return True


if __name__ == "__main__":
    asyncio.run(read_all(load(LoopSettings)))
