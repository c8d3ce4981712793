"""Runs of the metrics job as the database has them, without the rows of their tables."""

from __future__ import annotations

from typing import Any

import psycopg


def insert_run(connection: psycopg.Connection[Any], run_id: int, version: int, *, newest: bool = True) -> None:
    """The row of a run, with nothing in it."""
    connection.execute(
        "INSERT INTO metrics.runs (run_id, dataset_version, reference_version, code_version, as_of_newest, started_at, finished_at,"
        " enriched_path, files, batches, rows, superseded, samples, measurements, ambiguous, without_method, without_site)"
        " VALUES (%s, %s, 1, '1', %s, now(), now(), %s, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
        (run_id, version, newest, f"enriched/run={run_id}"),
    )
