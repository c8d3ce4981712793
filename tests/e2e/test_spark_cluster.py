"""The Spark jobs on a cluster, as docs/spark-postgresql.md says, against what they do in one process."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from jobs.spark.publish import TABLES
from tests.support.deployment import PROJECT, Deployment
from tests.support.runbook import following
from tests.support.spark_cluster import spark_cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

PAGE = PROJECT / "docs" / "spark-postgresql.md"


@pytest.fixture(scope="module")
def on_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Settings of a job that runs there, Spark's own among them in the file of the page."""
    (defaults,) = re.findall(r"```properties\n(.*?)```", PAGE.read_text(), re.DOTALL)
    configuration = tmp_path_factory.mktemp("spark-conf")
    (configuration / "spark-defaults.conf").write_text(defaults)
    with spark_cluster(tmp_path_factory.mktemp("cluster") / "spark") as address:
        yield {
            "ACIDWATCH_SPARK_MASTER": address,
            "SPARK_CONF_DIR": str(configuration),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable,
        }


@pytest.fixture(scope="module")
def recorded(deployment: Deployment) -> Deployment:
    """Six batches in the dataset."""
    made = deployment.generate(600, seed=71)
    deployment.load_reference(made)
    for name in ("ingestor", "versioner"):
        deployment.start(name)
    deployment.send_and_wait(made.samples)
    return deployment


def published(deployment: Deployment, run_id: int) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of a run, to the last digit; not in whose folders they are, which is its own number."""
    rows = {}
    for table, columns in TABLES.items():
        texts = ", ".join(f'"{column}"::text' for column in columns if column != "computed_by")
        rows[table] = sorted(
            deployment.query(f"SELECT {texts} FROM metrics.{table} WHERE run_id = %s", run_id), key=str
        )
    return rows


def test_the_metrics_job_publishes_the_same_digits_from_a_cluster(
    recorded: Deployment, on_cluster: dict[str, str]
) -> None:
    with following(recorded, "Once, and by the clock", PAGE) as section:
        said = section.follow()
    ((here,),) = recorded.query("SELECT max(run_id) FROM metrics.runs")
    assert '"new": false' in said
    done = recorded.run("job", "metrics", "--force", "--output", "json", env=on_cluster, seconds=900)
    assert done.returncode == 0, done.stderr
    ((there,),) = recorded.query("SELECT max(run_id) FROM metrics.runs")
    assert there != here
    assert published(recorded, there) == published(recorded, here)


def test_the_live_job_decodes_on_a_cluster_too(recorded: Deployment, on_cluster: dict[str, str]) -> None:
    """Its executors run Python of ours: they find the interpreter by PYSPARK_PYTHON."""
    path = {"PYTHONPATH": os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")])}
    done = recorded.run("job", "live", "--once", "--output", "json", env={**on_cluster, **path}, seconds=900)
    assert done.returncode == 0, done.stderr
    assert recorded.query("SELECT count(*) FROM metrics.live_batch") == [(6,)]
    with following(recorded, "The live job", PAGE) as section:
        section.follow()
