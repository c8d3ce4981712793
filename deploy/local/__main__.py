"""`python -m deploy.local up|down|status|service|run|demo`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from acidwatch.errors import AcidwatchError
from deploy.local import daemon
from deploy.local.demo import run_demo
from deploy.local.layout import DEFAULT_ROOT
from deploy.local.services import SERVICES


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 done, 1 a step of the demo failed, 2 a program is missing or the root is in use, 3 a server does not run.
    """
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description="real Kafka, HDFS and PostgreSQL here")
    commands = parser.add_subparsers(dest="command", required=True, metavar="up|down|status|service|run|demo")
    for name, text in (
        ("up", "start in the background and wait until ready"),
        ("down", "stop; the data stays"),
        ("status", "show what runs"),
        ("run", "start and supervise in the foreground until Ctrl-C"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--root", type=Path, default=DEFAULT_ROOT, help="folder of data, logs and state")
        if name in ("up", "run"):
            command.add_argument("--services", action="store_true", help="start acidwatch's own services too")
            command.add_argument("--monitoring", action="store_true", help="start a Prometheus that scrapes them too")
    text = "stop one service while the others go on, and start it again"
    service = commands.add_parser("service", help=text, description=text)
    service.add_argument("do", choices=("stop", "start"))
    service.add_argument("name", choices=tuple(SERVICES))
    service.add_argument("--root", type=Path, default=DEFAULT_ROOT, help="folder of data, logs and state")
    text = "run the whole pipeline once on a stack of its own, print what it found, and stop"
    demo = commands.add_parser("demo", help=text, description=text)
    demo.add_argument("--root", type=Path, default=DEFAULT_ROOT / "demo", help="folder of the stack; emptied first")
    demo.add_argument(
        "--data", type=Path, help="folder of samples, methods and sites workbooks; generated when not given"
    )
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "up":
            return daemon.up(chosen.root, with_services=chosen.services, with_monitoring=chosen.monitoring)
        if chosen.command == "down":
            return daemon.down(chosen.root)
        if chosen.command == "status":
            return daemon.status(chosen.root)
        if chosen.command == "service":
            return daemon.service(chosen.root, chosen.do, chosen.name)
        if chosen.command == "demo":
            return run_demo(chosen.root, chosen.data)
        return daemon.run(chosen.root, with_services=chosen.services, with_monitoring=chosen.monitoring)
    except KeyboardInterrupt:
        return 130
    except AcidwatchError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
