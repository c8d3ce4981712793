"""What the HDFS image holds beside Java and the jars: its commands and its configuration, run here in a network of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.jars import fetch
from tests.support.deployment import PROJECT, until

HDFS = PROJECT / "deploy" / "hdfs"
UNSHARE = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]


class Container:
    """A network and a table of processes as a container has them, without the image's file system."""

    def __init__(self, folder: Path, first: subprocess.Popen[bytes]) -> None:
        self._first, self.folder = first, folder
        conf = shutil.copytree(HDFS / "conf", folder / "conf")
        for made_by_the_dockerfile in ("webapps/hdfs", "webapps/datanode"):
            (conf / made_by_the_dockerfile).mkdir(parents=True)
        for name in ("name", "data"):
            (folder / name).mkdir(mode=0o700)
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HADOOP_")},
            "HDFS_CONF": str(conf),
            "HDFS_JARS": str(fetch() / "hadoop"),
            "HDFS_NAME_DIR": str(folder / "name"),
            "HDFS_DATA_DIR": str(folder / "data"),
            "HDFS_NAMENODE": "localhost",
            "HDFS_DATANODE": "localhost",
            "HADOOP_USER_NAME": "hdfs",
        }

    def enter(self, *command: str) -> list[str]:
        child = Path(f"/proc/{self._first.pid}/task/{self._first.pid}/children").read_text().split()[0]
        return ["nsenter", "--target", child, "--net", "--pid", "--mount", *command]

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.enter(*command), env={**self.env, **env}, cwd=self.folder, capture_output=True, text=True, check=False
        )

    def start(self, server: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{server}.log").open("wb") as log:
            return subprocess.Popen(
                self.enter("sh", "-c", f"echo $$ > {self.folder / server}.pid; exec {HDFS / 'hdfs'} {server}"),
                env=self.env,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def terminate(self, server: str) -> None:
        """SIGTERM to the process that was started, as an engine sends it."""
        assert self.run("kill", "-TERM", (self.folder / f"{server}.pid").read_text().strip()).returncode == 0

    def healthy(self, **env: str) -> bool:
        return self.run(str(HDFS / "healthy"), **env).returncode == 0


@contextmanager
def a_container(folder: Path) -> Iterator[Container]:
    with subprocess.Popen([*UNSHARE, "sh", "-c", "ip link set lo up && sleep 600"]) as first:
        try:
            until(lambda: Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text(), "a first process")
            yield Container(folder, first)
        finally:
            first.kill()


@pytest.mark.slow
def test_the_image_s_hdfs_is_formatted_once_takes_files_and_keeps_them(tmp_path: Path) -> None:
    missing = [program for program in ("java", "curl", "ip", "unshare", "nsenter") if not shutil.which(program)]
    if missing or subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip(f"a network of its own can't be made here (needs root and {', '.join(missing) or 'unshare'})")
    url = "http://localhost:9870/webhdfs/v1/acidwatch/file?user.name=acidwatch&op="
    with a_container(tmp_path) as container:
        assert not container.healthy(), "nothing runs yet"
        namenode = container.start("namenode")
        until(container.healthy, "the NameNode")
        only_datanode = {"HDFS_NAMENODE_PORT": "1"}  # as in a container of its own
        assert not container.healthy(**only_datanode)
        home = container.run(str(HDFS / "hdfs"), "make-home")
        assert home.returncode == 0, home.stderr
        datanode = container.start("datanode")
        until(lambda: container.healthy(**only_datanode), "the DataNode")
        container.run("curl", "-sSfL", "-T", str(HDFS / "Dockerfile"), url + "CREATE")
        assert container.run("curl", "-sSfL", url + "OPEN").stdout == (HDFS / "Dockerfile").read_text()
        container.terminate("namenode")
        assert namenode.wait(30) == 128 + signal.SIGTERM
        again = container.start("namenode")
        until(container.healthy, "the NameNode again")
        until(lambda: container.run("curl", "-sSfL", url + "OPEN").stdout, "the file to be there still")
        assert container.run(str(HDFS / "hdfs"), "nonsense").returncode == 2
        for server in ("namenode", "datanode"):
            container.terminate(server)
        assert [again.wait(30), datanode.wait(30)] == [128 + signal.SIGTERM] * 2
