"""docs/queries/*.sql, each run as an analyst would on generated workbooks, against the answers beside this file.

The workbooks are seeded and equal data give equal digits, so an answer changes only with the code or the query. Then look at what
changed, and let ACIDWATCH_WRITE_ANSWERS=1 write the answers anew.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.ledger.connection import Ledger
from acidwatch.settings import HdfsSettings, PostgresSettings
from acidwatch.workbook.generate import generate
from jobs.spark.metrics import MetricsJob
from jobs.spark.publish import COLUMNS, TABLES
from services.producer.plan import plan
from tests.support.archived import TOPIC, History
from tests.support.command import command
from tests.support.readers import reader_of

pytestmark = [pytest.mark.spark, pytest.mark.timeout(1800)]

QUERIES = Path(__file__).parents[3] / "docs" / "queries"
ANSWERS = Path(__file__).parent / "answers"
NAMES = sorted(path.stem for path in QUERIES.glob("*.sql"))
OF_THE_RUN = {"code_version", "finished_at"}  # differ with every release and every run
OLDER_RUNS = 5
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def analyst(
    given_once: Any,
    servers: tuple[HdfsSettings, PostgresSettings],
    job: MetricsJob,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[psycopg.Connection[Any]]:
    """A connection that may read olap and nothing else, to results of a generated workbook; several runs lie in the tables."""
    hdfs, postgres = servers
    made = generate(4000, 3, tmp_path_factory.mktemp("generated"))
    env = {"ACIDWATCH_HDFS_URL": hdfs.hdfs_url, "ACIDWATCH_HDFS_ROOT": hdfs.hdfs_root}
    loaded = command(env, "reference", "load", "--sites", made.sites, "--methods", made.methods)
    assert loaded.code == 0, loaded.err
    history = History(HdfsStore(hdfs), Ledger(postgres))
    batches = plan(made.samples, None, 100)
    for first in range(0, batches.batches, 40):
        records = list(batches.records(TOPIC, NOW, NOW, first, first + 40))
        history.record(history.judge_records(records, int(NOW.timestamp() * 1000)))
    history.ledger.close()
    run, _ = job.run()
    assert run.rows == made.rows
    statistics = "SELECT reltuples > 0 FROM pg_class WHERE oid = 'metrics.annual'::regclass"
    assert given_once.connection.execute(statistics).fetchone() == (True,), (
        "the planner knows a run that was just published"
    )
    publish_older_runs(given_once.connection, run.run_id)
    with reader_of(postgres.database_url.get_secret_value()) as connection:
        yield connection


def publish_older_runs(connection: psycopg.Connection[Any], run_id: int) -> None:
    """Runs of earlier versions with as many rows, as there are after some weeks."""
    columns = ", ".join(name for name in COLUMNS if name not in {"run_id", "dataset_version"})
    for number in range(1, OLDER_RUNS + 1):
        ids = {"copy": run_id + number, "run": run_id, "back": number}
        connection.execute(
            f"INSERT INTO metrics.runs (run_id, dataset_version, {columns})"
            f" SELECT %(copy)s, dataset_version - %(back)s, {columns} FROM metrics.runs WHERE run_id = %(run)s",
            ids,
        )
        for table, names in TABLES.items():
            copied = ", ".join(names)
            connection.execute(
                f"INSERT INTO metrics.{table} (run_id, {copied}) SELECT %(copy)s, {copied} FROM metrics.{table} WHERE run_id = %(run)s",
                ids,
            )
    connection.execute("ANALYZE")


@pytest.mark.parametrize("name", NAMES)
def test_a_documented_query_gives_its_answer(analyst: psycopg.Connection[Any], name: str) -> None:
    cursor = analyst.execute((QUERIES / f"{name}.sql").read_text().encode())
    columns = [column.name for column in cursor.description or ()]
    rows = [[shown(column, value) for column, value in zip(columns, row, strict=True)] for row in cursor]
    answer = ANSWERS / f"{name}.csv"
    if os.environ.get("ACIDWATCH_WRITE_ANSWERS"):
        with answer.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([columns, *rows])
    with answer.open(newline="") as file:
        expected = list(csv.reader(file))
    assert columns == expected[0]
    assert len(rows) == len(expected) - 1 > 0, "a query without rows shows nothing"
    for found, wanted in zip(rows, expected[1:], strict=True):
        assert [comparable(cell) for cell in found] == [comparable(cell) for cell in wanted]


def shown(column: str, value: Any) -> str:
    """A value as the answers have it."""
    if column in OF_THE_RUN and value is not None:
        return "..."
    return "" if value is None else str(value)


def comparable(cell: str) -> Any:
    """A number may differ where sums differ in their last digit."""
    return pytest.approx(float(cell), rel=1e-9, abs=1e-12) if re.fullmatch(r"-?\d+\.\d+", cell) else cell


@pytest.mark.parametrize("name", NAMES)
def test_a_documented_query_reaches_the_rows_of_its_run_by_an_index(
    analyst: psycopg.Connection[Any], given_once: Any, name: str
) -> None:
    """A table of a few pages is rightly read whole."""
    pages = "SELECT relname FROM pg_class WHERE relnamespace = 'metrics'::regnamespace AND relpages > 40"
    large = {table for (table,) in given_once.connection.execute(pages)}
    assert large >= {"annual", "trend", "completeness", "sample_rule"}
    explained = analyst.execute(f"EXPLAIN (FORMAT JSON) {(QUERIES / name).with_suffix('.sql').read_text()}".encode())
    ((plans,),) = explained.fetchall()
    assert large & set(read_whole(plans[0]["Plan"])) == set()


def read_whole(node: dict[str, Any]) -> Iterator[str]:
    """The tables that a plan reads from their first to their last page."""
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"]
    for below in node.get("Plans", []):
        yield from read_whole(below)


def test_there_are_at_least_twenty_queries_with_one_answer_each() -> None:
    assert len(NAMES) >= 20
    assert [name[:2] for name in NAMES] == [f"{number:02}" for number in range(1, len(NAMES) + 1)]
    assert sorted(path.stem for path in ANSWERS.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_documented_query_says_its_question_how_to_read_it_and_its_units(name: str) -> None:
    text = (QUERIES / f"{name}.sql").read_text()
    header = "".join(line for line in text.splitlines(keepends=True) if line.startswith("--"))
    assert text.startswith(header)
    assert re.match(r"-- [^\n]+\?\n--\n-- Read: .+\n-- Units: ", header, re.DOTALL)
    assert set(re.findall(r"\b(\w+)\.\w+", text[len(header) :])) & {"ledger", "metrics", "public"} == set()
    assert "olap." in text[len(header) :]
