"""Connections to PostgreSQL, and its errors as ours."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from acidwatch.errors import RefusedError
from acidwatch.ledger.login import address_of, conninfo, postgres_errors, refusal
from acidwatch.settings import PostgresSettings

_KNOCK_SECONDS = 3

Connection = psycopg.Connection[dict[str, Any]]
"""Rows come as dictionaries."""


class Ledger:
    """A pool of connections to the database that holds the ledger. Opens when first used; safe in threads."""

    def __init__(self, settings: PostgresSettings, *, most_connections: int = 4) -> None:
        self._url = conninfo(settings)
        self._timeout = settings.database_timeout_seconds
        self._connect_seconds = max(int(self._timeout), 2)
        self.address = address_of(self._url)
        options = "-c statement_timeout=300000 -c idle_in_transaction_session_timeout=60000 -c timezone=UTC"
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            self._url,
            min_size=0,
            max_size=most_connections,
            open=False,
            timeout=self._timeout,
            reconnect_timeout=self._timeout,
            kwargs={
                "row_factory": dict_row,
                "connect_timeout": self._connect_seconds,
                "options": options,
                "application_name": "acidwatch",
                # A network that swallows what we send must not hang us; for a server that does, see _not_hanging.
                "tcp_user_timeout": 30_000,
                "keepalives_idle": 10,
            },
        )

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction, committed at the end of the block.

        Raises:
            RefusedError: PostgreSQL does not let us in with these settings, or may not do this for us.
            NotMigratedError: Its tables are not there.
            DependencyAwayError: PostgreSQL does not answer. If that happens at the commit, it is not known whether it was done:
                repeat it, everything written here is idempotent.
        """
        with postgres_errors(self.address):
            try:
                if self._pool.closed:
                    if why := self._refusal():
                        raise why
                    self._pool.open()
                with self._pool.connection() as connection, self._not_hanging(connection), connection.transaction():
                    yield connection
            except PoolTimeout as error:
                if why := self._refusal():
                    raise why from error
                raise

    @contextmanager
    def _not_hanging(self, connection: Connection) -> Iterator[None]:
        """Cut the connection off while nothing more comes from the server, so that whoever waits for it gets an error.

        The kernel of a server that hangs goes on to acknowledge what it is sent, so no timeout of TCP ends the wait; and how long a
        statement may take is not known here. Whether a new connection gets an answer is.
        """
        over = threading.Event()

        def watch() -> None:
            while not over.wait(self._timeout):
                if not self._answers() and not over.is_set():
                    with socket.socket(fileno=os.dup(connection.fileno())) as same:
                        same.shutdown(socket.SHUT_RDWR)
                    return

        threading.Thread(target=watch, name="ledger-watch", daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def _answers(self) -> bool:
        """Whether the server says anything to a new connection within the time for connecting, if only that it has no room."""
        try:
            psycopg.connect(self._url, connect_timeout=self._connect_seconds).close()
        except psycopg.errors.ConnectionTimeout:
            return False
        except psycopg.OperationalError:
            return True
        return True

    def _refusal(self) -> RefusedError | None:
        """Whether a new connection is refused, and why: the pool tries again for long, and then says only that it has none."""
        try:
            psycopg.connect(self._url, connect_timeout=_KNOCK_SECONDS).close()
        except psycopg.OperationalError as error:
            return refusal(error, self.address)
        return None

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()
