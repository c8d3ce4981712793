"""`python -m deploy.monitoring.dashboards`: write dashboards/*.json, which Grafana reads, from the modules that are easier to read."""

from __future__ import annotations

import json
from pathlib import Path

from deploy.monitoring.data_quality import DATA_QUALITY
from deploy.monitoring.lakes import LAKES
from deploy.monitoring.operations import OPERATIONS

FOLDER = Path(__file__).parent / "dashboards"
DASHBOARDS = (OPERATIONS, DATA_QUALITY, LAKES)


def files() -> dict[str, str]:
    """Name of each file, and what must be in it."""
    return {f"{board.name}.json": json.dumps(board.as_json(), indent=1) + "\n" for board in DASHBOARDS}


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
