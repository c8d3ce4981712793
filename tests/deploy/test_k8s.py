"""The Kubernetes manifests held against settings, images, compose and one another. No cluster is asked.

What is in the files is always checked; what kustomize makes of them where there is a kubectl.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from acidwatch.settings import KafkaSettings
from deploy.k8s import rules
from deploy.monitoring import config
from jobs.spark.bootstrap import JobSettings
from jobs.spark.schedule import next_time
from services.ingestor.settings import IngestorSettings
from tests.support.deployment import PROJECT
from tests.support.manifests import K8S, OFFERED, SETTINGS, filled_in, given_by_image, required_of, settings_of

COMPOSE = yaml.safe_load((PROJECT / "deploy/compose/compose.yaml").read_text())["services"]
COMPONENTS = ["producer", "ingestor", "versioner", "metrics", "compact", "backup", "migrate", "topics", "cli"]
PATCHES = {"kafka-users.yaml", "certificates.yaml"}

Document = dict[str, Any]


def read(path: Path) -> list[Document]:
    return [found for found in yaml.safe_load_all(path.read_text()) if found]


FILES: list[Document] = [
    document
    for path in sorted(K8S.rglob("*.yaml"))
    if path.name != "kustomization.yaml" and path.name not in PATCHES
    for document in read(path)
]


def named(documents: list[Document], kind: str) -> dict[str, Document]:
    return {found["metadata"]["name"]: found for found in documents if found["kind"] == kind}


def pods(documents: list[Document]) -> Iterator[tuple[str, Document]]:
    """Name and template of whatever makes pods."""
    for found in documents:
        if found["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield found["metadata"]["name"], found["spec"]["template"]
        elif found["kind"] == "CronJob":
            yield found["metadata"]["name"], found["spec"]["jobTemplate"]["spec"]["template"]


PODS = dict(pods(FILES))


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Document]]:
    """What kustomize makes of each overlay, bare and with all of its components."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not here: what kustomize makes of the overlays is not looked at")
    made = {}
    for which, taken in (("bare", {}), ("whole", OFFERED)):
        folder = filled_in(tmp_path_factory.mktemp("kustomize"), taken)
        for overlay in OFFERED:
            done = subprocess.run(
                ["kubectl", "kustomize", folder / "overlays" / overlay], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            made[f"{overlay}, {which}"] = [found for found in yaml.safe_load_all(done.stdout) if found]
    return made


# ---- each pod


@pytest.mark.parametrize("name", PODS)
def test_a_pod_keeps_to_the_restricted_standard(name: str) -> None:
    spec = PODS[name]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True and spec["securityContext"]["runAsUser"] >= 100
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False and spec["enableServiceLinks"] is False
    assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}
    for volume in spec["volumes"]:
        assert set(volume) - {"name"} <= {"secret", "configMap", "emptyDir", "persistentVolumeClaim"}
    for container in spec["containers"]:
        readonly = {} if name == "kafka" else {"readOnlyRootFilesystem": True}
        locked = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert container["securityContext"] == locked | readonly
        assert not any("hostPort" in port for port in container.get("ports", []))
        assert container["resources"].keys() == {"requests", "limits"}
        assert all(given.keys() == {"cpu", "memory"} for given in container["resources"].values())


@pytest.mark.parametrize("overlay", ["dev", "prod"])
def test_the_namespace_refuses_what_does_not_keep_to_it(overlay: str) -> None:
    labels = read(K8S / "overlays" / overlay / "namespace.yaml")[0]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("name", ["producer", "ingestor", "versioner"])
def test_a_service_is_asked_whether_it_lives_and_whether_it_works(name: str) -> None:
    spec = PODS[name]["spec"]
    container = spec["containers"][0]
    assert container["ports"] == [{"name": "health", "containerPort": 9000}]
    assert "ACIDWATCH_HEALTH_PORT" in given_by_image(name)
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}
    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/healthz", "port": "health"}, "an outage kills nobody"


@pytest.mark.parametrize("name", ["namenode", "datanode"])
def test_a_server_of_hdfs_is_not_killed_because_the_other_one_is_away(name: str) -> None:
    container = PODS[name]["spec"]["containers"][0]
    assert container["readinessProbe"]["exec"] == {"command": ["healthy"]}, "which asks what each knows of the other"
    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] == "http"


