"""Logs: one JSON object a line on stderr, and a client's repeated complaints thinned out."""

from __future__ import annotations

import logging
import subprocess
import sys
from types import SimpleNamespace

import orjson
import pytest
from prometheus_client import Counter, Gauge, Histogram

from acidwatch.telemetry import metrics
from acidwatch.telemetry.logs import RateLimit

PROCESS = """
import logging
from acidwatch.settings import ServiceSettings
from acidwatch.telemetry import logs
logs.configure(ServiceSettings(_env_file=None), "ingestor")
log = logs.get_logger("mine")
log.info("group committed", batch_id="b", rows=3)
log.debug("not shown")
logging.getLogger("aiokafka.conn").info("not shown")
for number in range(5):
    logging.getLogger("aiokafka.conn").error("broker %d is away", number)
try:
    1 / 0
except ZeroDivisionError:
    log.exception("a bug")
"""


def test_a_process_logs_one_json_object_a_line_on_stderr() -> None:
    done = subprocess.run([sys.executable, "-c", PROCESS], capture_output=True, check=True, timeout=60)
    assert done.stdout == b""
    lines = [orjson.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["group committed", "broker 0 is away", "a bug"]
    assert lines[0] | {"timestamp": ""} == {
        "event": "group committed", "batch_id": "b", "rows": 3, "service": "ingestor", "level": "info", "logger": "mine", "timestamp": "",
    }  # fmt: skip
    assert lines[0]["timestamp"].endswith("Z")
    assert "ZeroDivisionError" in lines[2]["exception"]


def test_one_of_many_equal_complaints_is_let_through_and_the_next_says_how_many_were_held_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("acidwatch.telemetry.logs.time", SimpleNamespace(monotonic=lambda: clock[0]))
    limit = RateLimit(10.0)

    def passes(seconds: float, text: str = "node %d is away", name: str = "aiokafka") -> str | None:
        clock[0] = 1000.0 + seconds
        record = logging.LogRecord(name, logging.ERROR, "", 0, text, (7,), None)
        return record.getMessage() if limit.filter(record) else None

    assert [passes(0), passes(1), passes(9.9)] == ["node 7 is away", None, None]
    assert [passes(9.9, "another %d"), passes(9.9, name="faust")] == ["another 7", "node 7 is away"]
    assert passes(10) == "node 7 is away (and 2 more like it in the last 10 s)"
    assert [passes(11), passes(20)] == [None, "node 7 is away (and 1 more like it in the last 10 s)"]


def test_every_metric_has_the_prefix_and_a_meaning() -> None:
    found = [value for value in vars(metrics).values() if isinstance(value, (Counter, Gauge, Histogram))]
    assert len(found) >= 15
    for metric in found:
        assert metric._name.startswith("acidwatch_")
        assert metric._documentation
