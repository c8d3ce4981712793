"""Real servers for the tests that need them: one stack for the whole run, one deployment for each module."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from deploy.local import ports
from deploy.local.stack import Stack
from tests.support.deployment import REAL_DATA, Deployment

TESTS = Path(__file__).parent

# Workers begin at the same time, and none sees what another has chosen and not taken yet.
ports.RANGE = ports.RANGE[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) :: 16]

# The same examples in every run, so that a change is what makes a test fail; make test-faults looks for new ones.
# Without a time limit: a busy machine may pause for longer than any.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("searching", derandomize=False, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka, HDFS and PostgreSQL, real ones."""
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="module")
def deployment(
    stack: Stack, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """Topics, HDFS folder, database and consumer groups of this module's own, with tables and topics made."""
    name = re.sub(r"\W+", "_", f"{request.path.parent.name}_{request.path.stem}")
    made = Deployment(stack, name, tmp_path_factory.mktemp(name))
    made.initialise()
    yield made
    made.stop_all()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of EPA's real workbooks; tests that need it are skipped where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip("the real workbooks are not here (../shared/data/ltm)")
    return REAL_DATA


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below tests/faults, tests/monitoring, tests/security, tests/cluster and tests/engine is marked so."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]  # not any part: the project may lie in a folder of such a name
        if folder in ("faults", "monitoring", "security", "cluster", "engine"):
            item.add_marker(folder)
