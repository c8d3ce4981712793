"""Eight writers at once, 200 commits each: no gap, no lost update, and how long a commit takes with seven others in its way."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
from pydantic import SecretStr

from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.migrate import migrate
from acidwatch.ledger.record import record
from acidwatch.settings import PostgresSettings, load
from bench.figure import Figure
from bench.size import Size
from deploy.local.stack import Stack
from tests.support.deployment import Deployment
from tests.support.outcomes import outcome

WRITERS, COMMITS, RUNS = 8, 200, 3


def ledger_writers(stack: Stack, _size: Size, folder: Path) -> list[Figure]:
    """Measure it.

    Returns:
        `ledger.commit_p50_milliseconds.8_writers`, `...p99...` and commits per second of all writers together.

    Raises:
        RuntimeError: A version is missing or twice, or rows were lost: the figures would be worthless.
    """
    database_url = Deployment(stack, "bench_writers", folder).database_url
    settings = load(PostgresSettings, database_url=SecretStr(database_url))
    migrate(settings)
    runs = [_run(settings, number) for number in range(RUNS)]
    with psycopg.connect(database_url) as connection:
        versions = [row[0] for row in connection.execute("SELECT version FROM ledger.versions ORDER BY version")]
        ((rows,),) = connection.execute("SELECT rows FROM ledger.datasets").fetchall()
    made = RUNS * WRITERS * COMMITS
    if versions != list(range(1, made + 1)) or rows != made * 100:
        raise RuntimeError(f"{made} commits made {len(versions)} versions, the newest {versions[-1]}, with {rows} rows")
    names = (
        "ledger.commit_p50_milliseconds.8_writers",
        "ledger.commit_p99_milliseconds.8_writers",
        "ledger.commits_per_second.8_writers",
    )
    units = ("ms", "ms", "commits/s")
    return [
        Figure(name, unit, values) for name, unit, values in zip(names, units, zip(*runs, strict=True), strict=True)
    ]


def _run(settings: PostgresSettings, number: int) -> tuple[float, float, float]:
    ledger = Ledger(settings, most_connections=WRITERS)
    ready = threading.Barrier(WRITERS)

    def write(writer: int) -> list[float]:
        ready.wait()
        taken = []
        for commit in range(COMMITS):
            offset = (number * WRITERS + writer) * COMMITS + commit
            made = outcome(f"batch-{offset}", offset)
            began = time.perf_counter()
            with ledger.transaction() as connection:
                record(connection, [made])
            taken.append((time.perf_counter() - began) * 1000)
        return taken

    began = time.perf_counter()
    with ThreadPoolExecutor(WRITERS) as threads:
        taken = sorted(value for values in threads.map(write, range(WRITERS)) for value in values)
    seconds = time.perf_counter() - began
    ledger.close()
    return taken[len(taken) // 2], taken[int(len(taken) * 0.99)], len(taken) / seconds
