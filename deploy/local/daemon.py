"""The supervisor as a process of its own: run it, start it in the background, stop it, ask it."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from deploy.local import services as declared
from deploy.local.errors import AbortedError, StackBusyError
from deploy.local.hold import release_all, start_service, stop_service
from deploy.local.jars import fetch, find_java
from deploy.local.layout import PROJECT, Layout
from deploy.local.ports import is_free
from deploy.local.postgres import find_binaries
from deploy.local.process import is_same_process, kill_noted, noted_pid, wait_gone
from deploy.local.prometheus import Prometheus, find_prometheus
from deploy.local.stack import Stack, read_state, take_lock

log = logging.getLogger("deploy.local")
LOOK_SECONDS = 0.5
UP_SECONDS = 600.0  # more than all the limits of servers, one-shots and services together
DOWN_SECONDS = 75.0  # 30 s of grace for the services, then 15 s for the servers, and some


def run(root: Path, *, with_services: bool, with_monitoring: bool = False) -> int:
    """Be the supervisor until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    log.setLevel(logging.INFO)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it logs every probe that comes too early
    chosen = (declared.ONE_SHOTS, declared.SERVICES) if with_services else ([], {})
    stack = Stack(root, one_shots=chosen[0], services=chosen[1], monitoring=with_monitoring)
    asked_to_stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        asked_to_stop.set()
        stack.abort()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    try:
        with stack:
            log.info("the stack is up")
            restarter = stack.restarter()
            while not asked_to_stop.wait(LOOK_SECONDS):
                restarter.look()
            log.info("stopping")
    except AbortedError:
        log.info("stopped while starting")
    return 0


def up(root: Path, *, with_services: bool, with_monitoring: bool = False) -> int:
    """Start the supervisor in the background and wait until all is ready."""
    find_java(), fetch(), find_binaries()  # in front of the person's eyes, not in a log
    if with_monitoring:
        find_prometheus()
    layout = Layout(root)
    layout.make()
    began = time.monotonic()
    supervisor = None if is_up(layout) else _spawn(layout, with_services, with_monitoring)
    try:
        state = _wait_settled(layout, supervisor)
    except KeyboardInterrupt:
        _end(supervisor)
        raise
    if state.get("state") != "ready":
        _end(supervisor)  # it has told why, and may still be on its way out
        print(f"the stack did not start: {state.get('error') or 'see ' + str(_log(layout))}", file=sys.stderr)
        return 3
    if supervisor is None and with_services and not state.get("services"):
        print("the stack is up without the services; take it down first, then: up --services", file=sys.stderr)
        return 2
    if supervisor is None and with_monitoring and Prometheus.name not in state.get("servers", {}):
        print("the stack is up without Prometheus; take it down first: make down", file=sys.stderr)
        return 2
    if supervisor is None:
        release_all(layout)  # the supervisor starts what was stopped by hand
    print("the stack was up already" if supervisor is None else f"up in {time.monotonic() - began:.1f} s")
    _print_servers(layout)
    return 0


def down(root: Path) -> int:
    """Stop whatever runs on this root, also what a killed supervisor left behind."""
    layout = Layout(root)
    if not layout.run.is_dir():
        print("nothing runs")
        return 0
    print("down" if _stop(layout) else "nothing runs")
    return 0


def status(root: Path) -> int:
    """Print every server; 0 when all of them run, 3 when not."""
    layout = Layout(root)
    state = read_state(layout)
    if not is_up(layout):
        print("the stack is down")
        return 3
    print(f"the stack is {state.get('state')}; supervisor {state.get('pid')}")
    return 0 if _print_servers(layout) and state.get("state") == "ready" else 3


def service(root: Path, do: str, name: str) -> int:
    """Stop or start one service under the supervisor; 3 when there is none."""
    layout = Layout(root)
    if not is_up(layout) or not read_state(layout).get("services"):
        print("no services run here; start them with: make up", file=sys.stderr)
        return 3
    return stop_service(layout, name) if do == "stop" else start_service(layout, name)


def is_up(layout: Layout) -> bool:
    """Whether a supervisor owns this root now."""
    if not layout.run.is_dir():
        return False
    try:
        lock = take_lock(layout)
    except StackBusyError:
        return True
    os.close(lock)
    return False


def _end(supervisor: subprocess.Popen[bytes] | None) -> None:
    if supervisor is not None:
        supervisor.terminate()
        try:
            supervisor.wait(DOWN_SECONDS)
        except subprocess.TimeoutExpired:
            supervisor.kill()


def _stop(layout: Layout) -> bool:
    """Returns whether there was anything to stop."""
    state = read_state(layout)
    was_up = is_up(layout)
    if was_up and _is_its_own(state):
        with contextlib.suppress(psutil.NoSuchProcess):  # it may end by itself just now
            supervisor = psutil.Process(state["pid"])
            supervisor.terminate()
            if not wait_gone(state["pid"], state["create_time"], DOWN_SECONDS):
                supervisor.kill()
    left = kill_noted(layout.run)
    return was_up or bool(left)


def _spawn(layout: Layout, with_services: bool, with_monitoring: bool) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "deploy.local", "run", "--root", str(layout.root)]
    command += ["--services"] if with_services else []
    command += ["--monitoring"] if with_monitoring else []
    with _log(layout).open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=PROJECT,
            start_new_session=True,
        )


def _wait_settled(layout: Layout, supervisor: subprocess.Popen[bytes] | None) -> dict[str, Any]:
    end = time.monotonic() + UP_SECONDS
    while time.monotonic() < end:
        gone = supervisor.poll() is not None if supervisor else not is_up(layout)
        state = read_state(layout)
        ours = state.get("pid") == supervisor.pid if supervisor else _is_its_own(state)
        if gone or (ours and state.get("state") in ("ready", "failed", "down")):
            return state if ours else {}
        time.sleep(0.1)
    return {"error": f"not ready after {UP_SECONDS:.0f} s"}


def _print_servers(layout: Layout) -> bool:
    running, lines = True, []
    for name, address in read_state(layout).get("servers", {}).items():
        pid = noted_pid(layout.run / f"{name}.json")
        listens = not is_free(int(address.rsplit(":", 1)[1]))
        running = running and pid is not None and listens
        found = f"pid {pid}" if pid and listens else "does not listen" if pid else "does not run"
        lines.append(f"  {name:<10} {address:<16} {found}")
    print("\n".join([*lines, f"  settings   {layout.env_file}"]))
    return running


def _is_its_own(state: dict[str, Any]) -> bool:
    return "pid" in state and is_same_process(state["pid"], state["create_time"])


def _log(layout: Layout) -> Path:
    return layout.logs / "supervisor.log"
