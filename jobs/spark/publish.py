"""Making a run visible: all its tables and its row in metrics.runs in one transaction, or none of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import Any, Literal, LiteralString

import psycopg
from psycopg import sql

from acidwatch.errors import OutcomeUnknownError, PermanentError
from jobs.spark.postgres import Connection
from jobs.spark.site_rows import SiteRows

LOCK = 0x61636964_6D657472  # one publication at a time; "acidmetr"

Scope = Literal["site", "programme", "site or programme", "region", "all"]

_STANDS: dict[Scope, LiteralString] = {
    "site": "site_id <> ALL (%(sites)s)",
    "programme": "program_id <> ALL (%(programmes)s)",
    "site or programme": "CASE WHEN site_id IS NULL THEN program_id <> ALL (%(programmes)s) ELSE site_id <> ALL (%(sites)s) END",
    "region": "region <> ALL (%(regions)s)",
    "all": "false",
}
"""Rows of an earlier run that are another one's too. A site is touched by its name, in every programme."""

STATISTICS = ("mean", "stddev", "min", "q1", "median", "q3", "max", "first_date", "last_date")
TABLES: dict[str, tuple[str, ...]] = {
    "site": ("program_id", "site_id", "parameter", "unit", "n", *STATISTICS),
    "method": ("program_id", "parameter", "method", "unit", "n", "ambiguous", *STATISTICS),
    "category": ("category", "value", "parameter", "unit", "samples", "n", "mean", "median"),
    "annual": ("program_id", "site_id", "parameter", "year", "unit", "n", "censored", "negative", "mean", "median", "months",
               "method"),
    "trend": ("program_id", "site_id", "parameter", "variant", "unit", "region", "first_year", "last_year", "n_years", "n",
              "n_censored", "s", "var_s", "z", "p", "slope", "slope_low", "slope_high", "percent_per_year", "class", "confidence",
              "confidence_class", "reason", "caution", "seasons_p", "fixed", "step_year", "step_p", "method_changes"),
    "region": ("region", "parameter", "site_set", "variant", "unit", "first_year", "last_year", "n_sites",
               "median_slope", "q25_slope", "q75_slope", "improving_percent", "worsening_percent", "rising_percent",
               "falling_percent", "kendall_s", "kendall_z", "kendall_p", "kendall_slope", "kendall_low", "kendall_high",
               "direction", "direction_share", "direction_confidence"),
    "acidity_year": ("program_id", "site_id", "year", "samples", "n", "acidic", "anc_0_50", "anc_50_100", "anc_100_up", "min_anc_ueq_l",
                     "median_anc_ueq_l", "min_ph", "acid_samples", "anc_values"),
    "acidity_site": ("program_id", "site_id", "samples", "first_date", "last_date", "first_n", "first_median_anc_ueq_l", "first_class",
                     "last_n", "last_median_anc_ueq_l", "last_class", "classes_moved", "last_acidic_date", "days_since_acidic", "episodes"),
    "acid_episode": ("program_id", "site_id", "episode", "first_date", "last_date", "samples", "min_anc_ueq_l", "min_ph", "ended_by"),
    "completeness": ("program_id", "site_id", "parameter", "year", "column_name", "samples", "n", "censored", "good", "not_evaluated",
                     "suspect", "fail", "missing", "tests_evaluated", "tests_defined", "outside_range", "outliers", "outliers_checked"),
    "sample_rule": ("program_id", "site_id", "year", "rule", "parameter", "severity", "n", "checked"),
    "distribution": ("program_id", "quantity", "site_id", "year", "n", "mean", "min", "p05", "q1", "median", "q3", "p95", "max"),
    "unit_break": ("program_id", "parameter", "first_date", "factor", "sites", "same_sites", "sharpness"),
    "method_change": ("program_id", "parameter", "change_year", "site_id", "unit", "method_before", "method_after", "last_before",
                      "first_after", "n_before", "median_before", "n_after", "median_after", "step", "paired_sites", "paired_step"),
    "site_rows": SiteRows._fields,
}  # fmt: skip
SCOPES: dict[str, Scope] = {
    **dict.fromkeys(("site", "annual", "trend", "acidity_year", "acidity_site", "acid_episode"), "site"),
    **dict.fromkeys(("completeness", "sample_rule", "site_rows"), "site"),
    **dict.fromkeys(("method", "unit_break", "method_change"), "programme"),
    "distribution": "site or programme",
    "region": "region",
    "category": "all",
}
"""Whose rows alone a row of a table depends on; of two: on the site's where it has one."""


