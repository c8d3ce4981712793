"""The overlay for trying on a real node: images from a container engine, and volumes made by hand."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.errors import PrerequisiteError, ServerFailedError
from deploy.testcluster import node
from deploy.testcluster.apart import ClusterApart
from deploy.testimages.engine import FOLDER, running_engine
from deploy.testimages.images import names
from tests.support.deployment import until
from tests.support.kubernetes import NAMESPACE, Asked, Followed, prerequisites_or_skip
from tests.support.manifests import K8S


def images() -> dict[str, str]:
    """Those that the overlay for trying names -> under which name the engine of the tests has them."""
    files = [*(K8S / "base").glob("*.yaml"), *(K8S / "overlays/dev").glob("*.yaml")]
    found = {name for file in files for name in re.findall(r"^ +image: (\S+)$", file.read_text(), re.MULTILINE)}
    there = {**names(), **os.environ}  # the variables by which compose.yaml takes them, too
    return {name: there[f"{re.split(r'[/:]', name)[-2].upper()}_IMAGE"] for name in sorted(found)}


def archive_or_skip(folder: Path) -> Path:
    """An archive of these images; skipped, with the reason, where no engine has them."""
    if os.geteuid() != 0:
        pytest.skip("a real node needs root")
    if not FOLDER.exists() and "DOCKER_HOST" not in os.environ:
        pytest.skip("a real node needs images: make test-compose makes them")
    archive = folder / "images.tar"
    try:
        with running_engine() as engine:
            engine.run("image", "inspect", *images().values())
            engine.run("save", "--output", str(archive), *images().values())
    except (PrerequisiteError, ServerFailedError) as error:
        pytest.skip(f"a real node needs images: make test-compose makes them ({error})")
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
    root = folder / "cluster"
    try:
        with ClusterApart(root, archive, images()) as running:
            archive.unlink()
            yield Asked(running.client)
    finally:  # what pytest keeps of a test is for people who ask why it failed; these are gigabytes
        archive.unlink(missing_ok=True)
        shutil.rmtree(root / "data", ignore_errors=True)


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
