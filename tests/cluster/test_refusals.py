"""What the overlays must not be is refused: the checks beside this can fail."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.deployment import until
from tests.support.kubernetes import QUOTA, Asked, Object, documents
from tests.support.manifests import OFFERED, filled_in

NAMESPACE = "refusals"


@pytest.fixture(scope="module")
def whole(cluster: Asked, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Object]]:
    """What kustomize makes of the production overlay with all components, by kind and name; in a namespace like its own."""
    folder = filled_in(tmp_path_factory.mktemp("kustomize"), OFFERED) / "overlays/prod"
    made = {
        (found["kind"], found["metadata"]["name"]): found
        for found in documents(
            cluster.done("kustomize", str(folder)).replace("namespace: acidwatch", f"namespace: {NAMESPACE}")
        )
    }
    namespace = made["Namespace", "acidwatch"]
    namespace["metadata"]["name"] = NAMESPACE
    cluster.done("apply", "-f", "-", given=json.dumps(namespace))
    cluster.done("apply", "-n", NAMESPACE, "-f", "-", given=json.dumps(QUOTA))
    for found in made.values():
        if found["kind"] == "ServiceAccount":
            cluster.done("apply", "-f", "-", given=json.dumps(found))
    yield made
    cluster.done("delete", "namespace", NAMESPACE, "--timeout=120s")


def pod(found: Object) -> Any:
    """Its pods' specification."""
    spec = found["spec"]["jobTemplate"]["spec"] if found["kind"] == "CronJob" else found["spec"]
    return spec["template"]["spec"]


def put(*path: str | int, value: Any) -> Callable[[Object], None]:
    """Put a value somewhere into an object."""

    def change(found: Any) -> None:
        for step in path[:-1]:
            found = found[step]
        found[path[-1]] = value

    return change


BROKEN: dict[str, tuple[tuple[str, str], Callable[[Object], None], str]] = {
    "a field that there is not": (("Deployment", "ingestor"), put("spec", "replicaz", value=1), "unknown field"),
    "a schedule that never comes": (("CronJob", "metrics"), put("spec", "schedule", value="99 * * * *"), "schedule"),
    "a time zone that there is not": (("CronJob", "metrics"), put("spec", "timeZone", value="Lake/Time"), "timeZone"),
    "a quantity without meaning": (
        ("Deployment", "producer"),
        lambda found: put("resources", "limits", "memory", value="64Mb")(pod(found)["containers"][0]),
        "quantities must match",
    ),
    "a selector that does not select its pods": (
        ("Deployment", "versioner"),
        put("spec", "selector", "matchLabels", "app.kubernetes.io/component", value="other"),
        "selector",
    ),
    "a volume that there is not": (
        ("Deployment", "cli"),
        lambda found: put("volumeMounts", 0, "name", value="other")(pod(found)["containers"][0]),
        "Not found",
    ),
    "a policy about a protocol that there is not": (
        ("NetworkPolicy", "to-kafka"),
        put("spec", "egress", 0, "ports", 0, "protocol", value="TPC"),
        "protocol",
    ),
    "a budget of two kinds": (
        ("PodDisruptionBudget", "ingestor"),
        put("spec", "minAvailable", value=1),
        "minAvailable",
    ),
    "a monitor that asks every now and then": (
        ("ServiceMonitor", "acidwatch"),
        put("spec", "endpoints", 0, "interval", value="often"),
        "interval",
    ),
    "an alert that waits for some minutes": (
        ("PrometheusRule", "acidwatch"),
        lambda found: put("for", value="some minutes")(
            next(rule for group in found["spec"]["groups"] for rule in group["rules"] if "alert" in rule)
        ),
        "for",
    ),
    "a scaler of nothing": (
        ("ScaledObject", "ingestor"),
        put("spec", "scaleTargetRef", value={}),
        "scaleTargetRef.name",
    ),
    "a scaler by many": (("ScaledObject", "ingestor"), put("spec", "maxReplicaCount", value="many"), "maxReplicaCount"),
    "a password without a key": (
        ("TriggerAuthentication", "kafka"),
        put("spec", "secretTargetRef", 0, value={"parameter": "username", "name": "keda"}),
        "key",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_the_server_refuses(cluster: Asked, whole: dict[tuple[str, str], Object], what: str) -> None:
    which, change, reason = BROKEN[what]
    found = copy.deepcopy(whole[which])
    cluster.done("apply", "--dry-run=server", "-f", "-", given=json.dumps(found))
    change(found)
    assert reason in cluster.refused("apply", "--dry-run=server", "-f", "-", given=json.dumps(found))


def test_a_job_that_is_there_can_not_be_changed_and_a_new_one_can_be_applied(
    cluster: Asked, whole: dict[tuple[str, str], Object]
) -> None:
    job = copy.deepcopy(whole["Job", "topics"])
    cluster.done("apply", "-f", "-", given=json.dumps(job))
    put("image", value="acidwatch/cli:0.2.0")(pod(job)["containers"][0])
    assert "immutable" in cluster.refused("apply", "-f", "-", given=json.dumps(job))
    cluster.done("delete", "job", "topics", "-n", NAMESPACE)
    cluster.done("apply", "-f", "-", given=json.dumps(job))


def test_a_pod_below_the_restricted_standard_is_warned_of_and_never_made(
    cluster: Asked, whole: dict[tuple[str, str], Object]
) -> None:
    found = copy.deepcopy(whole["Deployment", "ingestor"])
    del pod(found)["securityContext"]["seccompProfile"]
    with pytest.raises(AssertionError, match="would violate PodSecurity"):
        cluster.done("apply", "--dry-run=server", "-f", "-", given=json.dumps(found))
    assert cluster.client.kubectl("apply", "-f", "-", given=json.dumps(found)).returncode == 0, "a warning, no more"
    check_never_made(cluster, 'Deployment ingestor: .*violates PodSecurity "restricted:latest".*seccompProfile')
    cluster.done("delete", "deployment", "ingestor", "-n", NAMESPACE)


def test_a_pod_that_does_not_say_what_it_takes_is_never_made(
    cluster: Asked, whole: dict[tuple[str, str], Object]
) -> None:
    found = copy.deepcopy(whole["Deployment", "versioner"])
    del pod(found)["containers"][0]["resources"]
    cluster.done("apply", "-f", "-", given=json.dumps(found))
    check_never_made(cluster, "Deployment versioner: .*must specify limits.cpu")
    cluster.done("delete", "deployment", "versioner", "-n", NAMESPACE)


def check_never_made(cluster: Asked, reason: str) -> None:
    """That the controller tried, was refused with this reason, and the wait for pods fails with it."""
    until(lambda: re.search(reason, " ".join(cluster.without_pods(NAMESPACE))), reason, 60)
    with pytest.raises(AssertionError, match=reason):
        cluster.wait_for_pods(NAMESPACE, seconds=1)
