"""A real ledger, emptied for each test, and an archive in memory: what is proved here is not about HDFS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from acidwatch.archive.memory import MemoryStore
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.migrate import migrate
from acidwatch.settings import PostgresSettings
from deploy.local.stack import Stack
from tests.support.archived import History, another_database, empty
from tests.support.deployment import Deployment


@pytest.fixture(scope="session")
def deployment(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """One database for all tests in this folder; no topics, since nothing here is sent."""
    made = Deployment(stack, "proof", tmp_path_factory.mktemp("proof"))
    migrate(PostgresSettings(database_url=SecretStr(made.database_url)))
    return made


@pytest.fixture(scope="session")
def other_url(deployment: Deployment) -> str:
    """The address of a second database."""
    return another_database(deployment)


@pytest.fixture
def other(other_url: str) -> Iterator[Ledger]:
    """The second database: migrated, and empty."""
    empty(other_url)
    opened = Ledger(PostgresSettings(database_url=SecretStr(other_url)))
    yield opened
    opened.close()


@pytest.fixture
def ledger(deployment: Deployment) -> Iterator[Ledger]:
    empty(deployment.database_url)
    opened = Ledger(PostgresSettings(database_url=SecretStr(deployment.database_url)))
    yield opened
    opened.close()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def history(store: MemoryStore, ledger: Ledger) -> History:
    made = History(store, ledger)
    made.load_reference()
    return made
