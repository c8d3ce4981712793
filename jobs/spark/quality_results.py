"""Asking the published acidity and quality: class changes between any two periods, rules counted over any grouping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from acidwatch.chemistry.classes import ANC_CLASSES, class_rank
from jobs.spark.postgres import Connection
from jobs.spark.publish import Run

Years = tuple[int, int]
"""First and last year, both included."""

GROUPS = ("program_id", "site_id", "parameter", "year")

_BETWEEN = sql.SQL(
    "SELECT s.program_id, s.site_id, count(v) FILTER (WHERE y.year BETWEEN %(first_from)s AND %(first_to)s) AS first_n,"
    " percentile_cont(0.5) WITHIN GROUP (ORDER BY v) FILTER (WHERE y.year BETWEEN %(first_from)s AND %(first_to)s),"
    " count(v) FILTER (WHERE y.year BETWEEN %(last_from)s AND %(last_to)s),"
    " percentile_cont(0.5) WITHIN GROUP (ORDER BY v) FILTER (WHERE y.year BETWEEN %(last_from)s AND %(last_to)s)"
    " FROM metrics.acidity_site s LEFT JOIN metrics.acidity_year y USING (run_id, program_id, site_id)"
    " LEFT JOIN LATERAL unnest(y.anc_values) v ON true WHERE s.run_id = %(run_id)s GROUP BY s.program_id, s.site_id"
)


def class_changes(connection: Connection, run: Run, first: Years, last: Years) -> dict[tuple[str, str], dict[str, Any]]:
    """Class of each site's median ANC in two periods, from the published values of each year.

    Returns:
        By (program_id, site_id): `first_n`, `first_median_anc_ueq_l`, `first_class`, the same of the last period, `classes_moved`.
    """
    periods = {"first_from": first[0], "first_to": first[1], "last_from": last[0], "last_to": last[1]}
    found = connection.execute(_BETWEEN, {"run_id": run.run_id, **periods}).fetchall()
    changes: dict[tuple[str, str], dict[str, Any]] = {}
    for programme, site, first_n, first_median, last_n, last_median in found:
        ranks = [None if median is None else class_rank(median) for median in (first_median, last_median)]
        names = [None if rank is None else ANC_CLASSES[rank].name for rank in ranks]
        changes[programme, site] = {
            "first_n": first_n,
            "first_median_anc_ueq_l": first_median,
            "first_class": names[0],
            "last_n": last_n,
            "last_median_anc_ueq_l": last_median,
            "last_class": names[1],
            "classes_moved": None if ranks[0] is None or ranks[1] is None else ranks[1] - ranks[0],
        }
    return changes


def rules_counted(
    connection: Connection,
    run: Run,
    by: Sequence[str],
    filters: Mapping[str, str | int | None],
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """How often each rule is broken, and how often it could be tested.

    Args:
        by: Columns of GROUPS to count by; those that are filtered are counted by too.
        filters: Column of metrics.quality and the value it must have, upper or lower case alike; None = any.
        limit: At most so many rows.

    Returns:
        One mapping for each rule and group: `rule`, `severity`, the columns counted by, `n`, `checked`.
    """
    wanted = [(column, value) for column, value in filters.items() if value is not None]
    columns = ["rule", "severity", *(name for name in GROUPS if name in by or filters.get(name) is not None)]
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    query = sql.SQL(
        "SELECT {names}, sum(n)::bigint, sum(checked)::bigint FROM metrics.quality WHERE run_id = %s{where}"
        " GROUP BY {names} ORDER BY {names} LIMIT %s"
    ).format(
        names=names,
        where=sql.SQL("").join(
            sql.SQL(" AND lower({}::text) = lower(%s)").format(sql.Identifier(name)) for name, _ in wanted
        ),
    )
    found = connection.execute(query, [run.run_id, *(str(value) for _, value in wanted), limit]).fetchall()
    return [dict(zip((*columns, "n", "checked"), row, strict=True)) for row in found]


def sites_between(
    rows: Sequence[Mapping[str, Any]], changes: Mapping[tuple[str, str], Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Rows of acidity_site with the classes of two other periods."""
    return [{**row, **changes[row["program_id"], row["site_id"]]} for row in rows]
