"""Every overlay held against the published schemas of Kubernetes and against a linter's policies. No server is asked."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from deploy.local.layout import Layout
from deploy.testcluster import linters, upstream
from deploy.testcluster.client import Client
from tests.support.kubernetes import Object, documents, prerequisites_or_skip
from tests.support.manifests import OFFERED, filled_in

SCHEMAS = upstream.KUBERNETES.rpartition(".")[0]

# What the linter finds and we keep: (its policy, whose pods) -> why.
KEPT: Mapping[tuple[str, str], str] = {
    ("CKV_K8S_15", ""): "a tag is a version and is never pushed twice, so an image that a node has is the right one",
    ("CKV_K8S_43", ""): "the digest is that of your registry: an overlay's `images` is where to put it",
    ("CKV_K8S_22", "StatefulSet.acidwatch.kafka"): "its image writes its settings beside its program",
    ("CKV_K8S_40", "StatefulSet.acidwatch.kafka"): "the user of its image, for trying only",
    ("CKV_K8S_40", "StatefulSet.acidwatch.postgres"): "the user of its image, for trying only",
    ("CKV_K8S_8", "Deployment.acidwatch.cli"): "it waits for commands and serves nothing",
    ("CKV_K8S_9", "Deployment.acidwatch.cli"): "it waits for commands and serves nothing",
}

Overlays = dict[str, list[Object]]


@pytest.fixture(scope="module")
def overlays(tmp_path_factory: pytest.TempPathFactory) -> Overlays:
    """What kustomize makes of each overlay with all of its components."""
    prerequisites_or_skip()
    folder = tmp_path_factory.mktemp("kustomize")
    filled = filled_in(folder, OFFERED) / "overlays"
    made = {}
    for overlay in OFFERED:
        done = Client(Layout(folder)).kubectl("kustomize", str(filled / overlay))
        assert done.returncode == 0, done.stderr
        made[overlay] = documents(done.stdout)
    return made


def written(folder: Path, found: list[Object]) -> Path:
    """A file with these objects."""
    file = folder / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(found))
    return file


def validate(file: Path) -> subprocess.CompletedProcess[str]:
    """Hold a file against the schemas of the server's version; a field that they don't know is wrong."""
    program = linters.programs() / "kubernetes-validate"
    return subprocess.run([program, "-k", SCHEMAS, "--strict", file], capture_output=True, text=True, check=False)


def found_by_linter(file: Path) -> list[tuple[str, str]]:
    """(policy, object) of what a file does not keep to."""
    command = [linters.programs() / "checkov", "--file", file, "--framework", "kubernetes", "--output", "json"]
    env = {**os.environ, "HOME": str(file.parent)}
    done = subprocess.run(
        [*command, "--skip-download", "--quiet", "--compact"], capture_output=True, text=True, check=False, env=env
    )
    found = json.loads(done.stdout)
    assert found["summary"]["parsing_errors"] == 0 and found["summary"]["passed"] > 100, done.stderr
    return [(one["check_id"], one["resource"]) for one in found["results"]["failed_checks"]]


def is_kubernetes_own(found: Object) -> bool:
    """Not defined by an operator; those are for the API server that has their definitions."""
    return "." not in found["apiVersion"].split("/")[0] or found["apiVersion"].split("/")[0].endswith(".k8s.io")


@pytest.mark.parametrize("overlay", OFFERED)
def test_every_object_is_as_the_published_schemas_want_it(overlays: Overlays, overlay: str, tmp_path: Path) -> None:
    found = [one for one in overlays[overlay] if is_kubernetes_own(one)]
    assert {one["kind"] for one in overlays[overlay]} - {one["kind"] for one in found} <= {
        "ServiceMonitor",
        "PrometheusRule",
        "ScaledObject",
        "TriggerAuthentication",
    }
    done = validate(written(tmp_path, found))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schemas_see_a_field_that_there_is_not(overlays: Overlays, tmp_path: Path) -> None:
    (deployment,) = (
        copy.deepcopy(one)
        for one in overlays["prod"]
        if (one["kind"], one["metadata"]["name"]) == ("Deployment", "ingestor")
    )
    assert validate(written(tmp_path, [deployment])).returncode == 0
    deployment["spec"]["replicaz"] = 1
    done = validate(written(tmp_path, [deployment]))
    assert done.returncode == 1 and "replicaz" in done.stdout + done.stderr


def test_the_linter_finds_nothing_but_what_we_keep_for_a_reason(overlays: Overlays, tmp_path: Path) -> None:
    used = set()
    for found in overlays.values():
        for policy, whose in found_by_linter(written(tmp_path, found)):
            reasons = {kept for kept in KEPT if kept[0] == policy and kept[1] in ("", whose)}
            assert reasons, f"{policy}, {whose}"
            used |= reasons
    assert used == KEPT.keys(), "and each of these is still found"


def test_the_linter_sees_a_container_that_may_become_root(overlays: Overlays, tmp_path: Path) -> None:
    broken = copy.deepcopy(overlays["prod"])
    (deployment,) = (one for one in broken if (one["kind"], one["metadata"]["name"]) == ("Deployment", "versioner"))
    spec = deployment["spec"]["template"]["spec"]
    spec["securityContext"]["runAsNonRoot"] = False
    spec["securityContext"]["runAsUser"] = 0
    spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    found = {policy for policy, whose in found_by_linter(written(tmp_path, broken)) if whose.endswith(".versioner")}
    assert {"CKV_K8S_20", "CKV_K8S_23", "CKV_K8S_40"} <= found
