"""Configuration and rules, by Prometheus's own tool."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deploy.monitoring import config
from tests.support.prometheus import shortened

TESTS = sorted((config.FOLDER / "rules" / "tests").glob("*.yaml"))


def check(promtool: Path, *arguments: str) -> str:
    done = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_the_configuration_with_all_its_rules(promtool: Path) -> None:
    said = check(promtool, "check", "config", "--lint-fatal", str(config.FOLDER / "prometheus.yml"))
    assert f"{len(config.RULES)} rule files found" in said


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_each_alert_fires_when_it_should_and_not_when_it_should_not(promtool: Path, path: Path) -> None:
    check(promtool, "test", "rules", str(path))


def test_the_rules_whose_times_tests_shorten_are_rules_still(promtool: Path, tmp_path: Path) -> None:
    def quick(text: str) -> str:
        return shortened(text, 30)

    written = config.write_config(tmp_path / "conf", {"ingestor": "127.0.0.1:1"}, quick)
    check(promtool, "check", "config", str(written))
    text = (tmp_path / "conf" / "rules" / "alerts.yaml").read_text()
    assert "for: 4s\n" in text and "[10s]" in text and "[5m]" not in text


@pytest.mark.parametrize(("severity", "receiver"), [("page", "pages"), ("ticket", "tickets")])
def test_the_example_for_alertmanager_sends_each_severity_where_it_says(
    amtool: Path, severity: str, receiver: str
) -> None:
    file = str(config.FOLDER / "alertmanager.yml")
    check(amtool, "check-config", file)
    assert check(amtool, "config", "routes", "test", f"--config.file={file}", f"severity={severity}") == f"{receiver}\n"
