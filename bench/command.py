"""How long a command of the command line takes, as whoever gives it sees it."""

from __future__ import annotations

import time

from tests.support.deployment import Deployment


def milliseconds(deployment: Deployment, *arguments: str) -> float:
    """From its start to its end, as a process of its own.

    Raises:
        RuntimeError: It failed.
    """
    began = time.perf_counter()
    done = deployment.run(*arguments)
    taken = (time.perf_counter() - began) * 1000
    if done.returncode:
        raise RuntimeError(f"acidwatch {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return taken
