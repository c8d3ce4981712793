"""The ledger on a real PostgreSQL, emptied for each test that asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from pydantic import SecretStr

from acidwatch.ledger.connection import Ledger
from acidwatch.settings import PostgresSettings
from tests.support.deployment import Deployment


@pytest.fixture
def ledger(deployment: Deployment) -> Iterator[Ledger]:
    """The ledger, emptied."""
    with psycopg.connect(deployment.database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE ledger.sources, ledger.files, ledger.versions, ledger.audit CASCADE")
        connection.execute(
            "UPDATE ledger.datasets SET newest_version = 0, rows = 0, bytes = 0, accepted = 0, rejected = 0, duplicates = 0"
        )
    opened = Ledger(PostgresSettings(database_url=SecretStr(deployment.database_url)))
    yield opened
    opened.close()
