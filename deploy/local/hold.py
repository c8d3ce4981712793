"""One service stopped by a person while the supervisor goes on: a file that says so, which the supervisor obeys."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil

from deploy.local.layout import Layout, read_json
from deploy.local.process import noted_pid, wait_gone, with_descendants

GRACE_SECONDS = 35.0  # more than a service takes to finish its group
START_SECONDS = 60.0


def hold_file(layout: Layout, name: str) -> Path:
    """While it is there the supervisor doesn't start this service."""
    return layout.run / f"{name}.hold"


def release_all(layout: Layout) -> None:
    """Forget every hold: a stack that is started starts all of it."""
    for path in layout.run.glob("*.hold"):
        path.unlink(missing_ok=True)


def stop_service(layout: Layout, name: str) -> int:
    """End a service and keep it from being started again; 0."""
    hold_file(layout, name).touch()
    note = layout.run / f"{name}.json"
    pid, created = noted_pid(note), read_json(note).get("create_time", 0.0)
    if pid is not None:
        tree = with_descendants(pid)
        psutil.Process(pid).terminate()
        if not wait_gone(pid, created, GRACE_SECONDS):
            for process in tree:
                process.kill()
            wait_gone(pid, created, GRACE_SECONDS)
    print(f"{name} is stopped until: python -m deploy.local service start {name}")
    return 0


def start_service(layout: Layout, name: str) -> int:
    """Let the supervisor start a service, and wait until its process is there; 0, or 3 when it does not come."""
    hold_file(layout, name).unlink(missing_ok=True)
    end = time.monotonic() + START_SECONDS
    while (pid := noted_pid(layout.run / f"{name}.json")) is None:
        if time.monotonic() > end:
            print(f"{name} was not started within {START_SECONDS:.0f} s; see {layout.logs}", file=sys.stderr)
            return 3
        time.sleep(0.1)
    print(f"{name} is started, pid {pid}; acidwatch status says when it is ready")
    return 0
