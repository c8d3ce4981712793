"""Stand-ins for the images of others, each from its Dockerfile here, and the names under which compose.yaml takes them."""

from __future__ import annotations

import sys
from pathlib import Path

from deploy.testimages.bases import SUITES, make_base
from deploy.testimages.engine import Engine

HERE = Path(__file__).parent
OURS = ("producer", "ingestor", "versioner", "spark", "cli", "hdfs")
# Folder here -> tag; one that another is built on comes before it.
STAND_INS = {
    "python": "3.11",
    "java": "17",
    "maven": "3",
    "kafka": "4.3.1",
    "postgres": "17",
    "prometheus": "2.53",
    "alertmanager": "0.28",
}
# Services of compose.yaml whose image can't be made here.
WITHOUT = {
    "grafana": "Debian has no Grafana",
    "kafka-exporter": "its source is not to be had from Go's module proxy",
}


def names() -> dict[str, str]:
    """Variables of compose.yaml: stand-ins for the images of others, and tags for ours that are not those of a release."""
    others = {f"{name.upper()}_IMAGE": f"acidwatch-test/{name}:{tag}" for name, tag in STAND_INS.items()}
    return others | {f"{name.upper()}_IMAGE": f"acidwatch/{name}:test" for name in OURS}


def make_stand_ins(engine: Engine) -> None:
    """Have all of them in the engine; what did not change is not made again."""
    for suite in SUITES:
        _say(f"base image of Debian {suite}")
        make_base(engine, suite)
    for name, tag in STAND_INS.items():
        _say(f"stand-in for {name}")
        engine.run("build", "--tag", f"acidwatch-test/{name}:{tag}", str(HERE / name))


def _say(what: str) -> None:
    print(f"testimages: {what}", file=sys.stderr, flush=True)
