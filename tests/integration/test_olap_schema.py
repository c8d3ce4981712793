"""Schema olap on a real PostgreSQL: who may read it, what else they may not, and that every column says what it means."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.dictionary import described, page
from acidwatch.settings import PostgresSettings
from tests.support.command import command
from tests.support.deployment import PROJECT, Deployment
from tests.support.readers import reader_of

DICTIONARY = PROJECT / "docs" / "data-dictionary.md"
READER = "acidwatch_reader"


@pytest.fixture(scope="module")
def analyst(deployment: Deployment) -> Iterator[psycopg.Connection[Any]]:
    with reader_of(deployment.database_url) as connection:
        yield connection


def names(deployment: Deployment, kinds: str, *schemas: str) -> list[str]:
    """Quoted names of the relations of these kinds (pg_class.relkind)."""
    query = (
        "SELECT format('%%I.%%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE relkind = ANY(%s) AND nspname = ANY(%s) ORDER BY 1"
    )
    return [name for (name,) in deployment.query(query, list(kinds), list(schemas))]


def test_a_reader_reads_every_view(deployment: Deployment, analyst: psycopg.Connection[Any]) -> None:
    views = names(deployment, "v", "olap")
    assert len(views) >= 16
    for view in views:
        assert analyst.execute(f"SELECT count(*) FROM {view}").fetchone() == (0,)


def test_a_reader_reads_no_table_view_or_sequence_elsewhere(
    deployment: Deployment, analyst: psycopg.Connection[Any]
) -> None:
    others = names(deployment, "rvmS", "ledger", "metrics", "public")
    assert {"ledger.versions", "metrics.runs", "metrics.quality", "public.alembic_version"} <= set(others)
    for other in others:
        with pytest.raises(InsufficientPrivilege):
            analyst.execute(f"SELECT * FROM {other}")


def test_a_reader_calls_none_of_the_functions(deployment: Deployment, analyst: psycopg.Connection[Any]) -> None:
    for call in ("SELECT * FROM ledger.members(1)", "SELECT metrics.grant_reader()"):
        with pytest.raises(InsufficientPrivilege):
            analyst.execute(call)
    allowed = deployment.query(
        "SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname NOT IN"
        " ('pg_catalog', 'information_schema') AND has_schema_privilege(%s, n.oid, 'USAGE')",
        READER,
    )
    assert allowed == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger.tags",
        "UPDATE metrics.runs SET as_of_newest = false",
        "INSERT INTO ledger.tags VALUES ('mine', 1, 'me', '')",
        "TRUNCATE metrics.site",
        "DROP VIEW olap.trends",
        "COMMENT ON VIEW olap.trends IS 'mine'",
        "CREATE TABLE olap.mine (n integer)",
        "CREATE VIEW olap.mine AS SELECT 1",
        "CREATE TABLE public.mine (n integer)",
        "CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "SET ROLE acidwatch",
        "GRANT acidwatch_reader TO acidwatch",
        "COPY (SELECT 1) TO PROGRAM 'cat'",
        "SELECT pg_read_file('PG_VERSION')",
    ],
)
def test_a_reader_changes_nothing(analyst: psycopg.Connection[Any], statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        analyst.execute(statement.encode())


def test_the_role_has_no_privilege_but_to_read_views_of_olap(deployment: Deployment) -> None:
    query = (
        "SELECT nspname, privilege FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace CROSS JOIN"
        " unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege"
        " WHERE relkind IN ('r', 'v', 'm', 'p') AND nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg_toast%%'"
        " AND has_table_privilege(%s, c.oid, privilege) GROUP BY 1, 2"
    )
    assert deployment.query(query, READER) == [("olap", "SELECT")]
    usable = (
        "SELECT nspname FROM pg_namespace WHERE nspname IN ('ledger', 'metrics') AND has_schema_privilege(%s, oid, 'USAGE')"
        " OR nspname IN ('ledger', 'metrics', 'olap', 'public') AND has_schema_privilege(%s, oid, 'CREATE')"
    )
    assert deployment.query(usable, READER, READER) == []


def test_a_view_that_a_later_migration_adds_can_be_read_too(
    deployment: Deployment, analyst: psycopg.Connection[Any]
) -> None:
    with psycopg.connect(deployment.database_url, autocommit=True) as owner:
        owner.execute("CREATE VIEW olap.later AS SELECT count(*) AS n FROM ledger.versions")
        try:
            assert analyst.execute("SELECT n FROM olap.later").fetchone() == (0,)
        finally:
            owner.execute("DROP VIEW olap.later")


@pytest.fixture
def without_role(deployment: Deployment) -> Iterator[None]:
    """The server does not know the role; databases that do keep what they granted."""
    rename = "ALTER ROLE {} RENAME TO {}"
    with psycopg.connect(deployment.database_url, autocommit=True) as owner:
        owner.execute(rename.format(READER, "acidwatch_reader_away"))
        yield
        owner.execute(f"DROP ROLE IF EXISTS {READER}")
        owner.execute(rename.format("acidwatch_reader_away", READER))


@pytest.fixture
def modest(deployment: Deployment) -> Iterator[str]:
    """The address of a database whose owner may make no roles."""
    name = f"modest_{uuid.uuid4().hex[:8]}"
    identifier = sql.Identifier(name)
    with psycopg.connect(deployment.database_url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'modest'").format(identifier))
        owner.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(identifier))
        owner.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(identifier, identifier))
    parts = urlsplit(deployment.database_url)
    address = parts.netloc.rpartition("@")[2]
    yield urlunsplit(parts._replace(netloc=f"{name}:modest@{address}", path=f"/{name}"))
    with psycopg.connect(deployment.database_url, autocommit=True) as owner:
        owner.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))
        owner.execute(sql.SQL("DROP ROLE {}").format(identifier))


@pytest.mark.usefixtures("without_role")
def test_a_migration_that_may_make_no_role_says_what_to_do_and_does_the_rest(
    deployment: Deployment, modest: str
) -> None:
    done = command({"ACIDWATCH_DATABASE_URL": modest}, "ledger", "migrate")
    assert done.code == 0
    assert "migrated the ledger" in done.out
    assert "there is no role acidwatch_reader" in done.err
    assert "CREATE ROLE acidwatch_reader NOLOGIN" in done.err
    with psycopg.connect(modest, autocommit=True) as owner:
        assert owner.execute("SELECT count(*) FROM olap.trends").fetchone() == (0,)
        with psycopg.connect(deployment.database_url, autocommit=True) as administrator:
            administrator.execute(f"CREATE ROLE {READER} NOLOGIN")
        assert command({"ACIDWATCH_DATABASE_URL": modest}, "ledger", "migrate").code == 0
        able = "SELECT has_schema_privilege(%s, 'olap', 'USAGE') AND has_table_privilege(%s, 'olap.trends', 'SELECT')"
        assert owner.execute(able, [READER, READER]).fetchone() == (True,)


def test_an_owner_that_may_make_no_role_lets_one_that_is_there_read(modest: str) -> None:
    done = command({"ACIDWATCH_DATABASE_URL": modest}, "ledger", "migrate")
    assert (done.code, done.err) == (0, "")
    with psycopg.connect(modest) as owner:
        assert owner.execute("SELECT has_table_privilege(%s, 'olap.run', 'SELECT')", [READER]).fetchone() == (True,)


@pytest.fixture(scope="module")
def opened(deployment: Deployment) -> Iterator[Ledger]:
    found = Ledger(PostgresSettings(database_url=deployment.database_url))
    yield found
    found.close()


def test_every_view_and_every_column_has_a_comment(opened: Ledger) -> None:
    with opened.transaction() as connection:
        columns = described(connection)
    without = [f"olap.{column.view}.{column.name}" for column in columns if not column.meaning]
    assert without == [], "COMMENT ON COLUMN is missing in the migration"
    assert [column.view for column in columns if not column.view_meaning] == []
    assert {"run_id", "dataset_version", "reference_version", "code_version"} <= {
        column.name for column in columns if column.view == "trends"
    }


def test_the_data_dictionary_is_what_the_database_says(opened: Ledger) -> None:
    with opened.transaction() as connection:
        assert DICTIONARY.read_text() == page(described(connection)), "make docs writes it"
