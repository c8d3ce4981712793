"""Which of Spark's errors mean that HDFS is away, by the words in which they were seen."""

from __future__ import annotations

import pytest
from pyspark.errors import PySparkException

from acidwatch.errors import DependencyAwayError
from jobs.spark.hdfs import hdfs_errors

ROOT = "hdfs://localhost:9000/acidwatch"
CALL = "[STREAM_FAILED] Query [id = 1] terminated with exception: Call From vm/127.0.0.1 to localhost:9000 failed on"


@pytest.mark.parametrize(
    "text",
    [
        f"{CALL} connection exception: java.net.ConnectException: Connection refused",
        f"{CALL} socket exception: java.net.SocketException: Connection reset",
        "Failed on local exception: java.io.IOException: Connection reset by peer",
        'End of File Exception between local host is: "vm/127.0.0.1"; destination host is: "localhost":9000',
    ],
)
def test_a_call_that_is_refused_or_cut_off_is_a_server_that_is_away(text: str) -> None:
    with pytest.raises(DependencyAwayError, match=f"HDFS is away at {ROOT}"), hdfs_errors(ROOT):
        raise PySparkException(text)


def test_any_other_error_is_passed_on() -> None:
    with pytest.raises(PySparkException, match="Division by zero"), hdfs_errors(ROOT):
        raise PySparkException("Division by zero")
