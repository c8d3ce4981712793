"""`kubectl` that talks to a cluster of the tests, wherever that is."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.layout import Layout
from deploy.testcluster import upstream


def kubeconfig(layout: Layout) -> Path:
    """By which clients find the API server, and are its administrator."""
    return layout.conf / "kubeconfig"


@dataclass(frozen=True)
class Client:
    """How to reach a cluster.

    Attributes:
        layout: Of the cluster.
        enter: Puts a command into the network where the cluster is, if that is another one.
    """

    layout: Layout
    enter: Sequence[str] = ()

    @property
    def environment(self) -> dict[str, str]:
        """In which `kubectl` is the one of this cluster, and leaves nothing in anybody's home."""
        programs = upstream.kubernetes(upstream.CONTROL_PLANE)["kubectl"].parent
        return {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "KUBECONFIG": str(kubeconfig(self.layout)),
            "HOME": str(self.layout.root),
        }

    def kubectl(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run it, whatever comes of it; `given` is its standard input."""
        return self.run("kubectl", *arguments, given=given)

    def run(self, *command: str, given: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run any command that asks the cluster."""
        return subprocess.run(
            [*self.enter, *command],
            env=self.environment,
            cwd=cwd,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
