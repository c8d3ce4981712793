"""People who read the results: a login that was granted the role acidwatch_reader and nothing else."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql


@contextmanager
def reader_of(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of such a login to a migrated database; the login is gone afterwards."""
    name, password = f"analyst_{uuid.uuid4().hex[:8]}", secrets.token_hex(8)
    with psycopg.connect(database_url, autocommit=True) as owner:
        statement = "CREATE ROLE {} LOGIN PASSWORD {} IN ROLE acidwatch_reader"
        owner.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Literal(password)))
    parts = urlsplit(database_url)
    host = parts.netloc.rpartition("@")[2]
    url = urlunsplit(parts._replace(netloc=f"{quote(name)}:{password}@{host}"))
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection
    finally:
        with psycopg.connect(database_url, autocommit=True) as owner:
            owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
