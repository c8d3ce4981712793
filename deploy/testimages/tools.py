"""What the engine is made of: Debian's packages, unpacked and not installed, and Compose, built from its source by Go."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy.built import cache, go
from deploy.local.errors import PrerequisiteError
from deploy.local.layout import DEFAULT_ROOT
from deploy.local.prometheus import unpacked

CACHE = DEFAULT_ROOT / "testimages"
COMPOSE = "v2.40.3"
OLDEST_COMPOSE = (2, 20)
UNPACKED = ("docker.io", "containerd", "runc", "tini")
# Programs that the engine and the making of bases call, and the libraries of what is unpacked.
INSTALLED = ("debootstrap", "iptables", "iproute2", "libdevmapper1.02.1", "libseccomp2", "libsystemd0")
_NONE = "no container engine answers that comes with Compose"


@dataclass(frozen=True)
class Tools:
    """A Docker client with Compose.

    Attributes:
        docker: The client.
        env: What it is to be called with, beside the environment.
    """

    docker: str
    env: dict[str, str]


def own_tools() -> Tools:
    """Client and engine of Debian, with Compose as their plugin.

    Raises:
        PrerequisiteError: They are not to be had here.
    """
    if os.geteuid() != 0:
        raise PrerequisiteError(f"{_NONE}, and only root can start one")
    if shutil.which("apt-get") is None:
        raise PrerequisiteError(f"{_NONE}, and one can be had on Debian only")
    folders = [unpacked(package) / "usr" for package in UNPACKED]
    path = os.pathsep.join(
        [*(f"{folder / place}" for folder in folders for place in ("bin", "sbin")), os.environ["PATH"]]
    )
    config = _compose()
    install(*INSTALLED)
    return Tools(str(folders[0] / "bin" / "docker"), {"PATH": path, "DOCKER_CONFIG": str(config)})


def machine_tools() -> Tools | None:
    """The machine's own client, if it has a Compose that is new enough."""
    docker = shutil.which("docker")
    if docker is None:
        return None
    said = subprocess.run([docker, "compose", "version", "--short"], capture_output=True, text=True, check=False)
    version = re.match(r"v?(\d+)\.(\d+)", said.stdout)
    if said.returncode != 0 or version is None or (int(version[1]), int(version[2])) < OLDEST_COMPOSE:
        return None
    return Tools(docker, {})


def install(*packages: str) -> None:
    """Install Debian's packages that are missing.

    Raises:
        PrerequisiteError: This is no Debian, the user is not root, or a package is not to be had.
    """
    if shutil.which("dpkg-query") is None:
        raise PrerequisiteError(f"{', '.join(packages)}: to be had on Debian only")
    missing = [package for package in packages if not _is_installed(package)]
    if not missing:
        return
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        raise PrerequisiteError(f"missing; as root: {' '.join(command)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=env, capture_output=True, check=False)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PrerequisiteError(f"{' '.join(command)}: {(done.stderr.strip() or 'failed').splitlines()[-1]}")


def _is_installed(package: str) -> bool:
    asked = ["dpkg-query", "--show", "--showformat", "${db:Status-Status}", package]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout == "installed"


def _compose() -> Path:
    """A configuration folder of the client with Compose in it; built once."""

    def build(config: Path) -> None:
        plugin = config / "cli-plugins" / "docker-compose"
        plugin.parent.mkdir()
        # Its go.mod has an `exclude`, which `go install` refuses: it is built in a copy of its own source.
        with tempfile.TemporaryDirectory(dir=config) as scratch:
            source = Path(scratch, "source")
            fetched = go.fetched(f"github.com/docker/compose/v2@{COMPOSE}", config)
            shutil.copytree(fetched["Dir"], source)
            go.build(
                plugin, "./cmd", folder=source, flags=f"-X github.com/docker/compose/v2/internal.Version={COMPOSE}"
            )

    return cache.once(f"compose-{COMPOSE}", build)
