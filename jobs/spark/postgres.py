"""Connections to PostgreSQL whose failures say that it is PostgreSQL that is away, and where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from acidwatch.ledger.login import address_of, conninfo, postgres_errors
from acidwatch.settings import PostgresSettings

Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def connected(settings: PostgresSettings, name: str = "acidwatch job") -> Iterator[Connection]:
    """One connection; the caller opens its transactions with `connection.transaction()`.

    Raises:
        RefusedError: PostgreSQL does not let us in, or may not do this for us.
        NotMigratedError: Its tables are not there.
        DependencyAwayError: PostgreSQL does not answer, or went away meanwhile.
    """
    url = conninfo(settings)
    timeout = max(1, round(settings.database_timeout_seconds))
    with (
        postgres_errors(address_of(url)),
        psycopg.connect(
            url, connect_timeout=timeout, application_name=name, autocommit=True, options="-c timezone=UTC"
        ) as connection,
    ):
        yield connection
