"""The overlay for trying on a real node: images from a container engine, and volumes made by hand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.errors import PrerequisiteError
from deploy.testcluster import node
from deploy.testcluster.apart import ClusterApart
from tests.support.deployment import until
from tests.support.kubernetes import NAMESPACE, Asked, Followed, prerequisites_or_skip
from tests.support.manifests import K8S


def images() -> dict[str, str]:
    """Those that the overlay for trying names -> under which name a container engine has them, by the variables that compose takes."""
    files = [*(K8S / "base").glob("*.yaml"), *(K8S / "overlays/dev").glob("*.yaml")]
    found = {name for file in files for name in re.findall(r"^ +image: (\S+)$", file.read_text(), re.MULTILINE)}
    return {name: os.environ.get(f"{re.split(r'[/:]', name)[-2].upper()}_IMAGE", name) for name in sorted(found)}


def archive_or_skip(folder: Path) -> Path:
    """An archive of these images, from the container engine that DOCKER_HOST names; skipped where it lacks one."""
    docker = shutil.which("docker")
    if docker is None or os.geteuid() != 0:
        pytest.skip("a real node needs root, and a container engine that has the images: docs/deploy.md")
    there = list(images().values())
    for image in there:
        done = subprocess.run([docker, "image", "inspect", image], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"no container engine here has the image {image}: {done.stderr.strip()[:200]}")
    archive = folder / "images.tar"
    subprocess.run([docker, "save", "--output", archive, *there], check=True)
    return archive


@contextmanager
def cluster_with_node(folder: Path) -> Iterator[Asked]:
    """It runs the overlay's pods; skipped, with the reason, where it can't be had."""
    archive = archive_or_skip(folder)
    prerequisites_or_skip()
    try:
        node.prerequisites()
    except PrerequisiteError as error:
        pytest.skip(str(error))
    with ClusterApart(folder / "cluster", archive, images()) as running:
        yield Asked(running.client)


class OnNode(Followed):
    """With volumes for the claims."""

    def provide_volumes(self, wanted: int) -> None:
        """Give every claim a folder of the node, as a provisioner of volumes would."""
        claims = until(
            lambda: len(found := self.cluster.found("pvc")) == wanted and found, f"{wanted} claims of volumes", 60
        )
        for claim in claims:
            name = claim["metadata"]["name"]
            place = self.folder / "volumes" / name
            place.mkdir(parents=True)
            volume = {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": name},
                "spec": {
                    "capacity": claim["spec"]["resources"]["requests"],
                    "accessModes": claim["spec"]["accessModes"],
                    "claimRef": {"namespace": NAMESPACE, "name": name},
                    "local": {"path": str(place)},
                    "nodeAffinity": {
                        "required": {
                            "nodeSelectorTerms": [
                                {
                                    "matchExpressions": [
                                        {"key": "kubernetes.io/hostname", "operator": "In", "values": ["localhost"]}
                                    ]
                                }
                            ]
                        }
                    },
                },
            }
            self.cluster.done("apply", "-f", "-", given=json.dumps(volume))
