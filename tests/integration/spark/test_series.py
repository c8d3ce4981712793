"""One series a site and its annual values, on small frames and against pandas."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from acidwatch.contract.columns import MEASUREMENTS
from jobs.spark.schemas import CLEAN, MEMBERS, METHODS_TABLE
from jobs.spark.transforms.annual import by_year
from jobs.spark.transforms.series import series_samples, series_values

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]

SCHEMA = StructType([*CLEAN.fields, *MEMBERS.fields[3:]])


def sample(
    site: str = "1", location: str = "EPI", year: int = 2000, month: int = 6, day: int = 1, **values: Any
) -> dict[str, Any]:
    return {
        "PROGRAM_ID": "LTM_ALTM",
        "SITE_ID": site,
        "DATE_SMP": datetime(year, month, day),
        "SAMPLE_LOCATION": location,
        "SAMPLE_TYPE": "Regular",
        "WATERBODY_TYPE": "Lake",
    } | values


def samples(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    return spark.createDataFrame([tuple(row.get(name) for name in SCHEMA.fieldNames()) for row in rows], SCHEMA)


def methods(spark: SparkSession, *rows: tuple[str, str, int, int | None, str]) -> DataFrame:
    return spark.createDataFrame([(*row, None) for row in rows], METHODS_TABLE)


def locations(spark: SparkSession, *rows: dict[str, Any]) -> set[tuple[str, str]]:
    return {(row.SITE_ID, row.SAMPLE_LOCATION) for row in series_samples(samples(spark, *rows)).collect()}


def test_deep_water_is_left_out_and_surface_and_outlet_are_one_series(spark: SparkSession) -> None:
    found = locations(
        spark, sample("1", "EPI"), sample("1", "OUT"), sample("1", "HYPO"), sample("2", "Stream"), sample("3", "HYPO")
    )
    assert found == {("1", "EPI"), ("1", "OUT"), ("2", "Stream")}


def test_at_a_site_with_inlet_samples_the_location_with_most_years_stands_alone(spark: SparkSession) -> None:
    few_years = [sample("1", "EPI", 2000, month) for month in (5, 6, 7, 8)]
    inlet = [sample("1", "IN", year) for year in (2001, 2002, 2003)]
    outlet = [sample("1", "OUT", year) for year in (2001, 2002)]
    neighbour = [sample("2", "EPI"), sample("2", "OUT")]
    assert locations(spark, *few_years, *inlet, *outlet, *neighbour) == {("1", "IN"), ("2", "EPI"), ("2", "OUT")}


def test_deep_years_do_not_count_for_the_location_with_most_years(spark: SparkSession) -> None:
    deep = [sample("1", "HYPO", year) for year in range(1990, 1999)]
    rows = [*deep, sample("1", "IN", 2000), sample("1", "EPI", 2000), sample("1", "EPI", 2000, 7)]
    assert locations(spark, *rows) == {("1", "EPI")}, "as many years: the one with most samples"


def test_one_lake_in_two_programmes_has_two_series(spark: SparkSession) -> None:
    rows = [sample("1", "IN"), sample("1", "EPI", PROGRAM_ID="LTM_ME")]
    assert locations(spark, *rows) == {("1", "IN"), ("1", "EPI")}


def test_derived_parameters_are_made_in_each_sample_and_only_where_their_parts_are(spark: SparkSession) -> None:
    ions = {
        "CA_UEQ_L": 100.0,
        "MG_UEQ_L": 40.0,
        "NA_UEQ_L": 50.0,
        "K_UEQ_L": 10.0,
        "SO4_UEQ_L": 80.0,
        "NO3_UEQ_L": 10.0,
        "CL_UEQ_L": 20.0,
    }
    rows = [
        sample("whole", NH4_UEQ_L=5.0, **ions),
        sample("no ammonium", **ions),
        sample("no potassium", **{**ions, "K_UEQ_L": None}),
        sample("much salt", CL_UEQ_L=1000.0, SO4_UEQ_L=3.0),
    ]
    names = {"CA_MG", "BC", "ANC_CALC", "SO4_SEASALT_CORRECTED", "CA_SEASALT_CORRECTED", "MG_SEASALT_CORRECTED"}
    found: dict[str, dict[str, float]] = {}
    for row in series_values(samples(spark, *rows)).collect():
        if row.parameter in names:
            found.setdefault(row.site_id, {})[row.parameter] = row.value
    corrected = {"SO4_SEASALT_CORRECTED": 77.94, "CA_SEASALT_CORRECTED": 99.26, "MG_SEASALT_CORRECTED": 36.08}
    assert found["whole"] == pytest.approx({"CA_MG": 140.0, "BC": 200.0, "ANC_CALC": 95.0, **corrected})
    assert found["no ammonium"] == pytest.approx({"CA_MG": 140.0, "BC": 200.0, "ANC_CALC": 90.0, **corrected})
    assert found["no potassium"] == pytest.approx({"CA_MG": 140.0, **corrected})
    assert found["much salt"] == pytest.approx({"SO4_SEASALT_CORRECTED": -100.0}), "not clipped"


def test_a_year_has_its_mean_median_months_and_method(spark: SparkSession) -> None:
    rows = [
        sample(month=1, SO4_UEQ_L=-1.0),
        sample(month=1, day=2, SO4_UEQ_L=2.0),
        sample(month=12, SO4_UEQ_L=8.0, SAMPLE_TYPE="Annual"),
        sample(year=2001, SO4_UEQ_L=4.0),
    ]
    of_so4 = methods(spark, ("LTM_ALTM", "SO4", 1990, 2000, "IC"), ("LTM_ALTM", "CL", 2001, None, "other"))
    found = {row.year: row for row in by_year(series_values(samples(spark, *rows)), of_so4).collect()}
    assert (found[2000].n, found[2000].negative, found[2000]["mean"], found[2000].median) == (3, 1, 3.0, 2.0)
    assert found[2000].months == [0.5, *[None] * 10, 8.0]
    assert (found[2000].method, found[2001].method) == ("IC", None)
    assert (found[2001].n, found[2001]["mean"], found[2001].months[5]) == (1, 4.0, 4.0)


def test_annual_and_monthly_means_equal_pandas_however_the_rows_are_spread(spark: SparkSession) -> None:
    random = np.random.default_rng(4)
    rows = [
        sample(
            str(random.integers(0, 3)), str(random.choice(["EPI", "OUT", "HYPO"])), int(random.integers(1990, 1996)),
            int(random.integers(1, 13)), int(random.integers(1, 28)),
            **{column.name: float(random.lognormal(2, 1)) for column in MEASUREMENTS if random.random() < 0.7},
        )
        for _ in range(400)
    ]  # fmt: skip
    none = methods(spark)
    spread = [samples(spark, *rows).repartition(parts) for parts in (1, 7)]
    first, second = (sorted(map(repr, by_year(series_values(series_samples(one)), none).collect())) for one in spread)
    assert first == second, "the same to the last digit"
    wide = pd.DataFrame(rows).query("SAMPLE_LOCATION != 'HYPO'")
    wide["year"], wide["month"] = wide["DATE_SMP"].dt.year, wide["DATE_SMP"].dt.month
    got = by_year(series_values(series_samples(spread[0])), none).toPandas()
    for column in (MEASUREMENTS[0], MEASUREMENTS[-1]):
        mine = got[got["parameter"] == column.parameter].set_index(["site_id", "year"]).sort_index()
        groups = wide.dropna(subset=column.name).groupby(["SITE_ID", "year"])[column.name]
        assert mine["n"].tolist() == groups.count().tolist()
        assert mine["mean"].tolist() == pytest.approx(groups.mean().tolist(), rel=1e-12)
        assert mine["median"].tolist() == pytest.approx(groups.median().tolist(), rel=1e-12)
        by_month = (
            wide.groupby(["SITE_ID", "year", "month"])[column.name].mean().unstack().reindex(columns=range(1, 13))
        )
        want = by_month.loc[mine.index].to_numpy(dtype=float)
        assert np.array(mine["months"].tolist(), dtype=float) == pytest.approx(want, rel=1e-12, nan_ok=True)
