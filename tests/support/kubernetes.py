"""What a test does with a cluster: apply, ask, and say what was not made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.errors import PrerequisiteError
from deploy.testcluster import control_plane, upstream
from deploy.testcluster.client import Client
from tests.support.deployment import PROJECT, until
from tests.support.manifests import filled_in
from tests.support.runbook import as_script

NAMESPACE = "acidwatch"

# Every container must say what it takes and what it may take, or the quota refuses its pod.
QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "all"},
    "spec": {
        "hard": {
            "requests.cpu": "8",
            "requests.memory": "16Gi",
            "limits.cpu": "32",
            "limits.memory": "32Gi",
            "pods": "30",
            "persistentvolumeclaims": "10",
        }
    },
}

Object = dict[str, Any]


def prerequisites_or_skip() -> None:
    """Have what a control plane is made of; where there is no Go to build it with, a test is skipped, and the reason is said."""
    try:
        control_plane.prerequisites()
    except PrerequisiteError as error:
        pytest.skip(str(error))


class Asked:
    """A cluster with the questions of these tests."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def done(self, *arguments: str, given: str = "") -> str:
        """Run a kubectl that must succeed and warn of nothing; what it printed."""
        done = self.client.kubectl(*arguments, given=given)
        assert done.returncode == 0 and not done.stderr, f"kubectl {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def refused(self, *arguments: str, given: str = "") -> str:
        """Run a kubectl that must fail; what it said."""
        done = self.client.kubectl(*arguments, given=given)
        assert done.returncode != 0, f"kubectl {' '.join(arguments)} was taken:\n{done.stdout}"
        return done.stderr

    def found(self, kinds: str, namespace: str = NAMESPACE) -> list[Object]:
        """Objects as the server has them."""
        items: list[Object] = json.loads(self.done("get", kinds, "-n", namespace, "-o", "json"))["items"]
        return items

    def define(self) -> None:
        """Let the server know the resources of the Prometheus operator and of KEDA."""
        for folder in upstream.definitions():
            # On the server's side: what they say is longer than the annotation in which kubectl would remember it.
            self.done("apply", "--server-side", "-f", str(folder))
        self.done("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")

    def without_pods(self, namespace: str = NAMESPACE) -> list[str]:
        """Workloads that have fewer pods than they want, each with what was said of it."""
        said = {
            event["involvedObject"]["name"]: event["message"]
            for event in self.found("events", namespace)
            if event["reason"] == "FailedCreate"
        }
        missing = []
        for found in self.found("deployments,statefulsets,jobs", namespace):
            spec, status, name = found["spec"], found.get("status", {}), found["metadata"]["name"]
            wanted = spec["parallelism"] if found["kind"] == "Job" else spec["replicas"]
            if status.get("active" if found["kind"] == "Job" else "replicas", 0) < wanted:
                reasons = [message for whom, message in said.items() if whom.startswith(name)]
                missing.append(f"{found['kind']} {name}: {' '.join(reasons) or 'nothing was said'}")
        return missing

    def wait_for_pods(self, namespace: str = NAMESPACE, seconds: float = 60) -> None:
        """Wait until every workload has its pods: each was admitted, as none is made otherwise."""
        missing = ["everything"]

        def complete() -> bool:
            missing[:] = self.without_pods(namespace)
            return not missing

        try:
            until(complete, "pods", seconds)
        except AssertionError as error:
            raise AssertionError("\n".join(missing)) from error


class Followed:
    """A folder as the project's, in which the page's commands are run as they are written."""

    def __init__(self, cluster: Asked, folder: Path) -> None:
        self.cluster, self.folder = cluster, folder
        copy = filled_in(folder, {})
        (folder / "deploy" / "compose").mkdir(parents=True)
        shutil.move(copy, folder / "deploy" / "k8s")
        shutil.copy2(PROJECT / "deploy/compose/make-secrets", folder / "deploy/compose")

    def follow(self, block: str) -> str:
        """Run a block of the page; what it prints. Fails at the first command that does, with what the cluster says of its pods."""
        done = self.cluster.client.run("bash", "-c", as_script(block), cwd=self.folder)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{self.state()}"
        return done.stdout

    def state(self) -> str:
        """Pods, and what was said of them, for a person who asks why a test failed."""
        told = [
            self.cluster.client.kubectl("-n", NAMESPACE, *arguments).stdout
            for arguments in (
                ["get", "pods", "-o", "wide"],
                ["get", "events", "--sort-by=.lastTimestamp", "--field-selector=type=Warning"],
                ["logs", "--prefix", "--all-containers", "--tail=15", "-l", "app.kubernetes.io/name"],
            )
        ]
        return "\n".join(told)


def documents(text: str) -> list[Object]:
    """What is in some YAML."""
    return [found for found in yaml.safe_load_all(text) if found]
