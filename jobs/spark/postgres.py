"""Connections to PostgreSQL whose failures say that it is PostgreSQL that is away, and where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from acidwatch.errors import ConfigError, DependencyAwayError, UnusableInputError
from acidwatch.ledger.login import conninfo, refusal
from acidwatch.settings import PostgresSettings

Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def connected(settings: PostgresSettings, name: str = "acidwatch job") -> Iterator[Connection]:
    """One connection; the caller opens its transactions with `connection.transaction()`.

    Raises:
        ConfigError: The address can't be read.
        RefusedError: PostgreSQL does not let us in, or may not do this for us.
        DependencyAwayError: PostgreSQL does not answer, or went away meanwhile.
        UnusableInputError: The tables are not there yet.
    """
    url = conninfo(settings)
    where = address(url)
    try:
        timeout = max(1, round(settings.database_timeout_seconds))
        with psycopg.connect(
            url, connect_timeout=timeout, application_name=name, autocommit=True, options="-c timezone=UTC"
        ) as connection:
            yield connection
    except (
        psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedColumn,
        psycopg.errors.UndefinedFunction,
        psycopg.errors.InvalidSchemaName,
    ) as error:
        reason = str(error).splitlines()[0]
        raise UnusableInputError(
            f"the database at {where} lacks tables or columns of this acidwatch ({reason}): run `acidwatch ledger migrate`"
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise refusal(error, where) or error from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise refusal(error, where) or DependencyAwayError("PostgreSQL", where, error) from error


def address(url: str) -> str:
    """host:port of a database address, without user, password and database.

    Raises:
        ConfigError: It is no address.
    """
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ConfigError(
            "ACIDWATCH_DATABASE_URL is no address like postgresql://user:password@host:port/database"
        ) from error
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}"
