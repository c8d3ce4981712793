"""`make demo`: a workbook through the whole pipeline on a stack of its own, with the commands that a person would type."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from acidwatch.contract.columns import METHODS, SAMPLES, SITES, Column
from acidwatch.errors import AcidwatchError, ConfigError, PermanentError, UnusableInputError
from acidwatch.workbook.reader import read_table
from deploy.local.layout import Layout
from deploy.local.services import ONE_SHOTS, SERVICES
from deploy.local.stack import Stack, take_lock

ROWS = 4000


class DemoStepError(PermanentError):
    """A command of the demo failed; what it said is on the screen above."""


@dataclass(frozen=True)
class Workbooks:
    """The three workbooks of a delivery."""

    samples: Path
    methods: Path
    sites: Path


def run_demo(root: Path, data: Path | None) -> int:
    """Run it and print what it found.

    Raises:
        AcidwatchError: A demo runs already, a server does not start, a workbook is missing, or a step failed.
    """
    began = time.monotonic()
    given = find_workbooks(data) if data else None
    _empty(Layout(root))
    say("starting Kafka, HDFS, PostgreSQL and the services ...")
    with Stack(root, one_shots=ONE_SHOTS, services=SERVICES) as stack:
        say(f"up after {time.monotonic() - began:.0f} s")
        cli = Cli({**stack.env()})
        if given is None:
            out = root / "generated"
            # One batch is broken on purpose: a pipeline that never rejects shows only half of what it does.
            cli.run("generate", "--rows", str(ROWS), "--seed", "1", "--out", str(out), "--broken", "range")
            given = Workbooks(out / "samples.xlsx", out / "methods.xlsx", out / "sites.xlsx")
        cli.run("reference", "load", "--sites", str(given.sites), "--methods", str(given.methods))
        sent = time.monotonic()
        cli.run("send", str(given.samples), "--interval", "0", "--force")
        cli.run("wait", "--source", str(given.samples))
        say(f"accounted for {time.monotonic() - sent:.1f} s after the first send")
        cli.run("status")
        cli.run("versions", "list", "--limit", "5")
        cli.run("batches", "list", "--verdict", "rejected", "--limit", "5")
        cli.run("job", "metrics")
        cli.run("metrics", "site", "--parameter", "SO4", "--limit", "10")
        cli.run("metrics", "method", "--parameter", "SO4", "--limit", "10")
        cli.run("metrics", "category", "--parameter", "ANC", "--limit", "30")
        cli.run("status")
        say("stopping ...")
    say(f"done in {time.monotonic() - began:.0f} s; everything is stopped. Where to look next:")
    say(f"  {root / 'logs'}   what each process said")
    say("  make up               the same stack and services, kept running; then: .venv/bin/acidwatch --help")
    say("  README.md, docs/      how to send a workbook, run it at night, ask what the water did")
    return 0


def _empty(layout: Layout) -> None:
    """Remove what an earlier demo left, unless one runs.

    Raises:
        StackBusyError: One does.
        ConfigError: Something may not be removed.
    """
    try:
        layout.make()
        lock = take_lock(layout)
        try:
            for path in layout.root.iterdir():
                if path == layout.run:
                    continue  # its lock is ours
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        finally:
            os.close(lock)
    except OSError as error:
        place = error.filename or layout.root
        raise ConfigError(
            f"{place}: can't be removed ({error.strerror or error}); make way for the demo, or give it another folder:"
            " python -m deploy.local demo --root FOLDER"
        ) from error


class Cli:
    """Runs `acidwatch` commands against a stack, printing each one before what it prints."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = {**os.environ, **env}

    def run(self, *arguments: str) -> None:
        """Run one command to its end.

        Raises:
            DemoStepError: It failed.
        """
        say(f"\n$ acidwatch {' '.join(arguments)}")
        code = subprocess.run(
            [sys.executable, "-m", "acidwatch.cli", *arguments], env=self._env, check=False
        ).returncode
        if code:
            raise DemoStepError(f"acidwatch {arguments[0]} ended with {code}")


def say(line: str) -> None:
    """Print a line at once, in order with what the commands print."""
    print(line, flush=True)


def find_workbooks(folder: Path) -> Workbooks:
    """Find the samples, methods and sites workbooks in a folder, by their columns and not by their names.

    Raises:
        UnusableInputError: There is no such folder, or not exactly one of each.
    """
    if not folder.is_dir():
        raise UnusableInputError(f"DATA={folder}: no such folder")
    files = sorted(path for path in folder.glob("*.xlsx") if not path.name.startswith("~$"))
    found = {kind: [path for path in files if _has(path, columns)] for kind, columns in _KINDS.items()}
    for kind, paths in found.items():
        if len(paths) != 1:
            names = ", ".join(path.name for path in paths) or "none"
            raise UnusableInputError(f"DATA={folder}: there must be one {kind} workbook (.xlsx); found {names}")
    return Workbooks(found["samples"][0], found["methods"][0], found["sites"][0])


_KINDS: dict[str, tuple[Column, ...]] = {"samples": SAMPLES, "methods": METHODS, "sites": SITES}


def _has(path: Path, columns: tuple[Column, ...]) -> bool:
    try:
        read_table(path, columns)
    except AcidwatchError:
        return False
    return True
