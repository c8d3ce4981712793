"""What PostgreSQL's errors mean for whoever reads them, and for a service that goes on."""

from __future__ import annotations

import psycopg
import pytest
from pydantic import SecretStr

from acidwatch.errors import ConfigError, DependencyAwayError, NotMigratedError, RefusedError
from acidwatch.ledger.login import conninfo, postgres_errors
from acidwatch.settings import PostgresSettings

MISSING = 'relation "ledger.datasets" does not exist\nLINE 1: SELECT * FROM ledger.datasets'


def told(error: Exception) -> DependencyAwayError:
    with pytest.raises(DependencyAwayError) as caught, postgres_errors("db:5432/acidwatch"):
        raise error
    return caught.value


@pytest.mark.parametrize("kind", ["UndefinedTable", "UndefinedColumn", "UndefinedFunction", "InvalidSchemaName"])
def test_a_database_that_was_not_migrated_ends_a_command_with_2_and_is_an_outage_for_a_service(kind: str) -> None:
    error = told(getattr(psycopg.errors, kind)(MISSING))
    assert (type(error), error.exit_code) == (NotMigratedError, 2)
    assert not isinstance(error, RefusedError), "with which a service would end"
    assert str(error) == (
        'PostgreSQL at db:5432/acidwatch: tables of this acidwatch are not there (relation "ledger.datasets" does not exist);'
        " make them with: acidwatch ledger migrate"
    )
    assert error.reason in str(error) and error.dependency == "PostgreSQL"


def test_a_database_that_does_not_answer_or_does_not_write_yet_is_away() -> None:
    for error in (
        psycopg.OperationalError("connection refused"),
        psycopg.InterfaceError("the connection is closed"),
        psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction"),
    ):
        assert (type(told(error)), told(error).exit_code) == (DependencyAwayError, 3)


def test_a_right_that_is_missing_or_a_wrong_password_is_a_refusal() -> None:
    for error in (
        psycopg.errors.InsufficientPrivilege("permission denied for table batches"),
        psycopg.OperationalError("FATAL:  password authentication failed for user acidwatch"),
    ):
        assert (type(told(error)), told(error).exit_code) == (RefusedError, 2)


def test_an_address_that_only_postgresql_s_client_finds_wrong_is_a_setting_and_said_without_what_is_in_it() -> None:
    for url in ("postgresql://me:pa55word@db/x?sslmod=require", "postgresql://me:pa55word@[db/x"):
        with pytest.raises(ConfigError) as caught:
            conninfo(PostgresSettings(database_url=SecretStr(url)))
        assert str(caught.value).startswith("ACIDWATCH_DATABASE_URL is wrong: it is no address")
        assert "pa55word" not in str(caught.value)
    assert "p[w" in conninfo(PostgresSettings(database_url=SecretStr("postgresql://me:p[w@db:5432/x")))
