"""`python -m deploy.testimages up|down`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from acidwatch.errors import AcidwatchError
from deploy.local.layout import PROJECT
from deploy.testimages.daemon import Daemon
from deploy.testimages.engine import FOLDER, find_or_start
from deploy.testimages.images import make_stand_ins, names

COMPOSE = PROJECT / "deploy" / "compose"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 done, 2 something is missing on this machine, 3 the engine or a build failed.
    """
    parser = argparse.ArgumentParser(
        prog="python -m deploy.testimages",
        description="for tests: a container engine, stand-ins for the images of others, and the project's own images",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="up|down")
    for name, text in (
        ("up", "start an engine if none answers, make all images, print the variables that use them"),
        ("down", "stop that engine; its images stay"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--folder", type=Path, default=FOLDER, help="where the engine keeps its images")
    chosen = parser.parse_args(arguments)
    try:
        return _up(chosen.folder) if chosen.command == "up" else _down(chosen.folder)
    except AcidwatchError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _up(folder: Path) -> int:
    engine, _ = find_or_start(folder)
    make_stand_ins(engine)
    env = {**engine.env, **names()}
    done = subprocess.run([engine.docker, "compose", "build"], cwd=COMPOSE, env=env, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        return 3
    changed = {name: value for name, value in env.items() if os.environ.get(name) != value}
    for name, value in sorted(changed.items()):
        print(f"export {name}={value}")
    return 0


def _down(folder: Path) -> int:
    Daemon(folder).stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
