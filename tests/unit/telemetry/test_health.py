"""Liveness and readiness, and the little web server that shows them."""

from __future__ import annotations

import urllib.error
import urllib.request

import orjson
import pytest

from acidwatch.errors import ConfigError
from acidwatch.telemetry.health import Health, serve


def fetch(port: int, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_process_is_not_ready_before_it_has_started() -> None:
    health = Health("ingestor")
    assert health.readiness() == (False, {"service": "ingestor", "ready": False, "waiting_for": {"start": "starting"}})
    health.goes_on("start")
    assert health.readiness() == (True, {"service": "ingestor", "ready": True, "waiting_for": {}})


def test_an_outage_makes_it_not_ready_and_leaves_it_alive() -> None:
    health = Health("ingestor", {})
    health.away("HDFS", "no answer")
    health.waits("partitions", "none assigned")
    assert health.readiness()[1]["waiting_for"] == {"HDFS": "no answer", "partitions": "none assigned"}
    assert health.liveness() == (True, {"service": "ingestor", "alive": True, "stalled": ""})
    health.back("HDFS")
    health.back("Kafka")
    health.goes_on("partitions")
    assert health.readiness()[0]


def test_a_stall_is_not_alive() -> None:
    health = Health("ingestor", {}, stalled="no progress")
    assert health.liveness() == (False, {"service": "ingestor", "alive": False, "stalled": "no progress"})


def test_the_endpoints_say_what_the_process_knows_of_itself() -> None:
    health = Health("ingestor")
    port = serve(health, "127.0.0.1", 0)
    status, body = fetch(port, "/readyz")
    assert (status, orjson.loads(body)) == (503, health.readiness()[1])
    assert fetch(port, "/healthz")[0] == 200
    health.goes_on("start")
    assert fetch(port, "/readyz")[0] == 200
    health.stalled = "no progress"
    status, body = fetch(port, "/healthz")
    assert (status, orjson.loads(body)["stalled"]) == (503, "no progress")
    assert fetch(port, "/readyz")[0] == 200
    health.away("HDFS", "no answer")
    status, body = fetch(port, "/metrics")
    assert status == 200
    assert b'acidwatch_dependency_up{dependency="HDFS"} 0.0' in body


@pytest.mark.parametrize("path", ["/", "/metrics/", "/healthz/x"])
def test_other_paths_say_which_there_are(path: str) -> None:
    port = serve(Health("x"), "127.0.0.1", 0)
    assert fetch(port, path) == (404, b"/metrics, /healthz or /readyz\n")


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    port = serve(Health("x"), "127.0.0.1", 0)
    with pytest.raises(
        ConfigError, match=rf"127\.0\.0\.1:{port} \(Address already in use\): set ACIDWATCH_HEALTH_HOST"
    ):
        serve(Health("y"), "127.0.0.1", port)
