"""HDFS seen from Spark: where files are, and which of the JVM's errors mean that HDFS is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from acidwatch.errors import ConfigError, DependencyAwayError, PermanentError
from acidwatch.settings import HdfsSettings

LOST_BLOCK = "BlockMissingException"
"""A DataNode is away, or has lost it: one cannot be told from the other."""

AWAY = (
    "java.net.ConnectException",
    "java.net.NoRouteToHostException",
    "java.net.SocketTimeoutException",
    "java.net.UnknownHostException",
    "ConnectTimeoutException",
    # Hadoop's words where the server went away in the middle of a call.
    "failed on socket exception",
    "Failed on local exception",
    "End of File Exception between local host",
    LOST_BLOCK,
    "SafeModeException",
    "StandbyException",
    "RetriableException",
    "could only be written to 0 of",
    "All datanodes",
)
GONE = ("PATH_NOT_FOUND", "FileNotFoundException", "FAILED_READ_FILE.FILE_NOT_EXIST")


def spark_root(settings: HdfsSettings) -> str:
    """The root of every zone as Spark names it, such as hdfs://host:port/acidwatch.

    Raises:
        ConfigError: ACIDWATCH_HDFS_RPC is not set.
    """
    if not settings.hdfs_rpc:
        raise ConfigError(
            "ACIDWATCH_HDFS_RPC is not set (RPC address for Spark, hdfs://host:port); "
            "Spark reads HDFS over RPC, not over WebHDFS"
        )
    return settings.hdfs_rpc.rstrip("/") + settings.hdfs_root


@contextmanager
def hdfs_errors(root: str) -> Iterator[None]:
    """Turn Spark's errors about HDFS into ours.

    Raises:
        DependencyAwayError: HDFS does not answer, or can't serve now.
        PermanentError: A file that the ledger names is not there.
    """
    try:
        yield
    except (Py4JJavaError, PySparkException) as error:
        text = str(error)
        if any(sign in text for sign in AWAY):
            raise DependencyAwayError("HDFS", root, cause(text)) from error
        if any(sign in text for sign in GONE):
            raise PermanentError(
                f"a file that the ledger, the reference pointer or an earlier run names is not on HDFS: {cause(text)[:300]}"
            ) from error
        raise


def cause(text: str) -> str:
    """The line of an error of Spark's that says what it is about."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if any(sign in line for sign in (*AWAY, *GONE))), lines[0] if lines else text)
