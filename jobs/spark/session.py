"""The Spark session of the jobs: local by default, quiet, everything in UTC."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from acidwatch.errors import ConfigError
from acidwatch.settings import Settings
from jobs.spark.processors import processors

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

AUTO = "auto"
MANY_ROWS = 100_000
"""From here on a run is long enough for the JVM's second compiler to pay: 40 % less time at 382,000 rows, 5 % more at 38,200."""

FEW_CORES = 4
"""Up to here Spark would begin each hash table and sort with a larger page than 8 MB: a third more memory, and no faster.

It divides its memory by the processors: with many of them its pages are smaller, and the tasks side by side need them so.
"""

LOGGING = Path(__file__).with_name("log4j2.properties")


class SparkSettings(Settings):
    """How Spark runs."""

    spark_master: str = Field(
        "local[*]",
        pattern=r"^(local(\[(\*|[1-9][0-9]*)(,[1-9][0-9]*)?\])?|(spark|k8s)://.+|yarn)$",
        description="where Spark runs: local[*], local[4], spark://host:port, k8s://..., yarn",
    )
    spark_driver_memory: str = Field(
        "2g",
        pattern="^[1-9][0-9]*[kKmMgGtT]$",  # it goes to java -Xmx as it is
        description="heap of the driver, such as 2g or 1500m; with a local master it does all the work",
    )
    spark_driver_java_options: str = Field(
        AUTO,
        description="options of the driver's JVM; auto: compile quickly, and past 100,000 rows well; little memory for collecting garbage",
    )
    spark_shuffle_partitions: int = Field(
        8, ge=1, description="partitions after a shuffle; adaptive execution merges small ones"
    )
    spark_ui: bool = Field(False, description="serve Spark's own web page while a job runs")


@contextmanager
def spark_session(
    settings: SparkSettings,
    hdfs_user: str,
    name: str = "acidwatch metrics",
    jars: Sequence[Path] = (),
    rows: int = 0,
) -> Iterator[SparkSession]:
    """Start a session and stop it at the end, whatever happens.

    Args:
        settings: How Spark runs.
        hdfs_user: User name that HDFS sees.
        name: Shown in Spark's web page and by a cluster.
        jars: What Spark needs beside its own.
        rows: Of the version that it works on.

    Raises:
        ConfigError: Spark does not start with these settings.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    os.environ["HADOOP_USER_NAME"] = hdfs_user  # read once, when the JVM first speaks to HDFS
    if settings.spark_master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # its workers import acidwatch too
        # glibc would keep a pool of memory for each of the JVM's threads: some 80 MiB that nobody uses.
        os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    builder = SparkSession.builder.appName(name).master(settings.spark_master)
    for key, value in _options(settings, rows).items():
        builder = builder.config(key, value)
    if jars:
        builder = builder.config("spark.jars", ",".join(jar.resolve().as_uri() for jar in jars))
    try:
        spark = builder.getOrCreate()
    except (Py4JError, PySparkException) as error:
        raise ConfigError(
            f"Spark does not start: {_reason(str(error))}; look at ACIDWATCH_SPARK_MASTER, ACIDWATCH_SPARK_DRIVER_MEMORY,"
            " ACIDWATCH_SPARK_DRIVER_JAVA_OPTIONS and JAVA_HOME"
        ) from error
    spark.sparkContext.setLogLevel("ERROR")  # PySpark sets WARN at the start, whatever the file says
    try:
        yield spark
    finally:
        spark.stop()


def _reason(text: str) -> str:
    """The line that says it; Py4J puts one before it that says which call of its own failed."""
    lines = text.splitlines() or [text]
    return next((line.removeprefix(": ") for line in lines if line.startswith(": ")), lines[0])


def _options(settings: SparkSettings, rows: int) -> dict[str, str]:
    options = {
        "spark.driver.memory": settings.spark_driver_memory,
        "spark.ui.enabled": str(settings.spark_ui).lower(),
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(settings.spark_shuffle_partitions),
        "spark.sql.adaptive.enabled": "true",
        # Percentiles need an object per group: past 128 groups Spark would sort all rows instead, four times slower.
        "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": "100000",
        # PySpark would ask the JVM several times for each expression where in our code it stands: more time than Spark's own planning.
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        # One file for each programme, open at the same time: no need to sort the rows by programme first.
        "spark.sql.maxConcurrentOutputFileWriters": "32",
        # Ours are below 100 MB together, and hinted; what is not hinted is large.
        "spark.sql.autoBroadcastJoinThreshold": "32m",
        # A NameNode that is away is reported in seconds, not after Hadoop's 10 x 3 attempts.
        "spark.hadoop.ipc.client.connect.max.retries": "3",
        "spark.hadoop.ipc.client.connect.timeout": "10000",
        "spark.hadoop.ipc.client.connect.max.retries.on.timeouts": "2",
        # Results go on to Python as they come, so that their size says little about the driver's memory.
        "spark.driver.maxResultSize": "0",
    }
    if settings.spark_master.startswith("local"):
        if processors() <= FEW_CORES:
            options["spark.buffer.pageSize"] = "8m"
        options |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    # The JVM's own warnings would go to stdout, which is for data.
    java = [_java_options(settings, rows), "-Duser.timezone=UTC", "-Xlog:disable", "-Xlog:all=warning:stderr"]
    if LOGGING.is_file():
        java.append(f"-Dlog4j2.configurationFile={LOGGING.as_uri()}")
    return options | {"spark.driver.extraJavaOptions": " ".join(java)}


def _java_options(settings: SparkSettings, rows: int) -> str:
    if settings.spark_driver_java_options != AUTO:
        return settings.spark_driver_java_options
    quickly = "" if rows > MANY_ROWS else "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m "
    return f"{quickly}-XX:+UseSerialGC"
