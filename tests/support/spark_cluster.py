"""A Spark cluster of one master and one worker on loopback, from the programs that pyspark brings."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pyspark
import requests

from deploy.local.ports import Ports
from tests.support.deployment import until

HOME = Path(pyspark.__file__).parent


@contextmanager
def spark_cluster(folder: Path) -> Iterator[str]:
    """Its address, `spark://127.0.0.1:port`; executors run in processes of their own, as a user of a cluster would have them."""
    folder.mkdir()
    ports = Ports(folder / "ports.json")
    port, page = ports.get("master"), ports.get("master-page")
    address = f"spark://127.0.0.1:{port}"
    deploy = "org.apache.spark.deploy"
    master = [f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(page)]
    options = ["--cores", "2", "--memory", "2g", "--work-dir", str(folder / "work")]
    worker = [
        f"{deploy}.worker.Worker",
        "--host",
        "127.0.0.1",
        *options,
        "--webui-port",
        str(ports.get("worker-page")),
        address,
    ]
    running: list[subprocess.Popen[bytes]] = []
    try:
        for command in (master, worker):
            with (folder / f"{len(running)}.log").open("wb") as log:
                running.append(
                    subprocess.Popen(
                        [HOME / "bin" / "spark-class", *command],
                        env={**os.environ, "SPARK_HOME": str(HOME), "SPARK_LOCAL_IP": "127.0.0.1"},
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                    )
                )
        until(lambda: _workers(page) == 1, "the worker to join the master")
        yield address
    finally:
        for process in running:
            for one in [*psutil.Process(process.pid).children(recursive=True), process]:
                one.send_signal(signal.SIGKILL)
            process.wait(10)


def _workers(page: int) -> int:
    try:
        return int(requests.get(f"http://127.0.0.1:{page}/json/", timeout=5).json()["aliveworkers"])
    except (requests.RequestException, ValueError):
        return 0
