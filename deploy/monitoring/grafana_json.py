"""Grafana's dashboards as JSON, from the few things that differ: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]

PROMETHEUS: Json = {"type": "prometheus", "uid": "prometheus"}
POSTGRES: Json = {"type": "grafana-postgresql-datasource", "uid": "postgres"}
COLUMNS = 24
SCHEMA_VERSION = 39


@dataclass(frozen=True)
class Query:
    """What a panel asks.

    Attributes:
        text: PromQL, or SQL.
        legend: Of PromQL: the name of each line, such as `{{process}}`.
        shape: `range` and `instant` are PromQL, `series` and `table` SQL.
    """

    text: str
    legend: str = ""
    shape: Literal["range", "instant", "series", "table"] = "range"

    def as_json(self, letter: str) -> Json:
        """A target of a panel."""
        if self.shape in ("range", "instant"):
            instant = self.shape == "instant"
            return {
                "refId": letter,
                "datasource": PROMETHEUS,
                "editorMode": "code",
                "expr": self.text,
                "legendFormat": self.legend or "__auto",
                "range": not instant,
                "instant": instant,
                "format": "table" if instant and not self.legend else "time_series",
            }
        return {
            "refId": letter,
            "datasource": POSTGRES,
            "editorMode": "code",
            "rawQuery": True,
            "rawSql": self.text,
            "format": "time_series" if self.shape == "series" else "table",
        }


@dataclass(frozen=True)
class Panel:
    """One panel.

    Attributes:
        kind: Grafana's name: `timeseries`, `stat`, `table`, `bargauge`.
        unit: Grafana's name of it: `s`, `bytes`, `short`, `percentunit`; empty = none.
        text: What it shows and how to read it, behind the panel's little i.
        width: Of 24 columns.
        thresholds: (value, colour) from which on it is shown so, ascending.
    """

    title: str
    kind: str
    queries: Sequence[Query]
    unit: str = ""
    text: str = ""
    width: int = 8
    height: int = 7
    stacked: bool = False
    thresholds: Sequence[tuple[float, str]] = ()

    def as_json(self, number: int, x: int, y: int) -> Json:
        """At a place of the grid."""
        asked = [query.as_json(chr(ord("A") + place)) for place, query in enumerate(self.queries)]
        steps: list[Json] = [{"color": "green", "value": None}]
        steps += [{"color": colour, "value": value} for value, colour in self.thresholds]
        defaults: Json = {"unit": self.unit, "thresholds": {"mode": "absolute", "steps": steps}}
        if self.kind == "timeseries":
            defaults["min"] = 0 if self.unit else None
            defaults["custom"] = {
                "fillOpacity": 30 if self.stacked else 0,
                "showPoints": "auto",
                "stacking": {"mode": "normal" if self.stacked else "none", "group": "A"},
            }
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.text,
            "datasource": asked[0]["datasource"],
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "fieldConfig": {"defaults": defaults, "overrides": []},
            "options": _OPTIONS.get(self.kind, {}),
            "targets": asked,
            "transformations": [{"id": "merge", "options": {}}] if self.kind == "table" and len(asked) > 1 else [],
        }


_OPTIONS: dict[str, Json] = {
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "/.*/"}, "colorMode": "value", "textMode": "auto"},
    "bargauge": {"reduceOptions": {"calcs": ["lastNotNull"]}, "orientation": "horizontal", "displayMode": "basic"},
    "timeseries": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    "table": {"showHeader": True},
}


@dataclass(frozen=True)
class Variable:
    """What a person chooses at the top of a dashboard: one or several values of a query's only column."""

    name: str
    label: str
    query: str
    many: bool = True

    def as_json(self) -> Json:
        """A template variable."""
        everything: Json = {"selected": True, "text": ["All"], "value": ["$__all"]}
        return {
            "name": self.name,
            "label": self.label,
            "type": "query",
            "datasource": POSTGRES,
            "query": self.query,
            "definition": self.query,
            "refresh": 1,
            "sort": 1,
            "multi": self.many,
            "includeAll": self.many,
            "current": everything if self.many else {},
        }


@dataclass(frozen=True)
class Dashboard:
    """One page of panels, laid out in rows in their order."""

    name: str
    title: str
    panels: Sequence[Panel]
    since: str = "now-6h"
    refresh: str = "30s"
    variables: Sequence[Variable] = field(default=())

    def as_json(self) -> Json:
        """The whole dashboard."""
        panels: list[Json] = []
        x = y = height = 0
        for number, panel in enumerate(self.panels, start=1):
            if x + panel.width > COLUMNS:
                x, y, height = 0, y + height, 0
            panels.append(panel.as_json(number, x, y))
            x, height = x + panel.width, max(height, panel.height)
        return {
            "uid": f"acidwatch-{self.name}",
            "title": self.title,
            "tags": ["acidwatch"],
            "schemaVersion": SCHEMA_VERSION,
            "editable": False,
            "timezone": "utc",
            "time": {"from": self.since, "to": "now"},
            "refresh": self.refresh,
            "templating": {"list": [variable.as_json() for variable in self.variables]},
            "panels": panels,
        }
