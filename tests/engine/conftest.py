"""The whole compose file on a real container engine: make test-compose. Skipped, with the reason, where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from deploy.local.errors import PrerequisiteError
from deploy.testimages.engine import Engine, running_engine
from deploy.testimages.images import WITHOUT, make_stand_ins
from tests.support.composed import Composed


def pytest_report_header() -> list[str]:
    """What of the compose file is not tried, where everybody sees it."""
    return [f"left out: {service}, because {why}" for service, why in WITHOUT.items()]


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """An engine that has stand-ins for the images of others."""
    with ExitStack() as running:
        try:
            found = running.enter_context(running_engine())
            make_stand_ins(found)
        except PrerequisiteError as error:
            pytest.skip(str(error))
        yield found


@pytest.fixture(scope="session")
def composed(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """The project's folder as somebody has it who follows docs/deploy.md; nothing is started yet."""
    with Composed.of_project(engine, tmp_path_factory.mktemp("composed")) as made:
        yield made
