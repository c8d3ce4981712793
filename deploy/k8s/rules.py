"""`python -m deploy.k8s.rules`: the rules of deploy/monitoring as the object that the Prometheus operator reads."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

from deploy.monitoring.config import RULES

FILE = Path(__file__).parent / "components" / "monitoring" / "prometheusrule.yaml"

_HEAD = """\
# Written by `make dashboards` from deploy/monitoring/rules/; change it there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: acidwatch
  labels: {app.kubernetes.io/name: acidwatch}
spec:
  groups:
"""


def manifest() -> str:
    """The groups of every file, one after the other."""
    return _HEAD + "".join(indent(path.read_text(encoding="utf-8").split("groups:\n", 1)[1], "  ") for path in RULES)


if __name__ == "__main__":
    FILE.write_text(manifest(), encoding="utf-8")