def test_a_pod_has_time_to_finish_its_group() -> None:
    field = IngestorSettings.model_fields
    slowest = (
        field["group_seconds"].default
        # Files are written side by side, each by six requests: create, write, open, read, make the folder, rename.
        + 6 * field["hdfs_timeout_seconds"].default
        + field["kafka_timeout_seconds"].default
    )
    for name in ("ingestor", "versioner", "producer"):
        assert PODS[name]["spec"]["terminationGracePeriodSeconds"] > slowest
        assert COMPOSE[name]["stop_grace_period"] == f"{PODS[name]['spec']['terminationGracePeriodSeconds']}s"


def test_a_rollout_never_has_more_readers_than_before() -> None:
    deployments = named(FILES, "Deployment")
    for name in ("ingestor", "versioner"):
        assert deployments[name]["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == 0
        assert deployments[name]["spec"]["replicas"] <= KafkaSettings.model_fields["topic_partitions"].default
    assert deployments["producer"]["spec"]["strategy"] == {"type": "Recreate"}
    assert deployments["producer"]["spec"]["replicas"] == 1
    budgets = named(FILES, "PodDisruptionBudget")
    assert budgets.keys() == {"ingestor", "versioner"}
    for name, budget in budgets.items():
        assert budget["spec"]["selector"] == deployments[name]["spec"]["selector"]


def test_a_job_never_runs_beside_itself() -> None:
    jobs = named(FILES, "CronJob")
    first = {
        name: next_time(found["spec"]["schedule"], datetime(2026, 1, 1, 12, tzinfo=UTC)) for name, found in jobs.items()
    }
    assert first == {
        "metrics": datetime(2026, 1, 1, 12, 15, tzinfo=UTC),
        "compact": datetime(2026, 1, 2, 3, 30, tzinfo=UTC),  # at night, and not when another one starts
        "backup": datetime(2026, 1, 2, 2, 0, tzinfo=UTC),
    }
    for found in jobs.values():
        assert found["spec"]["concurrencyPolicy"] == "Forbid" and found["spec"]["timeZone"] == "Etc/UTC"


# ---- images and settings


def process_of(image: str) -> str:
    return re.sub(r".*acidwatch/(\w+):.*", r"\1", image)


def test_every_image_is_one_that_compose_has_too() -> None:
    known = {re.sub(r"\$\{\w+:-(.*)\}", r"\1", given["image"]) for given in COMPOSE.values()}
    used = {container["image"] for pod in PODS.values() for container in pod["spec"]["containers"]}
    assert used <= known


def check_settings(documents: list[Document]) -> None:
    (config_map,) = (
        found["data"]
        for name, found in named(documents, "ConfigMap").items()
        if name.startswith("acidwatch-") and "ca.pem" not in found["data"]
    )
    shared = {name for name in config_map if name.startswith("ACIDWATCH_")}
    assert shared <= {name for process in SETTINGS for name in settings_of(process)}
    for name, pod in pods(documents):
        if name not in COMPONENTS:
            continue
        container = pod["spec"]["containers"][0]
        process = process_of(container["image"])
        own = {given["name"]: given["value"] for given in container.get("env", [])}
        told = {variable for variable in own if variable.startswith("ACIDWATCH_")}
        assert told <= settings_of(process), name
        for value in own.values():
            assert set(re.findall(r"\$\((\w+)\)", value)) <= config_map.keys(), "filled in by Kubernetes"
        if process in ("producer", "ingestor", "versioner"):
            assert required_of(SETTINGS[process][0]) <= told | shared | given_by_image(process), name
        if process == "spark":
            assert required_of(JobSettings) | {"ACIDWATCH_HDFS_RPC"} <= told | shared, name
        assert not any("PASSWORD" in variable for variable in (*own, *config_map))


def check_references(documents: list[Document], outside: set[str]) -> None:
    """What pods name exists; `outside` are secrets that an operator makes."""
    for name, pod in pods(documents):
        spec = pod["spec"]
        assert name not in COMPONENTS or spec["serviceAccountName"] == name
        assert (
            name not in COMPONENTS or named(documents, "ServiceAccount")[name]["automountServiceAccountToken"] is False
        )
        mounted = {mount["name"] for container in spec["containers"] for mount in container["volumeMounts"]}
        claims = {"data"} if name in named(documents, "StatefulSet") else set()
        assert mounted == {volume["name"] for volume in spec["volumes"]} | claims, name
        for volume in spec["volumes"]:
            if "secret" in volume and not volume["secret"].get("optional"):
                assert volume["secret"]["secretName"] in named(documents, "Secret").keys() | outside
            if "configMap" in volume:
                assert volume["configMap"]["name"] in named(documents, "ConfigMap")
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in named(documents, "PersistentVolumeClaim")
        for container in spec["containers"]:
            for source in container.get("envFrom", []):
                assert source["configMapRef"]["name"] in named(documents, "ConfigMap")


def listed_secrets() -> dict[str, set[str]]:
    """Secret -> its keys, as the page for whoever deploys it lists them for production."""
    page = (PROJECT / "docs" / "deploy.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (`acidwatch_.*?) \|", page, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", keys)) for name, keys in rows}


def test_overlays_give_every_setting_and_everything_that_pods_name(rendered: dict[str, list[Document]]) -> None:
    secrets = listed_secrets()
    assert secrets.keys() == set(COMPONENTS)
    for overlay, documents in rendered.items():
        check_settings(documents)
        check_references(documents, set(secrets) if overlay.startswith("prod") else set())
        for name, pod in pods(documents):
            for container in pod["spec"]["containers"] if overlay.startswith("prod") else []:
                own = {given["name"] for given in container.get("env", [])}
                wanted = {"acidwatch_database_password"} & secrets[name] if "ACIDWATCH_DATABASE_URL" in own else set()
                wanted |= {"acidwatch_kafka_password"} if "ACIDWATCH_KAFKA_USER" in own else set()
                assert secrets[name] == wanted, name


def test_production_speaks_to_nobody_in_plain_text_or_without_a_password(rendered: dict[str, list[Document]]) -> None:
    for documents in (rendered["prod, bare"], rendered["prod, whole"]):
        assert not named(documents, "StatefulSet") and not named(documents, "Secret")
        settings = next(
            found["data"] for found in named(documents, "ConfigMap").values() if "DATABASE_OPTIONS" in found["data"]
        )
        assert settings["DATABASE_OPTIONS"].startswith("?sslmode=verify-full&sslrootcert=/etc/acidwatch/")
        assert len(settings["ACIDWATCH_HDFS_URL"].split(";")) == 2
        for name, pod in pods(documents):
            container = pod["spec"]["containers"][0]
            mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
            own = {given["name"]: given["value"] for given in container.get("env", [])}
            assert "/etc/acidwatch" in mounts, name
            if "kafka_bootstrap" in {
                field for one in SETTINGS[process_of(container["image"])] for field in one.model_fields
            }:
                if name not in ("metrics", "compact", "backup", "migrate"):
                    assert own["ACIDWATCH_KAFKA_SECURITY_PROTOCOL"] == "SASL_SSL", name


# ---- networks


def allowed(documents: list[Document], labels: dict[str, str], direction: str) -> set[int]:
    """Ports that policies open for pods with these labels, whoever is on the other side."""
    opened: set[int] = set()
    for policy in named(documents, "NetworkPolicy").values():
        spec = policy["spec"]
        if direction.capitalize() in spec["policyTypes"] and matches(spec["podSelector"], labels):
            opened |= {port["port"] for rule in spec.get(direction, []) for port in rule["ports"]}
    return opened


def matches(selector: Document, labels: dict[str, str]) -> bool:
    exact = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return exact and all(labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", []))


def test_by_default_nothing_is_let_through() -> None:
    spec = named(FILES, "NetworkPolicy")["nothing"]["spec"]
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert all(
        named(FILES, "NetworkPolicy")[name]["spec"].get("ingress") != [{}] for name in named(FILES, "NetworkPolicy")
    )


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_pod_may_ask_the_servers_that_its_settings_name_and_no_other(name: str) -> None:
    wanted = {
        "producer": {"kafka"},
        "ingestor": {"kafka", "hdfs"},
        "versioner": {"kafka", "hdfs", "postgres"},
        "metrics": {"hdfs", "postgres"},
        "compact": {"hdfs", "postgres"},
        "backup": {"hdfs", "postgres"},
        "migrate": {"hdfs", "postgres"},
        "topics": {"kafka"},
        "cli": {"kafka", "hdfs", "postgres", "health"},
    }[name]
    ports = {"kafka": {9092, 9093}, "hdfs": {9870, 9864, 8020, 9866}, "postgres": {5432}, "health": {9000}}
    labels = PODS[name]["metadata"]["labels"]
    assert allowed(FILES, labels, "egress") == {53}.union(*(ports[server] for server in wanted))


@pytest.mark.parametrize("name", ["kafka", "namenode", "datanode", "postgres"])
def test_a_server_of_the_dev_overlay_may_be_asked_at_the_ports_that_it_has(name: str) -> None:
    ports = {port["containerPort"] for port in PODS[name]["spec"]["containers"][0]["ports"]}
    assert allowed(FILES, PODS[name]["metadata"]["labels"], "ingress") == ports
    assert {port["port"] for port in named(FILES, "Service")[name]["spec"]["ports"]} == ports


# ---- what is said in two places


def test_the_rules_of_the_operator_are_those_of_the_monitoring() -> None:
    assert rules.FILE.read_text() == rules.manifest(), "run: make dashboards"
    groups = [group for path in config.RULES for group in yaml.safe_load(path.read_text())["groups"]]
    assert named(FILES, "PrometheusRule")["acidwatch"]["spec"] == {"groups": groups}


def test_the_operator_s_prometheus_names_processes_as_the_rules_do() -> None:
    spec = named(FILES, "ServiceMonitor")["acidwatch"]["spec"]
    assert spec["endpoints"][0]["path"] == "/metrics"
    component = "__meta_kubernetes_pod_label_app_kubernetes_io_component"
    assert spec["endpoints"][0]["relabelings"] == [{"sourceLabels": [component], "targetLabel": "process"}]
    watched = [
        found for found in named(FILES, "Service").values() if matches(spec["selector"], found["metadata"]["labels"])
    ]
    assert {found["metadata"]["name"] for found in watched} == {"producer", "ingestor", "versioner"}
    for service in watched:
        assert service["metadata"]["labels"][spec["jobLabel"]] == "acidwatch"
        assert service["spec"]["ports"] == [{"name": "health", "port": 9000, "targetPort": "health"}]
    called = {PODS[found["metadata"]["name"]]["metadata"]["labels"]["app.kubernetes.io/component"] for found in watched}
    assert set(re.findall(r'absent\(up\{job="acidwatch", process="([^"]+)"\}\)', rules.manifest())) == called


def test_there_are_never_more_readers_than_partitions() -> None:
    fields = KafkaSettings.model_fields
    topics = {"ingestor": fields["topic_batches"].default, "versioner": fields["topic_outcomes"].default}
    scaled = named(FILES, "ScaledObject")
    assert scaled.keys() == topics.keys()
    for name, found in scaled.items():
        assert found["spec"]["scaleTargetRef"] == {"name": name}
        assert found["spec"]["maxReplicaCount"] == fields["topic_partitions"].default
        metadata = found["spec"]["triggers"][0]["metadata"]
        assert metadata["topic"] == topics[name]
        assert metadata["consumerGroup"] == f"{fields['group_prefix'].default}-{name}"


def test_keda_alone_says_how_many(rendered: dict[str, list[Document]]) -> None:
    deployments = named(rendered["prod, whole"], "Deployment")
    assert [name for name, found in deployments.items() if "replicas" not in found["spec"]] == ["ingestor", "versioner"]
    (trigger,) = named(rendered["prod, whole"], "ScaledObject")["ingestor"]["spec"]["triggers"]
    assert trigger["authenticationRef"] == {"name": "kafka"} and trigger["metadata"]["tls"] == "enable"


def test_servers_of_the_dev_overlay_are_set_up_as_those_of_compose() -> None:
    assert (K8S / "overlays/dev/roles.sql").read_text() == (PROJECT / "deploy/compose/postgres/roles.sql").read_text()
    here = {given["name"]: given["value"] for given in PODS["kafka"]["spec"]["containers"][0]["env"]}
    there = {name: str(value) for name, value in COMPOSE["kafka"]["environment"].items()}
    elsewhere = {"KAFKA_CONTROLLER_QUORUM_VOTERS", "KAFKA_LOG_DIRS"}  # its name, and a folder that its user makes
    assert here.keys() == there.keys()
    assert {name for name in here if here[name] != there[name]} == elsewhere
