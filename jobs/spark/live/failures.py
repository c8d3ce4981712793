"""Which failures of a streaming query mean that a server is away, as seen in Spark's messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from acidwatch.broker.connection import missing_topic
from acidwatch.errors import ConfigError, DependencyAwayError, PermanentError
from acidwatch.settings import KafkaSettings
from jobs.spark.hdfs import hdfs_errors

KAFKA_AWAY = (
    "org.apache.kafka.common.errors.TimeoutException",
    "org.apache.kafka.common.errors.DisconnectException",
    "Failed to create new KafkaAdminClient",
    "No resolvable bootstrap urls",
    "Cannot fetch record for offset",
)
TOPIC_GONE = "UnknownTopicOrPartition"
NO_SOURCE = "Failed to find data source: kafka"
IN_USE = ("CONCURRENT_STREAM_LOG_UPDATE", "Multiple streaming jobs detected", "concurrently using")


@contextmanager
def query_failures(root: str, kafka: KafkaSettings) -> Iterator[None]:
    """Turn Spark's errors about a streaming query into ours.

    Args:
        root: Where the checkpoint and the archive are.

    Raises:
        DependencyAwayError: Kafka or HDFS does not answer, or the topic is not there.
        PermanentError: Another process uses the checkpoint.
        ConfigError: Spark has no Kafka source.
    """
    with hdfs_errors(root):
        try:
            yield
        except (Py4JError, PySparkException) as error:
            text = str(error)
            if NO_SOURCE in text:
                raise ConfigError(
                    "Spark lacks its Kafka source: ACIDWATCH_SPARK_JARS must name the folder that holds "
                    "spark-sql-kafka-0-10 and what it needs (`make up` fetches them and sets it)"
                ) from error
            if any(sign in text for sign in IN_USE):
                raise PermanentError(f"another live job is running: it uses the checkpoint below {root} too") from error
            if TOPIC_GONE in text:
                raise missing_topic(kafka, kafka.topic_batches) from error
            sign = next((sign for sign in KAFKA_AWAY if sign in text), None)
            if sign is not None:
                raise DependencyAwayError("Kafka", kafka.kafka_bootstrap, _from(sign, text)) from error
            raise


def _from(sign: str, text: str) -> str:
    """The rest of the line that begins with the sign."""
    return text[text.index(sign) :].splitlines()[0]
