"""The system as docs/deploy.md starts it with Docker Compose: brought up, used, hurt, and taken down, in this order."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy.testimages.images import OURS, WITHOUT
from tests.support.composed import Composed, blocks, service_of
from tests.support.deployment import until

pytestmark = pytest.mark.timeout(3600)

MIB = 2**20
SERVICES = ("producer", "ingestor", "versioner", "metrics-job", "live", "backup")
JAVA = ("kafka", "namenode", "datanode")  # a JVM says 143 when SIGTERM ended it as it should
ONCE = ("topics", "migrate", "hdfs-home", "reference")
WATCHING = ("prometheus", "alertmanager")
FIRST, SCALED, AWAY, NEWER = blocks("Compose")


@pytest.fixture(scope="module")
def said(composed: Composed) -> str:
    """What the first block of the page prints, from the passwords to the statistics."""
    return composed.follow(FIRST)


@pytest.fixture(scope="module")
def system(said: str, composed: Composed) -> Composed:
    """The system, up, with one workbook recorded and its statistics made."""
    return composed


def test_the_commands_of_the_page_bring_a_workbook_to_its_statistics(said: str) -> None:
    parts = dict(part.split("\n", 1) for part in said.split(">>> ")[1:])
    of = {line.split("cli ", 1)[-1]: text for line, text in parts.items()}
    waited = next(text for line, text in of.items() if line.startswith("wait"))
    assert "in the whole dataset: 40 accepted" in waited
    assert "accepted" in of["status"] and "40" in of["status"]
    shown = of["metrics site --limit 5"].splitlines()
    assert len(shown) > 5, shown


def test_the_live_job_has_values_of_what_was_sent(system: Composed) -> None:
    until(lambda: int(ask(system, "SELECT count(*) FROM olap.live_site")) > 0, "values of sites")


def test_a_backup_is_made_by_the_service_that_makes_one_each_night_and_by_a_command(system: Composed) -> None:
    assert ": version 40, " in system.compose("exec", "-T", "backup", "acidwatch", "ledger", "backup")
    assert ": version 40, " in system.compose("run", "--rm", "-T", "cli", "ledger", "backup")


def test_every_container_is_well_or_has_done_its_work(system: Composed) -> None:
    seen = {}
    for one in system.containers():
        state, service = one["State"], service_of(one)
        seen[service] = state["ExitCode"] if service in ONCE else state.get("Health", {}).get("Status")
    well = dict.fromkeys((*SERVICES, *JAVA, "postgres", *WATCHING), "healthy")
    assert seen == well | dict.fromkeys(ONCE, 0)
    assert not seen.keys() & WITHOUT.keys()


def uids(system: Composed, container: dict[str, Any]) -> set[str]:
    """Users of the processes of a container, as the machine sees them."""
    _, *lines = system.engine.run("top", container["Id"], "-eo", "pid,uid").splitlines()
    return {line.split()[1] for line in lines}


def test_no_process_of_a_container_is_root(system: Composed) -> None:
    running = {service_of(one): uids(system, one) for one in system.containers() if one["State"]["Running"]}
    assert running.keys() == {*SERVICES, *JAVA, "postgres", *WATCHING}
    assert {service: found for service, found in running.items() if "0" in found} == {}
    assert all(running[service] == {"10001"} for service in SERVICES)
    assert running["namenode"] == running["datanode"] == {"10002"}


def test_a_process_that_is_broken_into_can_write_nowhere_but_in_tmp_and_volumes(system: Composed) -> None:
    tried = """
import os
for place in ("/", "/opt/acidwatch", "/etc", "/usr", "/var/lib", "/home"):
    flags = os.statvfs(place).f_flag
    print(place, bool(flags & os.ST_RDONLY))
