"""The floor of the libraries: aiokafka, orjson, pyarrow and one write in a bare loop. No checks, no raw archive, no verdicts."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from acidwatch.contract.columns import SAMPLES
from acidwatch.settings import load
from bench.beside.backlog_reader import LoopSettings, consumer_of, hdfs_of

_FILE_RECORDS = 500
_TYPES = {"number": pa.float64(), "text": pa.string(), "datetime": pa.string()}


async def read_all(settings: LoopSettings) -> None:
    """Read the backlog, write a Parquet file for each 500 records, commit."""
    client = hdfs_of(settings)
    done = 0
    async with consumer_of(settings) as consumer:
        while done < settings.bench_batches:
            values: list[bytes] = []
            while len(values) < _FILE_RECORDS and done + len(values) < settings.bench_batches:
                polled = await consumer.getmany(timeout_ms=1000, max_records=_FILE_RECORDS - len(values))
                values += [record.value for records in polled.values() for record in records]
            client.write(f"clean/{done}.parquet", data=parquet(values))
            done += len(values)
            await consumer.commit()


def parquet(values: list[bytes]) -> bytes:
    """The rows of so many records as a Parquet file; dates stay text."""
    columns: dict[str, list[Any]] = {column.name: [] for column in SAMPLES}
    for value in values:
        batch = orjson.loads(value)["columns"]
        for name, cells in columns.items():
            cells.extend(batch[name])
    table = pa.table({column.name: pa.array(columns[column.name], _TYPES[column.kind]) for column in SAMPLES})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", compression_level=1)
    return sink.getvalue()


if __name__ == "__main__":
    asyncio.run(read_all(load(LoopSettings)))
