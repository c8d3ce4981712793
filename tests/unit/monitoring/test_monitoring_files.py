"""Rules, dashboards and the pages about them agree: names of metrics, links into the runbook, JSON that is up to date."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Counter, Gauge, Histogram

from acidwatch.telemetry import metrics
from deploy.local.services import SERVICES
from deploy.monitoring import config, dashboards
from tests.support.deployment import PROJECT

RULES = "\n".join(path.read_text() for path in config.RULES)
ALERTS = re.findall(r"- alert: (\w+)", RULES)
BOARDS = [json.loads(path.read_text()) for path in sorted(dashboards.FOLDER.glob("*.json"))]
PANELS = [
    pytest.param(panel, id=f"{board['title']}: {panel['title']}") for board in BOARDS for panel in board["panels"]
]
RECORDED = set(re.findall(r"- record: (\S+)", RULES))


def page(name: str) -> str:
    return (PROJECT / "docs" / name).read_text()


def anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }


def shown_names() -> dict[str, list[str]]:
    """Name of each metric as the documentation says it, and the series that it makes."""
    names = {}
    for metric in vars(metrics).values():
        if isinstance(metric, Histogram):
            names[metric._name] = [f"{metric._name}_{part}" for part in ("bucket", "sum", "count")]
        elif isinstance(metric, Counter):
            names[f"{metric._name}_total"] = [f"{metric._name}_total"]
        elif isinstance(metric, Gauge):
            names[metric._name] = [metric._name]
    return names


def test_the_dashboards_are_those_that_the_code_makes() -> None:
    found = {path.name: path.read_text() for path in dashboards.FOLDER.iterdir()}
    assert found == dashboards.files(), "run: make dashboards"


def test_every_metric_of_a_rule_or_panel_is_in_the_closed_list() -> None:
    series = {name for names in shown_names().values() for name in names}
    asked = re.sub(r"#.*", "", RULES) + json.dumps(BOARDS)
    named = set(re.findall(r"acidwatch_[a-z0-9_]+", asked))
    assert named - series == set()
    assert set(re.findall(r"acidwatch:[a-z0-9_:]+", asked)) == RECORDED


def test_the_page_of_the_operator_lists_every_metric_and_no_other() -> None:
    section = page("operator.md").split("\n## Metrics\n")[1].split("\n## ")[0]
    listed = [name for line in section.splitlines() for name in re.findall(r"`(acidwatch_\w+)`", line.split(" | ")[0])]
    assert sorted(listed) == sorted(shown_names())


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    runbook = anchors(page("recovery.md"))
    for block in RULES.split("- alert: ")[1:]:
        name = block.split("\n")[0]
        links = re.findall(r"runbook_url: docs/recovery\.md#(\S+)", block)
        assert len(links) == 1 and links[0] in runbook, name
        assert re.search(r"\n +for: \d+[mh]\n", block), name
        assert re.search(r"\n +severity: (page|ticket)\n", block), name
        assert block.count("summary: ") == block.count("description: ") == 1, name


def test_every_alert_has_a_test_of_its_rule_and_a_line_in_the_documentation() -> None:
    tested = "\n".join(path.read_text() for path in (config.FOLDER / "rules" / "tests").glob("*.yaml"))
    described = re.findall(r"^\| `(Acidwatch\w+)` \|", page("monitoring.md"), re.MULTILINE)
    assert sorted(described) == sorted(set(ALERTS))
    for name in ALERTS:
        fires = re.search(rf"- alertname: {name}\n +eval_time: \S+\n +exp_alerts:\n", tested)
        stays = re.search(rf"alertname: {name}, eval_time: \S+, exp_alerts: \[\]", tested)
        assert fires and stays, name


def test_those_whose_absence_is_told_are_the_services_that_run_everywhere() -> None:
    told = re.findall(r'absent\(up\{job="acidwatch", process="([^"]+)"\}\)', RULES)
    assert sorted(told) == sorted(SERVICES)
    for name in ("deploy/monitoring/targets.json", "deploy/compose/targets.json"):
        asked = {group["labels"]["process"] for group in json.loads((PROJECT / name).read_text())}
        assert set(told) <= asked, name


def test_panels_do_not_lie_on_one_another_and_dashboards_have_names_of_their_own() -> None:
    assert len({board["uid"] for board in BOARDS}) == len({board["title"] for board in BOARDS}) == 3
    for board in BOARDS:
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        for one, other in combinations([panel["gridPos"] for panel in board["panels"]], 2):
            beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
            assert beside or below
            assert max(one["x"] + one["w"], other["x"] + other["w"]) <= 24


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_asks_a_data_source_that_is_provisioned(panel: dict[str, Any]) -> None:
    provisioned = (config.FOLDER / "grafana/provisioning/datasources/acidwatch.yaml").read_text()
    assert panel["type"] in ("timeseries", "stat", "table", "bargauge")
    assert panel["targets"]
    letters = [target["refId"] for target in panel["targets"]]
    assert letters == sorted(set(letters))
    for target in panel["targets"]:
        kind, uid = target["datasource"]["type"], target["datasource"]["uid"]
        assert re.search(rf"uid: {uid}\n +type: {kind}\n", provisioned)
        assert target["expr"] if kind == "prometheus" else target["rawSql"].startswith("SELECT ")


def test_variables_of_panels_are_those_of_their_dashboard() -> None:
    for board in BOARDS:
        asked = set(re.findall(r"\$\{(\w+):sqlstring\}", json.dumps(board)))
        assert asked == {variable["name"] for variable in board["templating"]["list"]}


def test_a_configuration_for_one_machine_has_its_targets_and_all_rules(tmp_path: Path) -> None:
    written = config.write_config(tmp_path / "conf", {"ingestor": "127.0.0.1:18001"})
    assert written.read_text() == (config.FOLDER / "prometheus.yml").read_text()
    assert json.loads((tmp_path / "conf" / "targets.json").read_text()) == [
        {"targets": ["127.0.0.1:18001"], "labels": {"process": "ingestor"}}
    ]
    assert json.loads((tmp_path / "conf" / "alertmanagers.json").read_text()) == []
    assert {path.name for path in (tmp_path / "conf" / "rules").iterdir()} == {path.name for path in config.RULES}
