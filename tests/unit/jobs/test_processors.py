"""How many processors a job counts on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobs.spark import session
from jobs.spark.processors import processors


@pytest.mark.parametrize(
    ("files", "counted"),
    [
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "1600000 100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({}, 8),
    ],
)
def test_a_container_has_the_processors_of_its_quota_as_the_jvm_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], counted: int
) -> None:
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert processors(tmp_path) == counted


@pytest.mark.parametrize(("count", "page"), [(2, "8m"), (session.FEW_CORES, "8m"), (session.FEW_CORES + 1, None)])
def test_pages_are_kept_small_where_the_jvm_has_few_processors(
    monkeypatch: pytest.MonkeyPatch, count: int, page: str | None
) -> None:
    monkeypatch.setattr(session, "processors", lambda: count)
    assert session._options(session.SparkSettings(), 0).get("spark.buffer.pageSize") == page