open("/tmp/may", "w").close()
"""
    for service in SERVICES:
        shown = system.compose("exec", "-T", service, "python", "-c", tried)
        assert {line.split()[1] for line in shown.splitlines()} == {"True"}, (service, shown)
    for one in system.containers():
        host, service = one["HostConfig"], service_of(one)
        assert host["ReadonlyRootfs"] == (service != "kafka"), service
        assert host["CapDrop"] == ["ALL"] and not host["Privileged"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert host["Memory"] > 0 and host["NanoCpus"] > 0, "the limits of the file reach the engine"
        published = [to for way in (host["PortBindings"] or {}).values() for to in way]
        assert {to["HostIp"] for to in published} <= {"127.0.0.1"}


def test_images_are_as_small_as_they_must_be(system: Composed, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {
        name: int(system.engine.run("image", "inspect", "--format", "{{.Size}}", f"acidwatch/{name}:test")) / 1e6
        for name in OURS
    }
    with capsys.disabled():
        print("\nimages, MB:", ", ".join(f"{name} {size:.0f}" for name, size in sizes.items()))
    assert sizes.pop("spark") < 1200
    assert sizes.pop("cli") < 400 and sizes.pop("hdfs") < 400
    assert all(size < 350 for size in sizes.values()), sizes


def test_no_password_is_in_what_the_engine_shows_or_in_a_log(system: Composed) -> None:
    passwords = {path.name: path.read_text() for path in (system.folder / "secrets").iterdir()}
    assert len(passwords) == 7
    shown = {one["Name"]: str(one) for one in system.containers()}
    for name in OURS:
        image = f"acidwatch/{name}:test"
        shown[image] = system.engine.run("image", "inspect", image) + system.engine.run("history", "--no-trunc", image)
    for one in system.containers():
        log = system.compose("logs", "--no-color", service_of(one))
        shown[f"log of {one['Name']}"] = log
    found = [(where, name) for where, text in shown.items() for name, word in passwords.items() if word in text]
    assert found == []
    # What is looked for is the word that counts: with it the versioner gets into its database.
    inside = "print(open('/run/secrets/acidwatch_database_password').read())"
    read = system.compose("exec", "-T", "versioner", "python", "-c", inside)
    assert read.strip() == passwords["versioner_password"]


def test_prometheus_asks_every_process_and_knows_its_alertmanager(system: Composed) -> None:
    address = f"http://127.0.0.1:{system.ports['PROMETHEUS_PORT']}/api/v1"

    def healths() -> dict[str, str]:
        targets = requests.get(f"{address}/targets", timeout=20).json()["data"]["activeTargets"]
        return {one["labels"]["process"]: one["health"] for one in targets}

    wanted = dict.fromkeys(SERVICES, "up")
    until(lambda: {name: health for name, health in healths().items() if health == "up"} == wanted, "every process")
    assert healths().keys() - wanted.keys() == {"kafka-exporter"}, "which is left out here"
    rules = requests.get(f"{address}/rules", timeout=20).json()["data"]["groups"]
    assert {rule["health"] for group in rules for rule in group["rules"]} <= {"ok", "unknown"} and rules
    told = requests.get(f"{address}/alertmanagers", timeout=20).json()["data"]["activeAlertmanagers"]
    assert [one["url"] for one in told] == ["http://alertmanager:9093/api/v2/alerts"]
    page = requests.get(f"http://127.0.0.1:{system.ports['ALERTMANAGER_PORT']}/api/v2/status", timeout=20)
    assert page.json()["config"]["original"]


@pytest.fixture
def more(system: Composed) -> Iterator[Path]:
    """A second workbook, of other samples, whose 20 batches are on their way when the test begins."""
    yield from sent(system, "more.xlsx", seed=2)


@pytest.fixture
def still_more(system: Composed) -> Iterator[Path]:
    """A third one."""
    yield from sent(system, "still-more.xlsx", seed=3)


def sent(system: Composed, name: str, seed: int) -> Iterator[Path]:
    """Generate a workbook, put it into the drop folder, and wait until some of it has been recorded."""
    before = recorded(system)
    user = f"{os.getuid()}:{os.getgid()}"
    made = ("generate", "--rows", "2000", "--seed", str(seed), "--out", f"/files/{seed}")
    system.compose("run", "--rm", "--no-deps", "-T", "--user", user, "cli", *made)
    workbook = system.folder / "files" / f"{seed}" / "samples.xlsx"
    (system.folder / "drop" / name).write_bytes(workbook.read_bytes())
    until(lambda: recorded(system) > before, "the first batches of it")
    yield workbook


def recorded(system: Composed) -> int:
    """How many batches the ledger has."""
    return int(ask(system, "SELECT count(*) FROM ledger.batches"))


def ask(system: Composed, query: str) -> str:
    """One value of the database."""
    psql = ("psql", "--no-psqlrc", "-h", "/var/run/postgresql", "-U", "postgres", "-At", "acidwatch", "-c", query)
    return system.compose("exec", "-T", "postgres", *psql).strip()


def wait_for(system: Composed, workbook: Path) -> None:
    """Wait until every batch of a workbook is accounted for."""
    inside = f"{workbook.parent.name}/{workbook.name}"
    system.compose("run", "--rm", "--no-deps", "-T", "cli", "wait", "--source", inside, "--timeout", "10m")


def test_an_ingestor_that_is_killed_is_started_again_and_nothing_is_lost(system: Composed, more: Path) -> None:
    (before,) = system.containers("ingestor")
    os.kill(before["State"]["Pid"], signal.SIGKILL)
    until(lambda: system.containers("ingestor")[0]["RestartCount"] > before["RestartCount"], "a new start")
    wait_for(system, more)
    system.wait_healthy("ingestor")
    assert ask(system, "SELECT count(*) FROM ledger.attempts WHERE verdict = 'accepted'") == "60"


def test_kafka_started_again_keeps_its_records_and_holds_nothing_up(system: Composed, still_more: Path) -> None:
    system.compose("restart", "kafka")
    system.wait_healthy("kafka")
    wait_for(system, still_more)
    for service in ("kafka", *SERVICES):
        system.wait_healthy(service)
    assert ask(system, "SELECT count(*) FROM ledger.attempts WHERE verdict = 'accepted'") == "80"
    assert system.cli("reconcile")


def test_three_ingestors_share_the_three_partitions(system: Composed) -> None:
    system.follow(SCALED)
    assert len(system.containers("ingestor")) == 3
    tool = ("/opt/kafka/bin/kafka-consumer-groups.sh", "--bootstrap-server", "localhost:9092")

    def members() -> list[str]:
        lines = system.compose("exec", "-T", "kafka", *tool, "--describe", "--all-groups").splitlines()
        rows = [line.split() for line in lines if " water-quality " in line]
        return [row[6] for row in rows if "ingestor" in row[0]]

    until(lambda: len(set(members())) == 3 and "-" not in members(), "three members with a partition each", seconds=600)


def test_a_newer_version_is_started_as_the_page_says(system: Composed) -> None:
    system.follow(NEWER)
    for service in SERVICES:
        system.wait_healthy(service)


def test_sigterm_ends_each_process_as_it_should_and_in_time(system: Composed) -> None:
    for service in (*SERVICES, *WATCHING, *JAVA, "postgres"):
        system.compose("stop", service)
        codes = {one["State"]["ExitCode"] for one in system.containers(service)}
        # 137 would be the engine's SIGKILL, after the time that the file gives it.
        assert codes == {143 if service in JAVA else 0}, (service, system.state())


def test_all_of_it_comes_back_with_its_data(system: Composed) -> None:
    system.up()
    assert ask(system, "SELECT count(*) FROM ledger.batches") == "80"
    assert system.cli("status")


def test_taking_it_down_leaves_nothing(system: Composed) -> None:
    system.follow(AWAY)
    assert system.left() == system.before
