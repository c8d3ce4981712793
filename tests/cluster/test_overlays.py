"""Every overlay, bare and with its components, given to a real API server, whose controllers make the pods."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.kubernetes import NAMESPACE, QUOTA, Asked, documents
from tests.support.manifests import OFFERED, filled_in

VARIANTS = [
    ("dev", ()),
    ("dev", ("monitoring",)),
    ("prod", ()),
    ("prod", ("monitoring",)),
    ("prod", ("keda",)),
    ("prod", ("keda", "keda-sasl")),
    ("prod", OFFERED["prod"]),
]


@dataclass(frozen=True)
class Applied:
    """An overlay that was applied; `folder` is what to give to kubectl -k."""

    cluster: Asked
    overlay: str
    folder: str
    tried: str
    said: str


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda variant: "+".join((variant[0], *variant[1])))
def applied(
    cluster: Asked, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Applied]:
    """Tried on the server's side first, then applied, then taken away."""
    overlay, components = request.param
    copy = filled_in(tmp_path_factory.mktemp("kustomize"), {overlay: components}) / "overlays" / overlay
    cluster.done("apply", "-f", f"{copy}/namespace.yaml")
    cluster.done("apply", "-n", NAMESPACE, "-f", "-", given=json.dumps(QUOTA))
    tried = cluster.done("apply", "-k", str(copy), "--dry-run=server")
    yield Applied(cluster, overlay, str(copy), tried, cluster.done("apply", "-k", str(copy)))
    cluster.done("delete", "-k", str(copy), "--timeout=120s")


def test_the_server_takes_every_object_and_warns_of_nothing(applied: Applied) -> None:
    wanted = documents(applied.cluster.done("kustomize", applied.folder))
    assert len(applied.said.splitlines()) == len(applied.tried.splitlines()) == len(wanted)
    assert applied.tried.count("(server dry run)") == len(wanted)
    applied.cluster.done("get", "-k", applied.folder)


def test_every_workload_gets_its_pods(applied: Applied) -> None:
    applied.cluster.wait_for_pods()
    servers = {"kafka", "namenode", "datanode", "postgres", "hdfs-home"} if applied.overlay == "dev" else set()
    owners = {
        found["metadata"]["name"]: found["status"].get("active") or found["status"]["replicas"]
        for found in applied.cluster.found("deployments,statefulsets,jobs")
    }
    scaled = "keda" in applied.cluster.done("get", "scaledobjects", "-A", "--ignore-not-found", "-o", "name")
    several = 1 if scaled else 2  # where KEDA says how many, it starts with one
    assert owners == {
        **dict.fromkeys({"producer", "cli", "migrate", "topics"} | servers, 1),
        **dict.fromkeys(("ingestor", "versioner"), several),
    }


def test_each_cron_job_makes_a_job_whose_pod_is_admitted(applied: Applied) -> None:
    names = [found["metadata"]["name"] for found in applied.cluster.found("cronjobs")]
    assert names == ["backup", "compact", "metrics"]
    for name in names:
        applied.cluster.done("create", "job", f"{name}-now", f"--from=cronjob/{name}", "-n", NAMESPACE)
    applied.cluster.wait_for_pods()
    for name in names:
        (pod,) = json.loads(
            applied.cluster.done("get", "pods", "-n", NAMESPACE, "-l", f"job-name={name}-now", "-o", "json")
        )["items"]
        assert pod["spec"]["serviceAccountName"] == name
        applied.cluster.done("delete", "job", f"{name}-now", "-n", NAMESPACE)


def test_applying_it_again_changes_nothing(applied: Applied) -> None:
    def generations() -> dict[str, int]:
        found = applied.cluster.found("deployments,statefulsets,cronjobs,jobs,networkpolicies")
        return {f"{one['kind']} {one['metadata']['name']}": one["metadata"]["generation"] for one in found}

    before = generations()
    assert applied.cluster.done("diff", "-k", applied.folder) == ""
    applied.cluster.done("apply", "-k", applied.folder)
    assert generations() == before, "no pod is started anew"
