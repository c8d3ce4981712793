"""The live job's tables: taking batches in and following the dataset, each in one transaction, so that repeating it changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import orjson
from psycopg import sql
from psycopg.types.json import set_json_loads

from acidwatch.contract.alerts import Alert
from acidwatch.ledger.connection import Connection
from jobs.spark.live.site import Sample, Site
from jobs.spark.live.verdicts import Batch
from jobs.spark.live.watching import take_in

Name = tuple[str, str]
"""A site: PROGRAM_ID and SITE_ID."""

SAMPLE_COLUMNS = (
    "batch_id",
    "attempt",
    "row",
    "program_id",
    "site_id",
    "sampled_at",
    "sample_location",
    "sample_depth",
    "values",
)
SITE_COLUMNS = ("program_id", "site_id", "parameter", "unit", "last_value", "last_sampled_at", "mean", "n", "samples", "anc_class",
                "last_batch", "updated_at")  # fmt: skip
ALERT_COLUMNS = ("raised_at", *(field.name for field in fields(Alert)))


@dataclass(slots=True)
class Done:
    """What a transaction, or several, did.

    Attributes:
        batches, rows: Taken in.
        sites: Whose figures were computed anew.
        alerts: Raised.
    """

    batches: int = 0
    rows: int = 0
    sites: int = 0
    alerts: int = 0

    def add(self, other: Done) -> None:
        """Count another one too."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def advance(connection: Connection, batches: Sequence[Batch], rows: Iterable[Sequence[Any]], now: datetime) -> Done:
    """Take accepted batches in, each once ever, and follow what changed in the dataset since the last time.

    Args:
        batches: In the order in which they were recorded.
        rows: Their samples, SAMPLE_COLUMNS; those of a batch that was taken in before are left out.
        now: Time of the figures and alerts.
    """
    set_json_loads(orjson.loads, connection)
    # Between two statements lies the work on all sites, which may take minutes; nobody but another live job waits for it.
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    followed, newest = _lock(connection, now), newest_version(connection)
    new = _take(connection, batches, rows, now)
    # A version that is older than the one followed last: the ledger was made again, as a new history.
    changed = set()
    if followed != newest:
        changed = _all_sites(connection) if followed > newest else _changed(connection, followed)
    touched = _sites_of(connection, new) | changed
    alerts = _bring_up_to_date(connection, touched, new, now)
    raised = _raise(connection, alerts, now)
    connection.execute("UPDATE metrics.live_state SET version = %s, seen_at = %s", (newest, now))
    return Done(
        len(new),
        sum(batch.rows for batch in batches if (batch.batch_id, batch.attempt) in new),
        len(touched),
        raised,
    )


def newest_version(connection: Connection) -> int:
    """The newest version of the dataset; 0 = there is none."""
    row = connection.execute("SELECT coalesce(max(newest_version), 0) AS version FROM ledger.datasets").fetchone()
    return int(row["version"]) if row else 0


def _lock(connection: Connection, now: datetime) -> int:
    """One writer at a time; up to which version the dataset was followed."""
    connection.execute(
        "INSERT INTO metrics.live_state (version, seen_at) VALUES (0, %s) ON CONFLICT DO NOTHING", (now,)
    )
    row = connection.execute("SELECT version FROM metrics.live_state FOR UPDATE").fetchone()
    return int(row["version"]) if row else 0


def _take(
    connection: Connection, batches: Sequence[Batch], rows: Iterable[Sequence[Any]], now: datetime
) -> dict[tuple[str, int], int]:
    """Write what was not taken in before; (batch, attempt) and its place in the order of recording."""
    if not batches:
        return {}
    taken = connection.execute(
        "INSERT INTO metrics.live_batch (batch_id, attempt, rows, taken_at)"
        " SELECT b.batch_id, b.attempt, b.rows, %s FROM unnest(%s::text[], %s::int[], %s::int[]) AS b(batch_id, attempt, rows)"
        " ON CONFLICT DO NOTHING RETURNING batch_id, attempt",
        (now, [b.batch_id for b in batches], [b.attempt for b in batches], [b.rows for b in batches]),
    )
    keys = {(row["batch_id"], row["attempt"]) for row in taken}
    _copy(connection, "live_sample", SAMPLE_COLUMNS, (row for row in rows if (row[0], row[1]) in keys))
    return {(b.batch_id, b.attempt): b.recorded for b in batches if (b.batch_id, b.attempt) in keys}


