"""Starting, restarting and ending processes, with small Python programs in place of the servers."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from deploy.local.errors import ServerFailedError
from deploy.local.hold import hold_file, release_all, start_service, stop_service
from deploy.local.layout import PROJECT, Layout
from deploy.local.ports import RANGE, Ports, is_free
from deploy.local.process import Child, is_same_process, kill_noted, noted_pid
from deploy.local.restart import Restarter
from deploy.local.server import make_once
from deploy.local.services import Service, run_one_shots

SERVE = """
import http.server, os
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(os.environ["ACIDWATCH_HEALTH_PORT"])), Ready).serve_forever()
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    layout.make()
    return layout


def make_service(layout: Layout, code: str) -> Service:
    port = Ports(layout.root / "ports.json").get("producer")
    return Service(layout, port, threading.Event(), name="producer", arguments=["-c", code], env={"GREETING": "hi"})


def test_a_service_is_ready_when_readyz_says_so_and_is_gone_after_stop(layout: Layout) -> None:
    service = make_service(layout, SERVE)
    service.start()
    pid = service.child.pid
    assert pid is not None and service.is_ready()
    service.stop()
    assert not psutil.pid_exists(pid)
    assert list(layout.run.iterdir()) == []


def test_a_service_gets_its_addresses_and_folders_from_the_environment(layout: Layout) -> None:
    environment = make_service(layout, SERVE).environment()
    assert environment["GREETING"] == "hi"
    assert environment["ACIDWATCH_DROP_FOLDER"] == str(layout.root / "drop")
    assert environment["ACIDWATCH_STATE_FOLDER"] == str(layout.root / "state")


def test_a_service_that_ends_early_is_named_with_its_last_lines(layout: Layout) -> None:
    service = make_service(layout, "import sys; sys.exit('no such topic')")
    with pytest.raises(ServerFailedError, match=r"(?s)producer ended with code 1 .*no such topic"):
        service.start()


def test_a_service_that_never_gets_ready_is_given_up_with_its_last_lines(layout: Layout) -> None:
    service = make_service(layout, "import time; print('still thinking', flush=True); time.sleep(60)")
    service.ready_seconds = 5.0
    with pytest.raises(ServerFailedError, match=r"(?s)producer is not ready after 5 s.*still thinking"):
        service.start()
    service.kill()


def test_a_service_that_ends_is_started_again_with_a_growing_pause(layout: Layout) -> None:
    service = make_service(layout, "pass")
    now = [0.0]
    restarter = Restarter([service], clock=lambda: now[0])
    service.spawn()
    starts = []
    for _ in range(90):
        service.child.wait(10)
        before = service.child._process
        restarter.look()
        if service.child._process is not before:
            starts.append(now[0])
        now[0] += 0.5
    service.child.wait(10)
    pauses = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert pauses == sorted(pauses) and pauses[-1] >= 8 * pauses[0]


def test_what_was_stopped_on_purpose_is_not_started_again(layout: Layout) -> None:
    service = make_service(layout, SERVE)
    service.start()
    service.stop()
    now = [0.0]
    restarter = Restarter([service], clock=lambda: now[0])
    for _ in range(5):
        restarter.look()
        now[0] += 60
    assert service.child.pid is None


def test_a_service_that_a_person_stopped_is_started_again_only_when_asked(layout: Layout) -> None:
    service = make_service(layout, SERVE)
    service.start()
    now = [0.0]
    restarter = Restarter([service], clock=lambda: now[0])

    def look() -> None:
        for _ in range(5):
            restarter.look()
            now[0] += 60

    assert stop_service(layout, service.name) == 0
    look()
    assert service.child.pid is None
    hold_file(layout, service.name).unlink()
    look()
    assert service.child.pid is not None
    assert start_service(layout, service.name) == 0
    stop_service(layout, service.name)
    release_all(layout)
    assert not hold_file(layout, service.name).exists()
    service.stop()


def test_a_one_shot_that_fails_is_named_by_its_arguments(layout: Layout) -> None:
    with pytest.raises(ServerFailedError, match=r"(?s)json.tool-no-such-file.*No such file"):
        run_one_shots(layout, [["-c", "pass"], ["-m", "json.tool", "no-such-file"]], {}, threading.Event())


def test_a_process_that_ignores_the_polite_signal_is_killed_after_its_grace(layout: Layout) -> None:
    child = Child(layout, "deaf", dict(os.environ))
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    child.start([sys.executable, "-c", code])
    while not child.last_lines():
        time.sleep(0.02)
    child.stop(0.3)
    assert child.returncode == -signal.SIGKILL


def test_a_frozen_process_can_be_stopped(layout: Layout) -> None:
    child = Child(layout, "frozen", dict(os.environ))
    child.start(["sleep", "60"])
    child.freeze()
    assert child.pid is not None and psutil.Process(child.pid).status() == psutil.STATUS_STOPPED
    child.stop(10)
    assert child.returncode == -signal.SIGTERM


def test_a_child_dies_with_a_supervisor_that_is_killed(layout: Layout) -> None:
    program = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from deploy.local.layout import Layout
        from deploy.local.process import Child
        child = Child(Layout(Path({str(layout.root)!r})), "child", {{}})
        child.start(["/bin/sleep", "60"])
        print(child.pid, flush=True)
        time.sleep(60)
    """)
    supervisor = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    assert supervisor.stdout is not None
    pid = int(supervisor.stdout.readline())
    created = psutil.Process(pid).create_time()
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    end = time.monotonic() + 5
    while is_same_process(pid, created) and time.monotonic() < end:
        time.sleep(0.02)
    assert not is_same_process(pid, created)


def test_an_orphan_is_killed_but_not_a_stranger_with_its_pid(layout: Layout) -> None:
    orphan = subprocess.Popen(["sleep", "60"])
    stranger = subprocess.Popen(["sleep", "60"])
    created = psutil.Process(orphan.pid).create_time()
    (layout.run / "orphan.json").write_text(f'{{"pid": {orphan.pid}, "create_time": {created}}}')
    (layout.run / "stranger.json").write_text(f'{{"pid": {stranger.pid}, "create_time": {created - 100}}}')
    (layout.run / "torn.json").write_text('{"pid": 1')
    try:
        assert noted_pid(layout.run / "stranger.json") is None
        assert kill_noted(layout.run) == ["orphan"]
        assert not is_same_process(orphan.pid, created)
        assert stranger.poll() is None
        assert list(layout.run.iterdir()) == []
    finally:
        stranger.kill()
        stranger.wait()


def test_a_data_folder_half_made_by_a_killed_start_is_made_anew(tmp_path: Path) -> None:
    def torn(content: Path) -> None:
        (content / "half").touch()
        raise KeyboardInterrupt

    folder = tmp_path / "data"
    with pytest.raises(KeyboardInterrupt):
        make_once(folder, torn)
    make_once(folder, lambda content: (content / "whole").touch())
    make_once(folder, torn)  # made already: not called
    assert [path.name for path in (folder / "content").iterdir()] == ["whole"]


def test_a_port_is_remembered_while_it_is_free_and_outside_the_ephemeral_range(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    port = Ports(path).get("kafka")
    assert port in RANGE and is_free(port)
    assert Ports(path).get("kafka") == port
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert Ports(path).get("kafka") != port
