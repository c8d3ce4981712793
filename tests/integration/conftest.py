"""The ledger on a real PostgreSQL, emptied for each test that asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from acidwatch.ledger.connection import Ledger
from acidwatch.settings import PostgresSettings
from tests.support.archived import empty
from tests.support.deployment import Deployment


@pytest.fixture
def ledger(deployment: Deployment) -> Iterator[Ledger]:
    """The ledger, emptied."""
    empty(deployment.database_url)
    opened = Ledger(PostgresSettings(database_url=SecretStr(deployment.database_url)))
    yield opened
    opened.close()
