"""Spark Structured Streaming, Kafka to Parquet on the same HDFS, two cores: parsing and types only; no rules, raw archive or verdicts.

Its JVM has the compiler that suits long runs, and a heap of 4 GiB. Every value of maxOffsetsPerTrigger is tried in one session, the
first one twice, so that none of those that count runs on a cold JVM. Prints one JSON line for each micro-batch: what was tried, when it
ended, rows so far.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import datetime
from pathlib import Path

from pydantic import Field
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from acidwatch.contract.batch import BATCH_ROWS
from acidwatch.contract.columns import SAMPLES
from acidwatch.settings import HdfsSettings, KafkaSettings, load

_TYPES = {"number": "DOUBLE", "text": "STRING", "datetime": "STRING"}
_SCHEMA = f"columns STRUCT<{', '.join(f'{column.name}: ARRAY<{_TYPES[column.kind]}>' for column in SAMPLES)}>"


class SparkLoopSettings(KafkaSettings, HdfsSettings):
    """Of the query."""

    spark_jars: str = Field(description="folder with the jars of Spark's Kafka source")
    bench_triggers: str = Field(description="values of maxOffsetsPerTrigger, with commas")


def main() -> None:
    """Try each value and print its progress."""
    settings = load(SparkLoopSettings)
    os.environ["HADOOP_USER_NAME"] = settings.hdfs_user  # read once, when the JVM first speaks to HDFS
    jars = [jar.resolve().as_uri() for jar in sorted(Path(settings.spark_jars).glob("*.jar"))]
    spark = (
        SparkSession.builder.appName("acidwatch bench")
        .master("local[2]")
        .config("spark.jars", ",".join(jars))
        .config("spark.driver.memory", "4g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.streaming.numRecentProgressUpdates", "10000")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    triggers = [int(value) for value in settings.bench_triggers.split(",")]
    for number, most in enumerate([triggers[0], *triggers]):
        root = f"{settings.hdfs_rpc}{settings.hdfs_root}/spark-{number}"
        progress = run(rows(spark, settings, most), root)
        for seconds, batches in progress:
            line = {"warm_up": number == 0, "trigger": most, "seconds": seconds, "rows": batches * BATCH_ROWS}
            sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    spark.stop()


def rows(spark: SparkSession, settings: SparkLoopSettings, most_records: int) -> DataFrame:
    """The rows of the topic of batches, typed."""
    options = {
        "kafka.bootstrap.servers": settings.kafka_bootstrap,
        "subscribe": settings.topic_batches,
        "startingOffsets": "earliest",
        "maxOffsetsPerTrigger": str(most_records),
    }
    batch = spark.readStream.format("kafka").options(**options).load()
    parsed = batch.select(F.from_json(F.col("value").cast("string"), _SCHEMA)["columns"].alias("c"))
    zipped = F.arrays_zip(*[F.col(f"c.{column.name}").alias(column.name) for column in SAMPLES])
    row = parsed.select(F.inline(zipped))
    return row.withColumn("DATE_SMP", F.col("DATE_SMP").cast("timestamp"))


def run(rows: DataFrame, root: str) -> list[tuple[float, int]]:
    """Write what there is; for each micro-batch the seconds since the query was started, and the records done by then."""
    began = time.time()
    writer = rows.writeStream.format("parquet").option("path", f"{root}/clean").trigger(availableNow=True)
    query = writer.option("checkpointLocation", f"{root}/checkpoint").option("compression", "zstd").start()
    query.awaitTermination()
    progress, done = [], 0
    for entry in query.recentProgress:
        done += entry.numInputRows
        if entry.numInputRows:
            ended = datetime.fromisoformat(entry.timestamp).timestamp() + entry.batchDuration / 1000
            progress.append((ended - began, done))
    return progress


if __name__ == "__main__":
    main()
