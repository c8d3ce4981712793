"""What the page for whoever deploys says about Kubernetes, done on a real API server as it is written there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.composed import blocks
from tests.support.kubernetes import NAMESPACE, Asked, Followed

TRYING, _, _, _, _, AGAIN, HELD, GOES_ON, PRODUCTION = blocks("Kubernetes")
CRON_JOBS = {"backup", "compact", "metrics"}


def test_the_overlay_for_trying_is_applied_and_once_more(cluster: Asked, tmp_path: Path) -> None:
    followed = Followed(cluster, tmp_path)
    for name in CRON_JOBS:  # nobody runs a pod here, so what came due would never end
        file = tmp_path / f"deploy/k8s/base/{name}.yaml"
        file.write_text(re.sub("schedule: .*", 'schedule: "0 0 29 2 *"', file.read_text()))

    def held() -> set[str]:
        return {one["metadata"]["name"] for one in cluster.found("cronjobs") if one["spec"].get("suspend")}

    try:
        followed.follow(TRYING)
        cluster.wait_for_pods()
        followed.follow(HELD)
        config = tmp_path / "deploy/k8s/base/kustomization.yaml"  # other settings, so that the Jobs are others too
        config.write_text(config.read_text().replace("LOG_FORMAT=json", "LOG_FORMAT=console"))
        assert "immutable" in cluster.refused("apply", "-k", str(tmp_path / "deploy/k8s/overlays/dev"))
        followed.follow(AGAIN)
        cluster.wait_for_pods()
        assert held() == CRON_JOBS
        followed.follow(GOES_ON)
        assert held() == set()
    finally:
        cluster.done("delete", "namespace", NAMESPACE, "--timeout=120s")


def test_production_is_applied_beside_its_secrets(cluster: Asked, tmp_path: Path) -> None:
    followed = Followed(cluster, tmp_path)
    for name in ("acidwatch_kafka_password", "acidwatch_database_password"):
        (tmp_path / name).write_text("secret")
    try:
        followed.follow(PRODUCTION)
        cluster.wait_for_pods()
        (secret,) = (found for found in cluster.found("secrets") if found["metadata"]["name"] == "versioner")
        assert secret["data"].keys() == {"acidwatch_kafka_password", "acidwatch_database_password"}
    finally:
        cluster.done("delete", "namespace", NAMESPACE, "--timeout=120s")
