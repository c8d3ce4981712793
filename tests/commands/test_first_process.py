"""In a container each process is the first one, to which the kernel delivers only signals that it listens to."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support.deployment import PROJECT, until

PROCESSES = {
    "producer": ["services.producer"],
    "ingestor": ["services.ingestor"],
    "versioner": ["services.versioner"],
    "metrics job": ["jobs.spark", "metrics", "--schedule", "0 0 1 1 *"],
}
COMMANDS = {"status": ["acidwatch.cli", "status"], "one run of the metrics job": ["jobs.spark", "metrics"]}
UNSHARE = ["unshare", "--pid", "--fork", "--kill-child"]


@pytest.fixture(scope="module", autouse=True)
def may_be_first() -> None:
    if (
        not shutil.which("unshare")
        or subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode != 0
    ):
        pytest.skip("a pid namespace can't be made here (needs unshare and root)")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def settings(servers: str, folder: Path, port: int, seconds: str) -> dict[str, str]:
    """The environment of a process whose servers are all at this address; it waits so long for PostgreSQL."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("ACIDWATCH_")},
        "PYTHONPATH": str(PROJECT),
        "ACIDWATCH_KAFKA_BOOTSTRAP": servers,
        "ACIDWATCH_HDFS_URL": f"http://{servers}",
        "ACIDWATCH_HDFS_RPC": f"hdfs://{servers}",
        "ACIDWATCH_DATABASE_URL": f"postgresql://somebody@{servers}/acidwatch",
        "ACIDWATCH_DATABASE_TIMEOUT_SECONDS": seconds,
        "ACIDWATCH_DROP_FOLDER": str(folder / "drop"),
        "ACIDWATCH_STATE_FOLDER": str(folder / "state"),
        "ACIDWATCH_HEALTH_PORT": str(port),
    }


@pytest.mark.parametrize("process", PROCESSES)
def test_the_first_process_ends_on_sigterm_while_every_server_is_away(process: str, tmp_path: Path) -> None:
    port = free_port()
    env = settings(f"127.0.0.1:{free_port()}", tmp_path, port, "1")
    with subprocess.Popen([*UNSHARE, sys.executable, "-m", *PROCESSES[process]], env=env, cwd=tmp_path) as outside:
        try:
            until(lambda: answers(port), f"{process} to serve its pages")
            first = Path(f"/proc/{outside.pid}/task/{outside.pid}/children").read_text().split()[0]
            assert pid_inside(first) == "1"
            began = time.monotonic()
            os.kill(int(first), signal.SIGTERM)
            # unshare says how its child ended as a shell does.
            assert outside.wait(30) in (0, 128 + signal.SIGTERM)
            assert time.monotonic() - began < 20
        finally:
            outside.kill()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_the_first_process_ends_on_sigterm_while_a_server_says_nothing(
    command: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        mute.settimeout(60)
        env = settings(f"127.0.0.1:{mute.getsockname()[1]}", tmp_path, 0, "60")
        with subprocess.Popen([*UNSHARE, sys.executable, "-m", *COMMANDS[command]], env=env, cwd=tmp_path) as outside:
            try:
                asked, _ = mute.accept()  # it is at work now
                first = Path(f"/proc/{outside.pid}/task/{outside.pid}/children").read_text().split()[0]
                os.kill(int(first), signal.SIGTERM)
                assert outside.wait(20) == 128 + signal.SIGTERM
                asked.close()
            finally:
                outside.kill()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def pid_inside(pid: str) -> str:
    """Its number in the innermost namespace."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[-1]
