"""Whole tables out of the database and into it, by COPY: every table of the schemas ledger and metrics, whatever migrations made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from psycopg import sql

from acidwatch.ledger.connection import Connection

SCHEMAS = ["ledger", "metrics"]
_PRISTINE = "ledger.datasets"  # migrations put its row there


@dataclass(frozen=True, slots=True)
class Table:
    """A table, and its columns in their order."""

    name: str  # schema.table
    columns: tuple[str, ...]

    @property
    def identifier(self) -> sql.Composable:
        """As it stands in a statement."""
        return sql.Identifier(*self.name.split(".", 1))

    @property
    def column_list(self) -> sql.Composable:
        """As it stands in a statement."""
        return sql.SQL(", ").join(map(sql.Identifier, self.columns))


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence and where it stands; `last_value` None = never used."""

    name: str
    last_value: int | None


def snapshot(connection: Connection) -> None:
    """Make the transaction that has just begun see one moment of the database, however long it takes."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    for_long(connection)


def for_long(connection: Connection) -> None:
    """No time limits in this transaction, and one way to write values as text, whatever the server's settings are."""
    for setting, value in (
        ("statement_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("timezone", "UTC"),
        ("datestyle", "ISO, YMD"),
        ("intervalstyle", "postgres"),
        ("extra_float_digits", "1"),
    ):
        connection.execute("SELECT set_config(%s, %s, true)", (setting, value))


def tables(connection: Connection) -> list[Table]:
    """Every table, by name."""
    rows = connection.execute(
        "SELECT n.nspname || '.' || c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE n.nspname = ANY(%s) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''"
        " GROUP BY 1 ORDER BY 1",
        (SCHEMAS,),
    )
    return [Table(row["name"], tuple(row["columns"])) for row in rows]


def sequences(connection: Connection) -> list[Sequence]:
    """Every sequence, by name."""
    rows = connection.execute(
        "SELECT schemaname || '.' || sequencename AS name FROM pg_sequences WHERE schemaname = ANY(%s) ORDER BY 1",
        (SCHEMAS,),
    ).fetchall()
    return [Sequence(row["name"], _last_value(connection, row["name"])) for row in rows]


def _last_value(connection: Connection, name: str) -> int | None:
    # Of one that may not be read pg_sequences says that it was never used; this is an error then.
    row = connection.execute(sql.SQL("SELECT last_value, is_called FROM {}").format(_identifier(name))).fetchone()
    return int(row["last_value"]) if row is not None and row["is_called"] else None


def filled_tables(connection: Connection, schema: str | None = None) -> list[str]:
    """Tables with rows in them, of one schema or all; empty for a database that was migrated and never used."""
    filled = []
    for table in tables(connection):
        if schema is not None and not table.name.startswith(schema + "."):
            continue
        condition = sql.SQL("WHERE newest_version > 0" if table.name == _PRISTINE else "")
        query = sql.SQL("SELECT EXISTS (SELECT FROM {} {}) AS filled").format(table.identifier, condition)
        row = connection.execute(query).fetchone()
        if row is not None and row["filled"]:
            filled.append(table.name)
    return filled


def copy_out(connection: Connection, table: Table) -> Iterator[bytes]:
    """The rows of a table as COPY writes them, in one order whatever the database's collation."""
    statement = sql.SQL('COPY (SELECT {} FROM {} AS t ORDER BY t::text COLLATE "C") TO STDOUT').format(
        table.column_list, table.identifier
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for chunk in copy:
            yield bytes(chunk)


def replace_all(connection: Connection, contents: Iterable[tuple[Table, bytes]]) -> None:
    """Empty all tables and fill them with what `copy_out` gave; foreign keys are checked when all are filled."""
    keys = connection.execute(
        "SELECT conrelid::regclass::text AS name, conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint"
        " WHERE contype = 'f' AND connamespace::regnamespace::text = ANY(%s)",
        (SCHEMAS,),
    ).fetchall()
    # batches refer to versions, versions to attempts and these to batches: no order of filling would do.
    for key in keys:
        names = _identifier(key["name"]), sql.Identifier(key["conname"])
        connection.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(*names))
    everything = sql.SQL(", ").join(table.identifier for table in tables(connection))
    connection.execute(sql.SQL("TRUNCATE {}").format(everything))
    for table, data in contents:
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(table.identifier, table.column_list)
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(data)
    for key in keys:
        names = _identifier(key["name"]), sql.Identifier(key["conname"])
        connection.execute(sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(*names, sql.SQL(key["definition"])))


def set_sequence(connection: Connection, sequence: Sequence) -> None:
    """Let a sequence go on where it stood."""
    first = sequence.last_value is None
    connection.execute("SELECT setval(%s::regclass, %s, %s)", (sequence.name, sequence.last_value or 1, not first))


def audit_from(connection: Connection, newest: int) -> None:
    """Number the next entries of the audit after this one: the journal on HDFS may know entries that this database does not."""
    if newest:
        connection.execute(
            "SELECT setval(s, greatest(%s, coalesce(pg_sequence_last_value(s::regclass), 0)))"
            " FROM pg_get_serial_sequence('ledger.audit', 'audit_id') AS s",
            (newest,),
        )


def _identifier(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split(".", 1))
