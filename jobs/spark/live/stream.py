"""The stream: records of the topic of batches, and the rows of those that were accepted. Rows are decoded by Spark's workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import orjson
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import (
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
)

from acidwatch.contract.batch import Origin, Payload, decode
from acidwatch.contract.cells import sheet_rows
from acidwatch.contract.columns import MEASUREMENTS, SAMPLES
from acidwatch.contract.headers import BatchHeaders
from acidwatch.contract.typed import PARQUET_TYPES, type_rows
from acidwatch.settings import KafkaSettings
from jobs.spark.kafka import kafka_options
from jobs.spark.live.verdicts import Batch
from jobs.spark.schemas import TYPES
from jobs.spark.sources import EPOCH, Member, member_rows

ACCEPTED = StructType(
    [
        StructField("partition", IntegerType()),
        StructField("offset", LongType()),
        StructField("batch_id", StringType()),
        StructField("attempt", IntegerType()),
        StructField("subject", StringType()),
    ]
)
WHERE = ("PROGRAM_ID", "SITE_ID", "DATE_SMP", "SAMPLE_LOCATION", "SAMPLE_DEPTH")
COLUMNS = tuple(column for name in WHERE for column in SAMPLES if column.name == name) + MEASUREMENTS
ROWS = StructType(
    [
        StructField("batch_id", StringType()),
        StructField("attempt", IntegerType()),
        StructField("row", IntegerType()),
        *(StructField(column.name, TYPES[column.kind]()) for column in COLUMNS),
    ]
)
_ARROW = pa.schema(
    [
        pa.field("batch_id", pa.string()),
        pa.field("attempt", pa.int32()),
        pa.field("row", pa.int32()),
        *(pa.field(column.name, PARQUET_TYPES[column.kind]) for column in COLUMNS),
    ]
)


def records(spark: SparkSession, settings: KafkaSettings, most_records: int) -> DataFrame:
    """The records of the topic of batches, from its beginning; a streaming DataFrame with the columns of Spark's Kafka source.

    What retention removed before it was read is no reason to stop: whatever of it was accepted is read from the archive.
    """
    timeout = str(int(settings.kafka_timeout_seconds * 1000))
    options = {
        **kafka_options(settings),
        "subscribe": settings.topic_batches,
        "startingOffsets": "earliest",
        "failOnDataLoss": "false",
        "maxOffsetsPerTrigger": str(most_records),
        "groupIdPrefix": settings.group("live"),
        "kafka.client.id": "acidwatch-live",
        "kafka.allow.auto.create.topics": "false",
        "kafka.request.timeout.ms": timeout,
        "kafka.default.api.timeout.ms": timeout,
        "kafkaConsumer.pollTimeoutMs": timeout,
    }
    return spark.readStream.format("kafka").options(**options).load()


def origins(part: DataFrame) -> list[Origin]:
    """Where each record of a micro-batch stands; its value is not looked at."""
    rows = part.select("topic", "partition", "offset", F.unix_millis("timestamp")).collect()
    return [Origin(*row) for row in rows]


def rows_of(part: DataFrame, batches: Sequence[Batch]) -> list[tuple[Any, ...]]:
    """The rows of accepted batches of a micro-batch, as tables.SAMPLE_COLUMNS. The values of other records are never decoded."""
    named = [(b.origin.partition, b.origin.offset, b.batch_id, b.attempt, b.subject) for b in batches]
    accepted = part.sparkSession.createDataFrame(named, ACCEPTED)
    chosen = part.join(F.broadcast(accepted), ["partition", "offset"])
    return _to_rows(chosen.select("batch_id", "attempt", "subject", "value").mapInArrow(_decode, ROWS))


def archived_rows(spark: SparkSession, root: str, batches: Sequence[Batch]) -> list[tuple[Any, ...]]:
    """The same from the clean files that the ledger names."""
    members = [
        Member(
            b.path, b.batch_id, b.attempt, (b.source_sent_at - EPOCH) // timedelta(microseconds=1), b.source_id, b.batch_index, b.rows
        )
        for b in batches
    ]  # fmt: skip
    return _to_rows(member_rows(spark, root, members).select(*ROWS.names))


def _decode(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for record in batch.to_pylist():
            payload = decode(record["value"])
            # A batch that an older contract accepted may lack a column that came later.
            empty = [None] * payload.rows
            columns = {column.name: payload.columns.get(column.name, empty) for column in SAMPLES}
            typed = type_rows([Payload(columns, payload.rows)])
            known: dict[str, Any] = {
                "batch_id": [record["batch_id"]] * payload.rows,
                "attempt": [record["attempt"]] * payload.rows,
                "row": list(sheet_rows(payload, BatchHeaders(subject=record["subject"]))),
            }
            yield pa.RecordBatch.from_pydict({**known, **{c.name: typed.arrays[c.name] for c in COLUMNS}}, _ARROW)


def _to_rows(frame: DataFrame) -> list[tuple[Any, ...]]:
    parameters = [(column.name, column.parameter) for column in MEASUREMENTS]
    found = []
    for row in frame.toArrow().to_pylist():
        values = {parameter: row[name] + 0.0 for name, parameter in parameters if row[name] is not None}
        where = [row[name] for name in WHERE]
        found.append((row["batch_id"], row["attempt"], row["row"], *where, orjson.dumps(values).decode()))
    return found