def _sites_of(connection: Connection, batches: Iterable[tuple[str, int]]) -> set[Name]:
    keys = list(batches)
    rows = connection.execute(
        "SELECT DISTINCT s.program_id, s.site_id FROM metrics.live_sample s"
        " JOIN unnest(%s::text[], %s::int[]) AS b(batch_id, attempt) USING (batch_id, attempt)",
        ([batch_id for batch_id, _ in keys], [attempt for _, attempt in keys]),
    )
    return {(row["program_id"], row["site_id"]) for row in rows}


def _all_sites(connection: Connection) -> set[Name]:
    rows = connection.execute("SELECT DISTINCT program_id, site_id FROM metrics.live_sample")
    return {(row["program_id"], row["site_id"]) for row in rows}


def _changed(connection: Connection, version: int) -> set[Name]:
    """Sites of batches whose membership began or ended after a version: quarantined, restored, reprocessed or replaced ones too."""
    rows = connection.execute(
        "SELECT DISTINCT m.batch_id, m.attempt FROM ledger.memberships m JOIN metrics.live_batch USING (batch_id, attempt)"
        " WHERE m.from_version > %(version)s OR m.to_version > %(version)s",
        {"version": version},
    )
    return _sites_of(connection, [(row["batch_id"], row["attempt"]) for row in rows])


def _bring_up_to_date(
    connection: Connection, touched: set[Name], new: dict[tuple[str, int], int], now: datetime
) -> list[Alert]:
    """Compute the figures of sites anew from their samples in the dataset; the alerts that new batches raise at them."""
    if not touched:
        return []
    sites = {name: Site() for name in touched}
    fresh: dict[tuple[int, Name], list[Sample]] = {}
    for sample in _samples(connection, touched):
        name, recorded = (sample.program_id, sample.site_id), new.get((sample.batch_id, sample.attempt))
        if recorded is None:
            sites[name].add(sample)
        else:
            fresh.setdefault((recorded, name), []).append(sample)
    alerts = [alert for key in sorted(fresh) for alert in take_in(sites[key[1]], fresh[key])]
    connection.execute(
        "DELETE FROM metrics.live_site l USING unnest(%s::text[], %s::text[]) AS t(program_id, site_id)"
        " WHERE l.program_id = t.program_id AND l.site_id = t.site_id",
        ([programme for programme, _ in touched], [site for _, site in touched]),
    )
    figures = ({"program_id": name[0], "site_id": name[1], "updated_at": now, **row} for name in sorted(sites)
               for row in sites[name].figures())  # fmt: skip
    _copy(connection, "live_site", SITE_COLUMNS, ([row[column] for column in SITE_COLUMNS] for row in figures))
    return alerts


def _samples(connection: Connection, touched: set[Name]) -> Iterable[Sample]:
    """The samples of sites that are in the newest version of the dataset."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            "SELECT s.program_id, s.site_id, s.sampled_at, s.sample_location AS location, s.sample_depth AS depth,"
            " s.values, s.batch_id, s.attempt, s.row, o.first_sent_at, b.batch_index, b.source_id FROM metrics.live_sample s"
            " JOIN unnest(%s::text[], %s::text[]) AS t(program_id, site_id) USING (program_id, site_id)"
            " JOIN ledger.memberships m ON m.batch_id = s.batch_id AND m.attempt = s.attempt AND m.to_version IS NULL"
            " JOIN ledger.batches b ON b.batch_id = s.batch_id JOIN ledger.sources o USING (source_id)",
            ([programme for programme, _ in touched], [site for _, site in touched]),
        )
        for row in cursor:
            sent = (row.pop("first_sent_at"), row.pop("batch_index"), row.pop("source_id"))
            yield Sample(**row, sent=sent)


def _raise(connection: Connection, alerts: Sequence[Alert], now: datetime) -> int:
    """Write alerts; how many there were not before."""
    statement = sql.SQL("INSERT INTO metrics.alerts ({}) VALUES ({}) ON CONFLICT (alert_id) DO NOTHING").format(
        sql.SQL(", ").join(map(sql.Identifier, ALERT_COLUMNS)),
        sql.SQL(", ").join([sql.Placeholder()] * len(ALERT_COLUMNS)),
    )
    rows = [[now, *(getattr(alert, field.name) for field in fields(Alert))] for alert in alerts]
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)
        return cursor.rowcount


def _copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier("metrics", table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
