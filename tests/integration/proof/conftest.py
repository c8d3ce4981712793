"""A real ledger, emptied for each test, and an archive in memory: what is proved here is not about HDFS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from acidwatch.archive.memory import MemoryStore
from acidwatch.ledger.connection import Ledger
from acidwatch.settings import PostgresSettings
from tests.support.deployment import Deployment
from tests.support.archived import History, empty


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
