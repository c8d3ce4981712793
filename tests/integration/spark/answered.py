"""What a run of the metrics job has published, to be compared with another."""

from __future__ import annotations

from typing import Any

from jobs.spark.metrics import MetricsJob
from jobs.spark.publish import TABLES, Run
from jobs.spark.results import rows_of


def published(job: MetricsJob, run: Run) -> dict[str, list[dict[str, Any]]]:
    """Every table of a run, as it is asked for, without the numbers of runs."""
    with job.connect() as connection:
        tables = {table: rows_of(connection, run, table, {}) for table in TABLES}
    for row in tables["site_rows"]:
        del row["computed_by"]
    return tables
