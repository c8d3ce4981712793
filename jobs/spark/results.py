"""Asking the published results: which run answers, and its rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import sql

from acidwatch.errors import UnusableInputError
from jobs.spark.postgres import Connection
from jobs.spark.publish import COLUMNS, TABLES, Run

ORDER = {
    "site": ("program_id", "site_id", "parameter"),
    "method": ("program_id", "parameter", "method"),
    "category": ("category", "value", "parameter"),
    "annual": ("program_id", "site_id", "parameter", "year"),
    "trend": ("program_id", "site_id", "parameter", "variant"),
    "region": ("region", "parameter", "site_set"),
    "acidity_year": ("program_id", "site_id", "year"),
    "acidity_site": ("program_id", "site_id"),
    "acid_episode": ("program_id", "site_id", "episode"),
    "completeness": ("program_id", "site_id", "parameter", "year"),
    "sample_rule": ("program_id", "site_id", "year", "rule"),
    "distribution": ("program_id", "quantity", "site_id", "year"),
    "unit_break": ("program_id", "parameter", "first_date"),
    "method_change": ("program_id", "parameter", "change_year", "site_id"),
    "site_rows": ("program_id", "site_id"),
}


def find_run(connection: Connection, version: int | None) -> Run:
    """The run that answers: what olap.* shows, or the newest run of a chosen dataset version.

    Raises:
        UnusableInputError: There is no such run yet.
    """
    columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    if version is None:
        query = sql.SQL("SELECT {} FROM metrics.runs WHERE run_id = (SELECT run_id FROM olap.run)").format(columns)
        row = connection.execute(query).fetchone()
    else:
        query = sql.SQL("SELECT {} FROM metrics.runs WHERE dataset_version = %s ORDER BY run_id DESC LIMIT 1").format(
            columns
        )
        row = connection.execute(query, [version]).fetchone()
    if row is not None:
        return Run(*row)
    if version is None:
        raise UnusableInputError("there is no metrics run yet: run `acidwatch job metrics`")
    raise UnusableInputError(
        f"there is no metrics run of version {version} yet: run `acidwatch job metrics --version {version}`"
    )


def rows_of(
    connection: Connection, run: Run, table: str, filters: Mapping[str, str | None], limit: int | None = None
) -> list[dict[str, Any]]:
    """Rows of one table of a run.

    Args:
        table: One of `publish.TABLES`.
        filters: Column and the value it must have, upper or lower case alike; None = any.
        limit: At most so many rows.

    Returns:
        One mapping a row, in the order of its key.
    """
    wanted = [(column, value) for column, value in filters.items() if value is not None]
    query = sql.SQL("SELECT {columns} FROM {table} WHERE run_id = %s{where} ORDER BY {order} LIMIT %s").format(
        columns=sql.SQL(", ").join(map(sql.Identifier, TABLES[table])),
        table=sql.Identifier("metrics", table),
        where=sql.SQL("").join(
            sql.SQL(" AND lower({}::text) = lower(%s)").format(sql.Identifier(name)) for name, _ in wanted
        ),
        order=sql.SQL(", ").join(map(sql.Identifier, ORDER[table])),
    )
    found = connection.execute(query, [run.run_id, *(value for _, value in wanted), limit]).fetchall()
    return [dict(zip(TABLES[table], row, strict=True)) for row in found]
