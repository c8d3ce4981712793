"""A folder that Prometheus can be started on: the configuration and the rules of this folder, with the given targets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

FOLDER = Path(__file__).parent
RULES = sorted((FOLDER / "rules").glob("*.yaml"))


def write_config(folder: Path, targets: Mapping[str, str], rewrite: Callable[[str], str] = lambda text: text) -> Path:
    """Write it; returns the path of prometheus.yml.

    Args:
        folder: Emptied first.
        targets: Process -> host:port of its /metrics.
        rewrite: What a test makes of the configuration and of each file of rules, such as shorter times.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "rules").mkdir(parents=True)
    for rules in RULES:
        (folder / "rules" / rules.name).write_text(rewrite(rules.read_text(encoding="utf-8")), encoding="utf-8")
    groups = [{"targets": [address], "labels": {"process": process}} for process, address in targets.items()]
    (folder / "targets.json").write_text(json.dumps(groups, indent=1) + "\n", encoding="utf-8")
    (folder / "alertmanagers.json").write_text("[]\n", encoding="utf-8")
    config = folder / "prometheus.yml"
    config.write_text(rewrite((FOLDER / "prometheus.yml").read_text(encoding="utf-8")), encoding="utf-8")
    return config
