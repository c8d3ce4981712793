"""The overlay for trying really runs: a kubelet, containerd, the project's images, and a workbook from its rows to its figures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from acidwatch.workbook.generate import generate
from tests.support.composed import blocks
from tests.support.deployment import until
from tests.support.kubernetes import NAMESPACE
from tests.support.nodes import OnNode, cluster_with_node

pytestmark = pytest.mark.timeout(1800)

APPLY, TRIAL, DROP, BACKUP, AS_OWNER, *_ = blocks("Kubernetes")
VOLUMES = 6


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnNode]:
    """The overlay is applied, and its claims have volumes."""
    folder = tmp_path_factory.mktemp("node")
    with cluster_with_node(folder) as cluster:
        made = OnNode(cluster, folder)
        made.follow(APPLY)
        made.provide_volumes(VOLUMES)
        yield made


@pytest.fixture(scope="module")
def tried(followed: OnNode) -> str:
    """What the page's trial prints: 4000 rows, as 40 batches."""
    return followed.follow(TRIAL)


def status(followed: OnNode) -> dict[str, Any]:
    """What `acidwatch status` says, whatever is away."""
    command = ["exec", "-n", NAMESPACE, "deploy/cli", "--", "acidwatch", "status", "--output", "json"]
    found: dict[str, Any] = json.loads(followed.cluster.client.kubectl(*command).stdout or "{}")
    return found


def wait_until_ready(followed: OnNode) -> None:
    for kind in ("statefulsets", "deployments"):
        for found in followed.cluster.found(kind):
            name = f"{kind}/{found['metadata']['name']}"
            followed.cluster.done("rollout", "status", name, "-n", NAMESPACE, "--timeout=300s")


def restarts(followed: OnNode) -> dict[str, int]:
    """Of each pod of our services."""
    return {
        pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["restartCount"]
        for pod in followed.cluster.found("pods")
        if pod["metadata"]["labels"].get("app.kubernetes.io/component") in ("producer", "ingestor", "versioner")
    }


def test_a_workbook_goes_through_as_the_page_says(tried: str) -> None:
    assert "version 40, 4000 rows" in tried and "40 accepted, 0 rejected, 0 duplicate, 0 in flight" in tried
    assert "job.batch/metrics-now condition met" in tried and "last job      run 1 of version 40" in tried


def test_each_service_is_asked_for_its_metrics_by_way_of_its_pod(followed: OnNode, tried: str) -> None:
    sums = {}
    for service in ("ingestor", "versioner"):
        pods = [
            pod["metadata"]["name"]
            for pod in followed.cluster.found("pods")
            if pod["metadata"]["labels"].get("app.kubernetes.io/component") == service
        ]
        assert len(pods) == 2
        pages = [
            followed.cluster.done("get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:9000/proxy/metrics")
            for pod in pods
        ]
        sums[service] = sum(
            float(line.rsplit(" ", 1)[1])
            for page in pages
            for line in page.splitlines()
            if line.startswith("acidwatch_group_batches_sum")
        )
    assert sums == {"ingestor": 40, "versioner": 40}


def test_a_workbook_in_the_drop_folder_is_sent(followed: OnNode, tried: str) -> None:
    made = generate(300, 1, followed.folder / "generated", ())
    made.samples.rename(followed.folder / "samples.xlsx")
    followed.follow(DROP)
    until(lambda: status(followed).get("version") == 43, "the three batches of the workbook")


def test_a_backup_is_made_from_the_pod_of_the_commands_and_the_owner_of_the_tables_gets_in_there(
    followed: OnNode, tried: str
) -> None:
    said = followed.follow(BACKUP)
    made = re.search(r"backup (\d{8}T\d{6}Z): version 43, \d+ rows", said)
    assert made and said.count(made[1]) == 2, "it is in the list"
    assert "the ledger is up to date" in followed.follow(AS_OWNER)


@pytest.mark.parametrize(
    ("name", "says"), [("compact", r"wrote \d+ files as 1, "), ("backup", r"backup \d{8}T\d{6}Z: version 43, \d+ rows")]
)
def test_compaction_and_a_backup_run_as_their_cron_jobs_have_them(
    followed: OnNode, tried: str, name: str, says: str
) -> None:
    job = f"job/{name}-now"
    followed.cluster.done("create", "job", f"{name}-now", f"--from=cronjob/{name}", "-n", NAMESPACE)
    followed.cluster.done("wait", "--for=condition=complete", job, "-n", NAMESPACE, "--timeout=300s")
    assert re.search(says, followed.cluster.done("logs", job, "-n", NAMESPACE))


def test_an_outage_makes_pods_not_ready_and_kills_none(followed: OnNode, tried: str) -> None:
    wait_until_ready(followed)
    before = restarts(followed)
    followed.cluster.done("scale", "statefulset/kafka", "--replicas=0", "-n", NAMESPACE)
    until(lambda: "Kafka is away" in json.dumps(status(followed)), "the services to say what they wait for")
    assert restarts(followed) == before
    followed.cluster.done("scale", "statefulset/kafka", "--replicas=1", "-n", NAMESPACE)
    wait_until_ready(followed)
    assert restarts(followed) == before


def test_servers_that_are_started_again_have_their_data(followed: OnNode, tried: str) -> None:
    before = status(followed)
    servers = [f"{found['metadata']['name']}-0" for found in followed.cluster.found("statefulsets")]
    followed.cluster.done("delete", "pod", *servers, "-n", NAMESPACE, "--timeout=95s")
    wait_until_ready(followed)
    after = status(followed)
    assert before["version"] >= 40 and (after["version"], after["rows"]) == (before["version"], before["rows"])


def test_a_service_is_rolled_out_without_losing_a_reader_s_place(followed: OnNode, tried: str) -> None:
    followed.cluster.done("rollout", "restart", "deployment/ingestor", "deployment/versioner", "-n", NAMESPACE)
    wait_until_ready(followed)
    found = status(followed)
    assert found["batches"]["in_flight"] == 0 and found["batches"]["duplicate"] == 0
