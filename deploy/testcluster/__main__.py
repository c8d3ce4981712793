"""`python -m deploy.testcluster fetch` has all that the tests need; `up FOLDER` keeps a cluster running there, to try things by hand."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from deploy.built import cache
from deploy.local.errors import PrerequisiteError
from deploy.testcluster import control_plane, linters, upstream
from deploy.testcluster.cluster import Cluster


def fetch() -> None:
    """Build and fetch before the tests, whose time is limited; what can't be had is said here, and skipped there with the same words."""
    try:
        control_plane.prerequisites()
        upstream.definitions()
        linters.programs()
    except PrerequisiteError as error:
        print(error, file=sys.stderr)
    else:
        print(f"all is in {cache.folder()}", file=sys.stderr)


def up(folder: Path) -> None:
    """Start it, say how to reach it, wait for Ctrl-C."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    with Cluster(folder) as cluster:
        for name in ("KUBECONFIG", "PATH"):
            print(f"export {name}={cluster.client.environment[name]}", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["fetch"]:
            fetch()
        case ["up", folder]:
            up(Path(folder))
        case _:
            sys.exit(__doc__)
