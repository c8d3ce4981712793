"""`acidwatch status` asks every process behind a name."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from acidwatch.cli import status


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"10.0.0.1": "ready"}, "ready"),
        ({"10.0.0.1": "waits: commit: no room"}, "waits: commit: no room"),
        ({"10.0.0.1": "ready", "10.0.0.2": "ready"}, "2 of 2 ready"),
        (
            {"10.0.0.1": "waits: HDFS", "10.0.0.2": "ready", "10.0.0.3": "ready"},
            "2 of 3 ready; http://10.0.0.1:9000: waits: HDFS",
        ),
        (
            {"10.0.0.1": "ready", "10.0.0.2": "NO ANSWER at http://10.0.0.2:9000"},
            "1 of 2 ready; NO ANSWER at http://10.0.0.2:9000",
        ),
    ],
)
def test_one_of_several_processes_does_not_speak_for_the_others(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, str], shown: str
) -> None:
    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        assert (host, port) == ("ingestor", 9000)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in said]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    asked = {f"http://{ip}:9000": what for ip, what in said.items()} | {
        "http://ingestor:9000": next(iter(said.values()))
    }
    monkeypatch.setattr(status, "_process", asked.__getitem__)
    assert status.service("http://ingestor:9000") == shown


def test_a_name_that_is_not_found_is_asked_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr(status, "_process", lambda address: f"NO ANSWER at {address}")
    assert status.service("http://nowhere.invalid:9000") == "NO ANSWER at http://nowhere.invalid:9000"
