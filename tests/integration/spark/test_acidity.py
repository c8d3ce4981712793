"""Acidity of small series worked out by hand, and of random ones against pandas."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.spark.transforms import acidity
from tests.integration.spark.makers import Row, frame, random_samples, sample, wide

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]

AS_OF = date(2021, 1, 1)


def day(number: int, anc: float | None = None, ph: float | None = None, **more: Any) -> Row:
    return sample(DATE_SMP=datetime(2012, 5, number), ANC_UEQ_L=anc, PH_LAB=ph, row=number, **more)


def in_year(year: int, anc: float | None) -> Row:
    return sample(DATE_SMP=datetime(year, 6, 1), ANC_UEQ_L=anc)


RUNS: dict[str, tuple[list[Row], list[tuple[int, int, int]]]] = {
    "consecutive acid samples are one": (
        [day(1, 10.0), day(2, -1.0), day(3, -5.0), day(4, 3.0), day(5, -2.0), day(6, 1.0)], [(2, 3, 2), (5, 5, 1)]),
    "a low pH is acid whatever the ANC, and the limits are not": (
        [day(1, 30.0, 4.9), day(2, None, 4.5), day(3, 0.0, 5.0), day(4, -0.1, 7.0)], [(1, 2, 2), (4, 4, 1)]),
    "a sample that says nothing neither ends nor prolongs one": (
        [day(1, -1.0), day(2), day(3, -1.0), day(4), day(5, 2.0)], [(1, 3, 2)]),
    "what is missing does not hide the value that is there": (
        [day(1, -1.0, None), day(2, 5.0, None), day(3, None, 4.0), day(4, None, 6.0)], [(1, 1, 1), (3, 3, 1)]),
    "each programme has its own": (
        [day(1, -1.0), day(2, 5.0), day(3, -1.0, PROGRAM_ID="LTM_ALTM"), day(4, -1.0), day(5, -1.0, PROGRAM_ID="LTM_ALTM")],
        [(1, 1, 1), (3, 5, 2), (4, 4, 1)]),
    "samples of one moment have one order": (
        [day(1, 5.0, SAMPLE_LOCATION="OUT"), day(2, -1.0), day(1, -1.0)], [(1, 1, 1), (2, 2, 1)]),
    "how acid it was": ([day(1, -3.0, 5.2), day(2, -7.0), day(3, 4.0, 6.0), day(9, -1.0, 4.2)], [(1, 2, 2), (9, 9, 1)]),
    "water that is never acid has none": ([day(1, 5.0), day(2, 6.0, 7.0)], []),
}  # fmt: skip
LIMITS = [-0.5, 0.0, 49.9, 50.0, 100.0, None]
SITES: dict[str, list[Row]] = {
    "limits": [day(at + 1, anc) for at, anc in enumerate(LIMITS)],
    "recovers": [
        *(in_year(1990 + at, anc) for at, anc in enumerate([-20.0, -5.0, 3.0])), in_year(1995, 900.0), in_year(2015, -900.0),
        *(in_year(2016 + at, anc) for at, anc in enumerate([40.0, 60.0, 80.0, 120.0]))],
    "gets worse": [in_year(1994, 100.0), in_year(2020, -1.0)],
    "first period alone": [in_year(1992, 5.0)],
    "no ANC in the first": [in_year(1992, None), in_year(2018, 5.0)],
    "between the periods": [in_year(2005, 3.0)],
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """Rows of the three tables by site."""

    episodes: dict[str, list[Any]]
    years: dict[str, list[Any]]
    sites: dict[str, Any]


@pytest.fixture(scope="module")
def found(spark: SparkSession) -> Found:
    """Every case a site of its own: one pass of Spark for all."""
    cases = {name: rows for name, (rows, _) in RUNS.items()} | SITES
    samples = acidity.acidity_samples(
        frame(spark, [row | {"SITE_ID": name} for name, rows in cases.items() for row in rows])
    )
    runs = acidity.episodes(samples)
    episodes, years = ({name: [] for name in cases} for _ in range(2))
    for row in runs.orderBy("first_date").collect():
        episodes[row.site_id].append(row)
    for row in acidity.by_year(samples).collect():
        years[row.site_id].append(row)
    return Found(episodes, years, {row.site_id: row for row in acidity.by_site(samples, runs, F.lit(AS_OF)).collect()})


@pytest.mark.parametrize("name", list(RUNS))
def test_episodes_are_runs_of_consecutive_acid_samples(found: Found, name: str) -> None:
    assert [(row.first_date.day, row.last_date.day, row.samples) for row in found.episodes[name]] == RUNS[name][1]


def test_an_episode_says_how_acid_it_was_and_what_ended_it(found: Found) -> None:
    first, second = found.episodes["how acid it was"]
    assert (first.episode, first.min_anc_ueq_l, first.min_ph, first.ended_by) == (1, -7.0, 5.2, date(2012, 5, 3))
    assert (second.episode, second.min_anc_ueq_l, second.min_ph, second.ended_by) == (2, -1.0, 4.2, None)


def test_classes_of_a_year_count_limits_to_the_class_above(found: Found) -> None:
    (year,) = found.years["limits"]
    assert (year.samples, year.n, year.acidic, year.anc_0_50, year.anc_50_100, year.anc_100_up) == (6, 5, 1, 2, 1, 1)
    assert (year.min_anc_ueq_l, year.median_anc_ueq_l, year.min_ph, year.acid_samples) == (-0.5, 49.9, None, 1)
    assert year.anc_values == [-0.5, 0.0, 49.9, 50.0, 100.0]


def test_a_site_that_recovers_rises_by_classes(found: Found) -> None:
    site = found.sites["recovers"]
    assert (site.first_n, site.first_median_anc_ueq_l, site.first_class) == (3, -5.0, "acidic (< 0)")
    assert (site.last_n, site.last_median_anc_ueq_l, site.last_class) == (4, 70.0, "50 to 100")
    assert site.classes_moved == 2
    assert (site.last_acidic_date, site.days_since_acidic) == (date(2015, 6, 1), (AS_OF - date(2015, 6, 1)).days)
    assert (site.samples, site.first_date, site.last_date, site.episodes) == (9, date(1990, 6, 1), date(2019, 6, 1), 2)


def test_a_site_that_gets_worse_falls(found: Found) -> None:
    assert found.sites["gets worse"].classes_moved == -3


@pytest.mark.parametrize("name", ["first period alone", "no ANC in the first", "between the periods"])
def test_without_anc_in_one_of_the_periods_there_is_no_change_of_class(found: Found, name: str) -> None:
    site = found.sites[name]
    assert site.classes_moved is None
    assert (site.last_acidic_date, site.days_since_acidic, site.episodes) == (None, None, 0)


def plain_episodes(rows: pd.DataFrame) -> list[tuple[Any, ...]]:
    """The definition, sample by sample."""
    found: list[tuple[Any, ...]] = []
    for key, series in rows.sort_values("DATE_SMP").groupby(["PROGRAM_ID", "SITE_ID"]):
        run: list[Any] = []
        for row in series.itertuples():
            if np.isnan(row.ANC_UEQ_L) and np.isnan(row.PH_LAB):
                continue
            if row.ANC_UEQ_L < 0 or row.PH_LAB < 5:
                run.append(row)
                continue
            if run:
                found.append((*key, run))
            run = []
        if run:
            found.append((*key, run))
    return [
        (programme, site_id, run[0].DATE_SMP.date(), run[-1].DATE_SMP.date(), len(run),
         np.nanmin([row.ANC_UEQ_L for row in run] + [np.inf]), np.nanmin([row.PH_LAB for row in run] + [np.inf]))
        for programme, site_id, run in found
    ]  # fmt: skip


def test_random_series_equal_pandas(spark: SparkSession) -> None:
    rows = random_samples(700)
    table, samples = wide(rows), acidity.acidity_samples(frame(spark, rows))
    got = acidity.episodes(samples).orderBy("program_id", "site_id", "episode").collect()
    mine = [
        (row.program_id, row.site_id, row.first_date, row.last_date, row.samples,
         np.inf if row.min_anc_ueq_l is None else row.min_anc_ueq_l, np.inf if row.min_ph is None else row.min_ph)
        for row in got
    ]  # fmt: skip
    assert mine == plain_episodes(table)
    assert max(row.samples for row in got) > 3
    years = acidity.by_year(samples).toPandas().set_index(["program_id", "site_id", "year"]).sort_index()
    groups = table.groupby(["PROGRAM_ID", "SITE_ID", table["DATE_SMP"].dt.year])
    assert years["samples"].tolist() == groups.size().tolist()
    assert years["acidic"].tolist() == groups["ANC_UEQ_L"].agg(lambda anc: (anc < 0).sum()).tolist()
    assert years["median_anc_ueq_l"].tolist() == groups["ANC_UEQ_L"].median().tolist()
    assert years["min_ph"].tolist() == groups["PH_LAB"].min().tolist()
