"""Parquet files in memory."""

from __future__ import annotations

import io
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acidwatch.archive.parquet import read_parquet

TABLE = pa.table({"a": [1, 2], "b": ["x", None], "c": [[1.5], []]})

_THREADS = """
import io, os
import pyarrow as pa, pyarrow.parquet as pq
from acidwatch.archive.parquet import read_parquet
sink = io.BytesIO()
pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), sink)
before = len(os.listdir("/proc/self/task"))
read_parquet(sink.getvalue()), read_parquet(sink.getvalue(), ["b"])
print(len(os.listdir("/proc/self/task")) - before)
"""


def file_of(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def test_a_file_is_read_whole_or_by_columns_in_the_order_asked_for() -> None:
    assert read_parquet(file_of(TABLE)).equals(TABLE)
    assert read_parquet(file_of(TABLE), ["c", "a"]).equals(TABLE.select(["c", "a"]))


def test_a_column_that_is_not_there_is_an_error_and_not_left_out() -> None:
    with pytest.raises(KeyError, match="d"):
        read_parquet(file_of(TABLE), ["a", "d"])


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_reading_starts_no_thread_that_could_abort_a_command_at_its_end() -> None:
    done = subprocess.run([sys.executable, "-c", _THREADS], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
