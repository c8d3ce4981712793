"""Tests that need a Prometheus: make test-monitoring. They are skipped, with the reason, where none is to be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.alertmanager import amtool_or_skip
from tests.support.prometheus import prometheus_or_skip


@pytest.fixture(scope="session")
def prometheus() -> Path:
    """The program."""
    return prometheus_or_skip()


@pytest.fixture(scope="session")
def promtool(prometheus: Path) -> Path:
    """The program that checks its files, of the same package."""
    return prometheus.with_name("promtool")


@pytest.fixture(scope="session")
def amtool() -> Path:
    """The program that checks the configuration of Alertmanager."""
    return amtool_or_skip()
