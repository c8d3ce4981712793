"""`make bench`: figures measured on this machine, as a table and in `.local/bench.json`."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from bench.figure import Figure
from bench.ledger_writers import writers_at_once
from deploy.local.stack import Stack

OUT = Path(".local/bench.json")


def main() -> None:
    """Run every benchmark on servers of its own."""
    with tempfile.TemporaryDirectory(prefix="acidwatch-bench-") as folder, Stack(Path(folder)) as stack:
        figures: list[Figure] = writers_at_once(stack.database_url)
    sys.stdout.write(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}\n")
    for figure in figures:
        sys.stdout.write(f"{figure}\n")
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([figure.as_json() for figure in figures], indent=2) + "\n")


if __name__ == "__main__":
    main()
