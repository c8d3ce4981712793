"""One real control plane for the folder: make test-k8s. Skipped, with the reason, where its programs can't be built."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.testcluster.cluster import Cluster
from tests.support.kubernetes import Asked, prerequisites_or_skip


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """It knows the resources of the components; it has no node, so that pods are admitted and never run."""
    prerequisites_or_skip()
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        asked = Asked(running.client)
        asked.define()
        yield asked
