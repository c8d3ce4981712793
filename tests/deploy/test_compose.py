"""compose.yaml held against itself, the settings, the images and what watches them; tests/engine runs it."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from deploy.local.layout import Layout
from deploy.local.ports import Ports
from deploy.local.postgres import Postgres, find_binaries
from tests.support.deployment import PROJECT
from tests.support.manifests import SETTINGS, given_by_image, required_of, settings_of

COMPOSE = PROJECT / "deploy" / "compose"
TEXT = (COMPOSE / "compose.yaml").read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
ONCE = {"topics", "migrate", "hdfs-home", "reference"}
LASTING = sorted(set(SERVICES) - ONCE - {"cli"})  # in order: each test process must name the same tests
DEFAULTS = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT))


def image(service: str) -> str:
    """Its default image without the tag."""
    return re.sub(r"\$\{\w+:-(.*?):[^:]*\}", r"\1", SERVICES[service]["image"])


OURS = {name: image(name).split("/")[1] for name in SERVICES if image(name).startswith("acidwatch/")}
PYTHON = {name: process for name, process in OURS.items() if process != "hdfs"}


def environment(service: str) -> dict[str, str]:
    found: dict[str, str] = SERVICES[service].get("environment", {})
    return found


def secrets(service: str) -> dict[str, str]:
    """Source -> file below /run/secrets."""
    return {
        (given if isinstance(given, str) else given["source"]): (given if isinstance(given, str) else given["target"])
        for given in SERVICES[service].get("secrets", [])
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_can_do_no_more_than_it_must(service: str) -> None:
    given = SERVICES[service]
    assert given["cap_drop"] == ["ALL"] and given["security_opt"] == ["no-new-privileges:true"]
    assert service == "postgres" or "cap_add" not in given
    assert given.get("read_only") or service == "kafka"
    assert {"cpus", "memory"} <= given["deploy"]["resources"]["limits"].keys()
    assert not given.keys() & {"privileged", "network_mode", "pid", "ipc", "user", "container_name"}
    assert all(port.startswith("127.0.0.1:") for port in given.get("ports", []))


@pytest.mark.parametrize("service", LASTING)
def test_what_lasts_is_started_again_and_says_whether_it_is_well(service: str) -> None:
    given = SERVICES[service]
    assert given["restart"] == "unless-stopped"
    in_its_image = service in OURS and "HEALTHCHECK" in dockerfile(service)
    assert in_its_image or given["healthcheck"]["test"][0] == "CMD", "no shell is needed"


@pytest.mark.parametrize("service", SERVICES)
def test_it_waits_for_what_it_needs(service: str) -> None:
    for other, how in SERVICES[service].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if other in ONCE else "service_healthy"
        if (service, other) == ("datanode", "namenode"):  # which is not well before it has heard of the blocks
            wanted = "service_started"
        assert how == {"condition": wanted}
    assert service in ONCE or service in LASTING or SERVICES[service]["profiles"] == ["cli"]


def test_what_is_done_once_is_waited_for_by_somebody() -> None:
    """Else `up --wait` takes its end for a failure."""
    assert {other for given in SERVICES.values() for other in given.get("depends_on", {}) if other in ONCE} == ONCE


def reached(service: str) -> set[str]:
    direct = set(SERVICES[service].get("depends_on", {}))
    return direct.union(*(reached(other) for other in direct)) if direct else direct


@pytest.mark.parametrize("service", sorted(PYTHON.keys() - {"cli"}))
def test_servers_that_it_is_told_of_are_there_before_it(service: str) -> None:
    asked = " ".join(value for name, value in environment(service).items() if name.startswith("ACIDWATCH_"))
    hosts = set(re.findall(r"(?:^|[/@ ])([a-z]+):\d{4}", asked))
    if service == "migrate":  # an empty ledger is asked nothing that is on Kafka or HDFS
        hosts &= {"postgres"}
    if service == "metrics-job":
        hosts -= {"kafka"}
    assert hosts and hosts <= reached(service)


@pytest.mark.parametrize("service", PYTHON)
def test_it_is_told_what_its_settings_ask_for_and_nothing_else(service: str) -> None:
    process = PYTHON[service]
    told = {name for name in environment(service) if name.startswith("ACIDWATCH_")}
    assert told <= settings_of(process)
    if service in LASTING:
        asked = SETTINGS[process][-1 if service == "live" else 0]
        assert required_of(asked) <= told | given_by_image(process)
    assert not any("PASSWORD" in name for name in environment(service))
    url = environment(service).get("ACIDWATCH_DATABASE_URL")
    if url:
        user = re.fullmatch(r"postgresql://(\w+)@postgres:5432/acidwatch", url)
        assert user and secrets(service) == {f"{user[1]}_password": "acidwatch_database_password"}


def test_images_of_ours_are_built_each_by_one_service() -> None:
    built = {image(name): given["build"] for name, given in SERVICES.items() if "build" in given}
    assert built.keys() == {image(name) for name in OURS}
    assert len(built) == sum("build" in given for given in SERVICES.values())
    for name, build in built.items():
        assert (COMPOSE / build["context"] / build["dockerfile"]).is_file()
        assert f" {name}:" in (COMPOSE / build["context"] / build["dockerfile"]).read_text(), "its first lines name it"
        bases = set(re.findall(r"^ARG (\w+_IMAGE=.*)$", (PROJECT / build["dockerfile"]).read_text(), re.MULTILINE))
        assert {f"{key}={DEFAULTS[key]}" for key in build["args"]} == bases


def dockerfile(service: str) -> str:
    build = next(
        given["build"] for name, given in SERVICES.items() if "build" in given and image(name) == image(service)
    )
    return (PROJECT / build["dockerfile"]).read_text()


def test_every_secret_is_used_and_made(tmp_path: Path) -> None:
    used = {source for service in SERVICES for source in secrets(service)}
    assert used == FILE["secrets"].keys()
    (tmp_path / "make-secrets").write_bytes((COMPOSE / "make-secrets").read_bytes())
    for _ in range(2):
        subprocess.run(["sh", "make-secrets"], cwd=tmp_path, check=True)
        made = {str(path.relative_to(tmp_path)): path.read_text() for path in (tmp_path / "secrets").iterdir()}
        assert made.keys() == {given["file"] for given in FILE["secrets"].values()}
        assert len(set(made.values())) == len(made) and all(
            re.fullmatch("[0-9a-f]{48}", text) for text in made.values()
        )
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()} == {0o644}
    subprocess.run(["sh", "make-secrets"], cwd=tmp_path, check=True)
    again = {str(path.relative_to(tmp_path)): path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert again == made, "those that are there stay"


def test_the_example_of_an_env_file_says_every_default() -> None:
    said = dict(re.findall(r"^(\w+)=\"?(.*?)\"?$", (COMPOSE / ".env.example").read_text(), re.MULTILINE))
    assert said == {name: value for name, value in DEFAULTS.items() if name != "USER"}
    for name, value in re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT):
        assert DEFAULTS[name] == value, "one default for one name"


def test_every_mounted_file_and_every_volume_is_there() -> None:
    for name, given in SERVICES.items():
        for volume in given.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (COMPOSE / source).exists(), (name, source)
            elif not source.startswith("/"):
                assert source in FILE["volumes"]
    used = {volume.split(":")[0] for given in SERVICES.values() for volume in given.get("volumes", [])}
    assert FILE["volumes"].keys() <= used


def test_prometheus_asks_every_process_at_the_port_of_its_image() -> None:
    targets = json.loads((COMPOSE / "targets.json").read_text())
    everywhere = json.loads((PROJECT / "deploy/monitoring/targets.json").read_text())
    assert targets[: len(everywhere)] == everywhere
    asked = {group["labels"]["process"]: group["targets"] for group in targets}
    for process, addresses in asked.items():
        port = "9308" if process == "kafka-exporter" else "9000"
        assert addresses == [f"{process}:{port}"] and process in SERVICES
        assert process == "kafka-exporter" or f"ACIDWATCH_HEALTH_PORT={port}" in dockerfile(process)
    assert {name for name in PYTHON if name in LASTING} | {"kafka-exporter"} == asked.keys()


def test_prometheus_and_grafana_get_every_file_and_the_names_in_them_exist() -> None:
    mounted = {volume.split(":")[0] for volume in SERVICES["prometheus"]["volumes"]}
    folders = {"../monitoring/rules"}  # a file that is mounted alone stays the old one when an editor replaces it
    assert folders | {"../monitoring/prometheus.yml", "../monitoring/alertmanagers.json"} <= mounted
    sources = (PROJECT / "deploy/monitoring/grafana/provisioning/datasources/acidwatch.yaml").read_text()
    alertmanagers = (PROJECT / "deploy/monitoring/alertmanagers.json").read_text()
    given = " ".join(environment("grafana").values())
    assert {"prometheus", "postgres"} <= set(re.findall(r"([a-z]+):\d{4}", given + alertmanagers)) <= SERVICES.keys()
    told = set(re.findall(r"\$(ACIDWATCH_\w+)", sources))
    assert told == {name for name in environment("grafana") if name.startswith("ACIDWATCH_")}
    assert set(re.findall(r"/run/secrets/(\w+)", sources)) == {secrets("grafana")["grafana_password"]}


def test_commands_of_the_page_name_services_that_exist() -> None:
    page = (PROJECT / "docs" / "deploy.md").read_text()
    named = {line.split('g)" ')[-1].split()[0] for line in re.findall(r"docker compose run --rm ([^\n`]+)", page)}
    assert named == {"cli", "metrics-job", "migrate"} and named <= SERVICES.keys()


def test_kafka_takes_the_largest_dead_letter() -> None:
    from deploy.local.kafka import MAX_RECORD_BYTES

    assert environment("kafka")["KAFKA_MESSAGE_MAX_BYTES"] == MAX_RECORD_BYTES
    assert environment("kafka")["KAFKA_REPLICA_FETCH_MAX_BYTES"] == MAX_RECORD_BYTES


def test_roles_are_made_as_the_users_of_compose_need_them(tmp_path: Path) -> None:
    """On a real PostgreSQL: the script that the container runs, then the migration as the user that compose gives it."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name in FILE["secrets"]:
        (folder / name).write_text(f"of-{name}\n")
    layout = Layout(tmp_path / "stack")
    layout.make()
    server = Postgres(layout, Ports(tmp_path / "ports.json"), threading.Event())
    server.start()
    try:
        password = json.loads((layout.root / "secrets.json").read_text())["postgres"]
        psql = [find_binaries() / "psql", "--no-psqlrc", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres"]
        made = subprocess.run(
            [*psql, "-f", COMPOSE / "postgres" / "roles.sql"],
            env={**os.environ, "PGPASSWORD": password, "SECRETS_DIR": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr

        def url(service: str) -> str:
            return environment(service)["ACIDWATCH_DATABASE_URL"].replace("postgres:5432", server.address)

        def secret(service: str) -> str:
            return f"of-{next(iter(secrets(service)))}"

        migrated = subprocess.run(
            [sys.executable, "-m", "acidwatch.cli", *SERVICES["migrate"]["command"]],
            env={
                **os.environ,
                "PYTHONPATH": str(PROJECT),
                "ACIDWATCH_DATABASE_URL": url("migrate"),
                "ACIDWATCH_DATABASE_PASSWORD": secret("migrate"),
                # A journal that can't be reached holds no migration up.
                "ACIDWATCH_HDFS_URL": "http://127.0.0.1:9",
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert migrated.returncode == 0, migrated.stderr
        may = {
            "versioner": {"ledger.versions"},
            "metrics-job": {"metrics.runs"},
            "cli": {"ledger.versions", "metrics.runs"},
            "backup": {"ledger.versions", "metrics.runs"},
        }
        for service, tables in may.items():
            with psycopg.connect(url(service), password=secret(service)) as connection:
                for table in ("ledger.versions", "metrics.runs"):
                    asked = connection.execute("SELECT has_table_privilege(%s, 'INSERT')", [table]).fetchone()
                    assert asked == (table in tables,), (service, table)
        code = "".join(path.read_text() for path in (PROJECT / "jobs" / "spark").rglob("*.py"))
        asked_for = set(re.findall(r"(?:FROM|JOIN) (ledger\.\w+)\b(?!\()", code))
        with psycopg.connect(url("live"), password=secret("live")) as connection:
            for table in asked_for:
                may_read = connection.execute("SELECT has_table_privilege(%s, 'SELECT')", [table]).fetchone()
                assert may_read == (True,), table
        assert "ledger.deliveries" in asked_for
        grafana = f"postgresql://grafana@{server.address}/acidwatch"
        with psycopg.connect(grafana, password="of-grafana_password") as connection:
            connection.execute("SELECT count(*) FROM olap.run")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT count(*) FROM ledger.versions")
    finally:
        server.stop()