@dataclass(frozen=True, slots=True)
class RunKey:
    """What a run's numbers depend on; two runs with an equal key have equal tables.

    Attributes:
        members_sha256: Of the version's members: `ledger rebuild` may give a version's number to another one.
    """

    dataset_version: int
    reference_version: int
    code_version: str
    members_sha256: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """One row of metrics.runs; see 0002_metrics.sql and 0008_censored.sql for the meaning of each count."""

    run_id: int
    dataset_version: int
    reference_version: int
    code_version: str
    as_of_newest: bool
    started_at: datetime
    finished_at: datetime
    enriched_path: str
    files: int
    batches: int
    rows: int
    superseded: int
    samples: int
    measurements: int
    ambiguous: int
    without_method: int
    without_site: int
    censored: int | None
    members_sha256: str | None = None
    based_on: int | None = None
    sites_computed: int | None = None

    @property
    def key(self) -> RunKey:
        """What its numbers depend on."""
        return RunKey(self.dataset_version, self.reference_version, self.code_version, self.members_sha256)


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows of an earlier run that stand in this one too.

    Attributes:
        run_id: The earlier run.
        sites, programmes, regions: All but the rows of these.
        last_date: Last date of sampling of this run's version, from which days are counted.
    """

    run_id: int
    sites: frozenset[str]
    programmes: frozenset[str]
    regions: frozenset[str]
    last_date: date | None


class BasisGoneError(PermanentError):
    """The run that another one builds on was removed while that one was computed."""


COLUMNS = tuple(Run.__dataclass_fields__)


def published_run(connection: Connection, key: RunKey, as_of_newest: bool) -> Run | None:
    """The newest run of this key, if there is one; asked as the newest version, one shown as such comes first."""
    query = sql.SQL(
        "SELECT {} FROM metrics.runs WHERE dataset_version = %s AND reference_version = %s AND code_version = %s"
        " AND members_sha256 IS NOT DISTINCT FROM %s ORDER BY (as_of_newest AND %s) DESC, run_id DESC LIMIT 1"
    ).format(sql.SQL(", ").join(map(sql.Identifier, COLUMNS)))
    values = [*astuple(key), as_of_newest]
    row = connection.execute(query, values).fetchone()
    return None if row is None else Run(*row)


def show_as_newest(connection: Connection, run_id: int) -> None:
    """Let olap.* show a run that was made with --version, now that its version was asked for as the newest."""
    connection.execute("UPDATE metrics.runs SET as_of_newest = true WHERE run_id = %s", [run_id])


def next_run_id(connection: Connection) -> int:
    """A number for a run, taken before it starts because its folders on HDFS bear it."""
    row = connection.execute("SELECT nextval(pg_get_serial_sequence('metrics.runs', 'run_id'))").fetchone()
    return int(row[0]) if row else 0


def publish(
    connection: Connection,
    run: Run,
    tables: Mapping[str, Iterable[Sequence[Any]]],
    again: bool,
    kept: Kept | None = None,
) -> Run:
    """Publish a run, unless another process published the same key meanwhile.

    Args:
        run: The row of metrics.runs.
        tables: Rows of each table of TABLES, columns as there.
        again: Publish even so.
        kept: What is taken from an earlier run beside these rows.

    Returns:
        The run that is published now: `run`, or the other process's.

    Raises:
        BasisGoneError: The earlier run was removed meanwhile; nothing was published.
        OutcomeUnknownError: The connection broke while committing. Running again is safe: it does nothing if it was published.
    """
    connection.execute("BEGIN")
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    other = None if again else published_run(connection, run.key, run.as_of_newest)
    if other is not None and other.as_of_newest >= run.as_of_newest:
        connection.execute("ROLLBACK")
        return other
    _copy(connection, "runs", COLUMNS, [astuple(run)])
    if kept is not None:
        _keep(connection, run.run_id, kept)
    for table, columns in TABLES.items():
        _copy(connection, table, ("run_id", *columns), ((run.run_id, *row) for row in tables[table]))
    # Of the first run the planner would know nothing until autovacuum comes by: a join of two views then takes half a minute.
    filled = sql.SQL(", ").join(sql.Identifier("metrics", table) for table in ("runs", *TABLES))
    connection.execute(sql.SQL("ANALYZE {}").format(filled))
    try:
        connection.execute("COMMIT")
    except psycopg.OperationalError as error:
        raise OutcomeUnknownError(
            f"the connection broke while run {run.run_id} was being committed: run again"
        ) from error
    return run


def _keep(connection: Connection, run_id: int, kept: Kept) -> None:
    if connection.execute("SELECT 1 FROM metrics.runs WHERE run_id = %s", [kept.run_id]).fetchone() is None:
        connection.execute("ROLLBACK")
        raise BasisGoneError(f"run {kept.run_id}, which this one builds on, was removed meanwhile: run again")
    for table, columns in TABLES.items():
        values: dict[str, sql.Composable] = {column: sql.Identifier(column) for column in columns}
        if table == "acidity_site":
            values["days_since_acidic"] = sql.SQL("{}::date - last_acidic_date").format(kept.last_date)
        statement = sql.SQL("INSERT INTO {0} (run_id, {1}) SELECT {2}, {3} FROM {0} WHERE run_id = {4} AND {5}").format(
            sql.Identifier("metrics", table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            run_id,
            sql.SQL(", ").join(values.values()),
            kept.run_id,
            sql.SQL(_STANDS[SCOPES[table]]),
        )
        computed = {name: sorted(getattr(kept, name)) for name in ("sites", "programmes", "regions")}
        connection.execute(statement, computed)


def _copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier("metrics", table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
