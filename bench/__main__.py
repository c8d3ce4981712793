"""`make bench`: figures measured on this machine, as a table and in `.local/bench.json`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.capacity import capacity
from bench.figure import Figure
from bench.ingest import ingest
from bench.job import job
from bench.latency import latency
from bench.ledger_versions import ledger_versions
from bench.ledger_writers import ledger_writers
from bench.machine import describe
from bench.size import SIZES, Size
from bench.spread import spread
from bench.workbooks import workbooks
from deploy.local.stack import Stack

OUT = Path(".local/bench.json")

BENCHES: dict[str, Callable[[Stack, Size, Path], list[Figure]]] = {
    "ingest": ingest,
    "ledger_versions": ledger_versions,
    "ledger_writers": ledger_writers,
    "latency": latency,
    "workbooks": workbooks,
    "job": job,
    "capacity": capacity,
    "spread": spread,
}


def main() -> None:
    """Run the chosen benchmarks, all of them by default, on servers of their own."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", default="", help=f"names with commas: {', '.join(BENCHES)}; all when empty")
    parser.add_argument("--size", choices=SIZES, default="full")
    given = parser.parse_args()
    chosen = given.only.split(",") if given.only else list(BENCHES)
    if unknown := set(chosen) - set(BENCHES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    sys.stdout.write(f"{describe()}; size {given.size}\n")
    with tempfile.TemporaryDirectory(prefix="acidwatch-bench-") as folder, Stack(Path(folder) / "stack") as stack:
        for figure in run(chosen, stack, SIZES[given.size], Path(folder)):
            sys.stdout.write(f"{figure}\n")
            sys.stdout.flush()
            keep(figure, OUT)


def run(names: Iterable[str], stack: Stack, size: Size, folder: Path) -> Iterable[Figure]:
    """The figures of benchmarks, as they come."""
    for name in names:
        place = folder / name
        place.mkdir()
        yield from BENCHES[name](stack, size, place)


def keep(figure: Figure, out: Path) -> None:
    """Write a figure to the list in a file; it takes the place of one of its name, and what another run measured stays."""
    out.parent.mkdir(exist_ok=True)
    known = json.loads(out.read_text()) if out.exists() else []
    others = [entry for entry in known if entry["name"] != figure.name]
    out.write_text(json.dumps([*others, figure.as_json()], indent=2) + "\n")


if __name__ == "__main__":
    main()
