"""A Spark that can't start as it is set up is said in one line, with the settings to look at."""

from __future__ import annotations

import pytest
from py4j.protocol import Py4JError
from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession

from acidwatch.errors import ConfigError
from acidwatch.settings import load
from jobs.spark.session import SparkSettings, spark_session

TOO_SMALL = """An error occurred while calling None.org.apache.spark.api.java.JavaSparkContext.
: java.lang.IllegalArgumentException: System memory 101384192 must be at least 471859200.
\tat org.apache.spark.memory.UnifiedMemoryManager$.getMaxMemory(UnifiedMemoryManager.scala:500)
\tat java.base/java.lang.Thread.run(Thread.java:840)
"""
NO_JVM = "[JAVA_GATEWAY_EXITED] Java gateway process exited before sending its port number."


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPARK_MASTER", "SPARK_DRIVER_MEMORY"):
        monkeypatch.delenv(f"ACIDWATCH_{name}", raising=False)
    for name in ("HADOOP_USER_NAME", "PYSPARK_PYTHON", "MALLOC_ARENA_MAX"):
        monkeypatch.setenv(name, "x")  # a session sets them


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Py4JError(TOO_SMALL), "java.lang.IllegalArgumentException: System memory 101384192 must be at least 471859200."),
        (PySparkRuntimeError(NO_JVM), NO_JVM),
    ],
)  # fmt: skip
def test_what_spark_says_at_the_start_becomes_one_line(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def refuse(_: object) -> None:
        raise error

    monkeypatch.setattr(SparkSession.Builder, "getOrCreate", refuse)
    with pytest.raises(ConfigError) as caught, spark_session(SparkSettings(), "acidwatch"):
        pass
    said = str(caught.value)
    assert said.startswith(f"Spark does not start: {reason}; ")
    assert len(said.splitlines()) == 1
    for name in (
        "ACIDWATCH_SPARK_MASTER",
        "ACIDWATCH_SPARK_DRIVER_MEMORY",
        "ACIDWATCH_SPARK_DRIVER_JAVA_OPTIONS",
        "JAVA_HOME",
    ):
        assert name in said


@pytest.mark.parametrize("memory", ["lots", "2gb", "2 g", "2048", "0g", "-1g", "1.5g", ""])
def test_a_heap_that_java_would_not_understand_is_refused_before_it_is_started(memory: str) -> None:
    with pytest.raises(ConfigError, match="ACIDWATCH_SPARK_DRIVER_MEMORY is wrong"):
        load(SparkSettings, spark_driver_memory=memory)


@pytest.mark.parametrize("memory", ["2g", "1500m", "900M", "1t", "2097152k"])
def test_a_heap_in_units_of_java_is_taken(memory: str) -> None:
    assert load(SparkSettings, spark_driver_memory=memory).spark_driver_memory == memory


@pytest.mark.parametrize(
    "master", ["locl[*]", "local[]", "local[0]", "local[two]", "local*", "spark-master:7077", "spark://", ""]
)
def test_a_master_that_is_none_is_refused(master: str) -> None:
    with pytest.raises(ConfigError, match="ACIDWATCH_SPARK_MASTER is wrong"):
        load(SparkSettings, spark_master=master)


@pytest.mark.parametrize(
    "master", ["local", "local[2]", "local[*]", "local[*,3]", "spark://a:7077,b:7077", "k8s://https://host:443", "yarn"]
)
def test_a_master_as_spark_writes_it_is_taken(master: str) -> None:
    assert load(SparkSettings, spark_master=master).spark_master == master
