"""How to reach PostgreSQL, and what is said when it doesn't let us in or do what we ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from acidwatch.errors import ConfigError, DependencyAwayError, NotMigratedError, RefusedError
from acidwatch.settings import NO_ADDRESS, PostgresSettings

_LOGIN = "check the user in ACIDWATCH_DATABASE_URL, and ACIDWATCH_DATABASE_PASSWORD"
_CERTIFICATE = "check sslrootcert and the host name in ACIDWATCH_DATABASE_URL"
_AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,  # a standby that has not been promoted yet
)
_NOT_THERE = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InvalidSchemaName,
)
# Until a connection stands, libpq gives no SQLSTATE, only text; servers whose messages are not in English are not understood.
_SIGNS = {
    "password authentication failed": _LOGIN,
    "no password supplied": _LOGIN,
    "is not permitted to log in": _LOGIN,
    "no encryption": "set sslmode=verify-full in ACIDWATCH_DATABASE_URL",
    "no pg_hba.conf entry": _LOGIN,
    "permission denied for database": _LOGIN,
    "certificate verify failed": _CERTIFICATE,
    "server certificate for": _CERTIFICATE,
    "root certificate file": _CERTIFICATE,
    "server does not support SSL": "set up TLS on the server, or take sslmode out of ACIDWATCH_DATABASE_URL",
}


def conninfo(settings: PostgresSettings) -> str:
    """Everything that psycopg needs to connect; a secret.

    Raises:
        ConfigError: The address can't be read.
    """
    password = settings.database_password.get_secret_value()
    try:
        return make_conninfo(settings.database_url.get_secret_value(), **({"password": password} if password else {}))
    except psycopg.ProgrammingError:  # its message has parts of the address
        raise ConfigError(f"ACIDWATCH_DATABASE_URL is wrong: {NO_ADDRESS}") from None


def address_of(url: str) -> str:
    """host:port/database of a connection URL, for people; without user and password."""
    parts = conninfo_to_dict(url)
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"


@contextmanager
def postgres_errors(address: str) -> Iterator[None]:
    """PostgreSQL's errors as ours.

    Raises:
        NotMigratedError: What is asked for is not there.
        RefusedError: It does not let us in with these settings, or may not do this for us.
        DependencyAwayError: It does not answer.
    """
    try:
        yield
    except _NOT_THERE as error:
        raise NotMigratedError(address, error) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise refusal(error, address) or error from error
    except _AWAY as error:
        raise refusal(error, address) or DependencyAwayError("PostgreSQL", address, error) from error


def refusal(error: BaseException | None, address: str) -> RefusedError | None:
    """The error that says so if PostgreSQL refuses who we are or what we do, else None."""
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        advice = "the user in ACIDWATCH_DATABASE_URL lacks the role for it: docs/operator.md, Security"
        return RefusedError("PostgreSQL", address, error, advice)
    text = str(error)
    for sign, advice in _SIGNS.items():
        if isinstance(error, psycopg.OperationalError) and sign in text:
            return RefusedError("PostgreSQL", address, text[max(text.find("FATAL:"), 0) :], advice)
    return None
