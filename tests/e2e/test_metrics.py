"""What the job publishes, against what pandas computes straight from the workbooks: generated ones, and EPA's where they are."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pymannkendall
import pytest

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.settings import HdfsSettings, load
from acidwatch.trends.series import DEFAULT_PERIOD, Period
from acidwatch.trends.site import VARIANTS
from deploy.local.stack import Stack
from jobs.spark.periods import regions_over, trends_over
from jobs.spark.publish import COLUMNS, TABLES
from jobs.spark.results import find_run, rows_of
from jobs.spark.trends import trend_tables
from tests.support.browser import Opened, chromium
from tests.support.deployment import REAL_DATA, Deployment

pytestmark = pytest.mark.timeout(1800)

BUSY = 1500.0  # seconds; a quiet machine needs a twentieth
SITE = ["PROGRAM_ID", "SITE_ID"]
TREND_KEY = ["program_id", "site_id", "parameter"]


@dataclass(frozen=True)
class Answered:
    """A deployment that has run the job on a workbook, and the workbooks as pandas reads them."""

    deployment: Deployment
    job: dict[str, Any]
    samples: pd.DataFrame
    methods: pd.DataFrame
    sites: pd.DataFrame

    @property
    def measurements(self) -> pd.DataFrame:
        """One row per value: the sample's columns, parameter, value."""
        frames = []
        for column in MEASUREMENTS:
            frame = self.samples.drop(columns=[other.name for other in MEASUREMENTS])
            frames.append(frame.assign(parameter=column.parameter, unit=column.unit, value=self.samples[column.name]))
        return pd.concat(frames).dropna(subset="value")


def read(path: Path) -> pd.DataFrame:
    """A workbook as text and numbers, with NA as the text that it is."""
    frame = pd.read_excel(path, dtype={"SITE_ID": str}, keep_default_na=False, na_values=[""], engine="calamine")
    return frame


@pytest.fixture(scope="module")
def answered(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answered]:
    """EPA's workbooks where they are, generated ones otherwise."""
    deployment = Deployment(stack, "metrics", tmp_path_factory.mktemp("metrics"))
    if REAL_DATA.is_dir():
        samples, methods, sites = (
            next(REAL_DATA.glob(pattern)) for pattern in ("LTM_Data*.xlsx", "Methods*.xlsx", "Site_*.xlsx")
        )
    else:
        made = deployment.generate(3000, seed=5)
        samples, methods, sites = made.samples, made.methods, made.sites
    deployment.initialise()
    services = [deployment.start(name) for name in ("ingestor", "versioner")]
    deployment.cli("reference", "load", "--sites", str(sites), "--methods", str(methods))
    for service in services:
        service.wait_ready()
    deployment.send_and_wait(samples)
    done = deployment.run("job", "metrics", "--output", "json", seconds=BUSY)
    assert done.returncode == 0, done.stderr
    job = json.loads(done.stdout)
    for service in services:
        assert service.stop() == 0
    yield Answered(deployment, job, read(samples), read(methods), read(sites))
    deployment.stop_all()


def close(found: pd.Series, expected: pd.Series) -> None:
    """Equal to 1e-9, relative to what is expected."""
    pd.testing.assert_series_equal(
        found, expected, check_names=False, check_dtype=False, check_index_type=False, rtol=1e-9, atol=1e-9
    )


def test_every_row_is_in_a_version_and_none_is_rejected(answered: Answered) -> None:
    batches = -(-len(answered.samples) // 100)
    status = answered.deployment.json("status")
    assert status["batches"] == {"accepted": batches, "rejected": 0, "duplicate": 0, "in_flight": 0}
    assert (status["version"], status["rows"]) == (batches, len(answered.samples))
    versions = answered.deployment.json("versions", "list", "--limit", "1000")
    assert [version["version"] for version in versions] == list(range(batches, 0, -1))
    assert status["last_run"]["dataset_version"] == batches


def test_statistics_by_site_equal_those_of_pandas(answered: Answered) -> None:
    found = pd.DataFrame(answered.deployment.json("metrics", "site", "--limit", "100000"))
    key = ["program_id", "site_id", "parameter"]
    assert {*key, "unit", "n", "mean", "stddev", "min", "median", "max"} <= set(found.columns)
    found = found.set_index(key).sort_index()
    groups = answered.measurements.groupby(["PROGRAM_ID", "SITE_ID", "parameter"])["value"]
    expected = groups.agg(n="count", mean="mean", stddev="std", min="min", median="median", max="max").sort_index()
    assert list(found.index) == list(expected.index)
    for name in expected.columns:
        close(found[name].astype(float), expected[name].astype(float))
    for name, quantile in (("q1", 0.25), ("q3", 0.75)):
        close(found[name], groups.quantile(quantile).sort_index())


def test_each_measurement_has_one_method_and_the_ambiguous_ones_are_counted(answered: Answered) -> None:
    measured = answered.measurements
    measured["year"] = pd.to_datetime(measured["DATE_SMP"]).dt.year
    methods = answered.methods
    counted = measured.groupby(["PROGRAM_ID", "parameter", "year"]).size().reset_index(name="n")
    rows, ambiguous, without = [], 0, 0
    for programme, parameter, year, n in counted.itertuples(index=False):
        fits = methods[
            (methods["PROGRAM_ID"] == programme)
            & (methods["PARAMETER"] == parameter)
            & (methods["START_YEAR"] <= year)
            & (methods["END_YEAR"].isna() | (methods["END_YEAR"] >= year))
        ]
        ambiguous += n if len(fits) > 1 else 0
        without += n if fits.empty else 0
        best = fits.sort_values(["START_YEAR", "END_YEAR", "METHOD"], ascending=[False, True, True], na_position="last")
        rows.append((programme, parameter, None if fits.empty else best.iloc[0]["METHOD"], n))
    expected = pd.DataFrame(rows, columns=["program_id", "parameter", "method", "n"])
    found = pd.DataFrame(answered.deployment.json("metrics", "method", "--limit", "100000"))
    key = ["program_id", "parameter", "method"]
    by_method = found.fillna({"method": ""}).groupby(key)["n"].sum()
    pd.testing.assert_series_equal(
        by_method, expected.fillna({"method": ""}).groupby(key)["n"].sum(), check_dtype=False
    )
    assert found["n"].sum() == len(measured), "the join neither drops nor multiplies a measurement"
    ((measurements, counted_ambiguous, counted_without),) = answered.deployment.query(
        "SELECT measurements, ambiguous, without_method FROM olap.run"
    )
    assert (measurements, counted_ambiguous, counted_without) == (len(measured), ambiguous, without)


def test_the_real_data_has_the_counts_that_its_readers_know(answered: Answered) -> None:
    if len(answered.samples) != 38_200:
        pytest.skip("these counts are of EPA's release 2022_8_1")
    ((ambiguous, without),) = answered.deployment.query("SELECT ambiguous, without_method FROM olap.run")
    assert ambiguous == 52_678
    assert without == 27_515 + 78


def test_means_by_category_equal_those_of_pandas(answered: Answered) -> None:
    sites = answered.sites[["SITE_ID", "PROGRAM_ID", "STATE", "ECOREGION_III"]].astype({"ECOREGION_III": str})
    measured = answered.measurements.merge(sites, on=["SITE_ID", "PROGRAM_ID"], how="left", validate="many_to_one")
    found = pd.DataFrame(answered.deployment.json("metrics", "category", "--limit", "100000"))
    columns = {
        "programme": "PROGRAM_ID",
        "waterbody_type": "WATERBODY_TYPE",
        "sample_location": "SAMPLE_LOCATION",
        "sample_type": "SAMPLE_TYPE",
        "state": "STATE",
        "ecoregion_iii": "ECOREGION_III",
    }
    assert set(found["category"]) == {*columns, "anc_class"}
    for category, column in columns.items():
        groups = measured.groupby([column, "parameter"])["value"]
        part = found[found["category"] == category].set_index(["value", "parameter"]).sort_index()
        close(part["mean"], groups.mean().sort_index())
        close(part["median"], groups.median().sort_index())
        close(part["n"].astype(float), groups.count().sort_index().astype(float))
    anc = answered.samples["ANC_UEQ_L"].dropna()
    classes = pd.cut(anc, [-float("inf"), 0, 50, 100, float("inf")], right=False)
    classes = classes.cat.rename_categories(["acidic (< 0)", "0 to 50", "50 to 100", "100 and above"]).astype(str)
    part = found[(found["category"] == "anc_class") & (found["parameter"] == "ANC")].set_index("value").sort_index()
    close(part["mean"], anc.groupby(classes).mean().sort_index())


def test_sodium_and_sites_with_leading_zeros_are_themselves(answered: Answered) -> None:
    found = answered.deployment.json("metrics", "site", "--parameter", "NA", "--limit", "100000")
    assert {row["parameter"] for row in found} == {"NA"}
    assert any(row["site_id"].startswith("0") for row in found)


def test_the_job_run_again_on_the_same_version_says_so_and_publishes_nothing(answered: Answered) -> None:
    before = answered.deployment.query("SELECT count(*) FROM metrics.runs")
    answered.deployment.cli("job", "metrics")
    assert answered.deployment.query("SELECT count(*) FROM metrics.runs") == before


def test_the_job_removes_the_runs_that_are_not_kept(answered: Answered) -> None:
    columns = ", ".join(name for name in COLUMNS if name not in {"run_id", "dataset_version", "enriched_path"})
    with psycopg.connect(answered.deployment.database_url) as connection:
        connection.execute(
            f"INSERT INTO metrics.runs (run_id, dataset_version, enriched_path, {columns})"
            f" SELECT 0, 1, 'enriched/run=0', {columns} FROM olap.run"
        )
    store = HdfsStore(load(HdfsSettings, **answered.deployment.settings()))
    store.publish("enriched/run=0/part-0.parquet", b"rows")
    kept = answered.deployment.run("job", "metrics")
    removed = answered.deployment.run("job", "metrics", env={"ACIDWATCH_METRICS_RUNS_KEPT": "1"})
    assert "removed" not in kept.stderr
    assert "removed enriched/run=0: no run that is kept needs it" in removed.stderr
    assert (kept.returncode, removed.returncode) == (0, 0)
    assert answered.deployment.query("SELECT run_id FROM metrics.runs") == answered.deployment.query(
        "SELECT run_id FROM olap.run"
    )


def one_series_a_site(samples: pd.DataFrame) -> pd.DataFrame:
    """Deep water left out; at a site with inlet samples the location with most years alone."""
    shallow = samples[samples["SAMPLE_LOCATION"] != "HYPO"]
    return pd.concat([alone(site) for _, site in shallow.groupby(SITE)])


def alone(site: pd.DataFrame) -> pd.DataFrame:
    """The samples of a site that count."""
    if not (site["SAMPLE_LOCATION"] == "IN").any():
        return site
    years = site.groupby("SAMPLE_LOCATION")["year"].agg(["nunique", "size"])
    return site[site["SAMPLE_LOCATION"] == years.sort_values(["nunique", "size"]).index[-1]]


@pytest.fixture(scope="module")
def series(answered: Answered) -> pd.DataFrame:
    """One row per value of each site's one series, derived parameters too."""
    dates = pd.to_datetime(answered.samples["DATE_SMP"])
    wide = one_series_a_site(answered.samples.assign(year=dates.dt.year, month=dates.dt.month))
    ca, mg, na, k, cl, so4, no3, nh4 = (
        wide[f"{ion}_UEQ_L"] for ion in ("CA", "MG", "NA", "K", "CL", "SO4", "NO3", "NH4")
    )
    values = {column.parameter: wide[column.name] for column in MEASUREMENTS} | {
        "CA_MG": ca + mg,
        "BC": ca + mg + na + k,
        "ANC_CALC": ca + mg + na + k + nh4.fillna(0) - so4 - no3 - cl,
        "SO4_SEASALT_CORRECTED": so4 - 0.103 * cl,
        "CA_SEASALT_CORRECTED": ca - 0.037 * cl,
        "MG_SEASALT_CORRECTED": mg - 0.196 * cl,
    }
    frames = [wide[[*SITE, "year", "month"]].assign(parameter=name, value=value) for name, value in values.items()]
    return pd.concat(frames).dropna(subset="value")


def annual_means(series: pd.DataFrame, first: int, last: int) -> pd.DataFrame:
    """(programme, site, parameter) by year, NaN where a year has no value."""
    means = series.groupby([*SITE, "parameter", "year"])["value"].mean().unstack()
    return means.reindex(columns=range(first, last + 1))


def read_rows(answered: Answered, query: str, key: list[str]) -> pd.DataFrame:
    """Rows of the run that olap.* shows, in the order of their key."""
    with psycopg.connect(answered.deployment.database_url) as connection:
        cursor = connection.execute(query)  # type: ignore[arg-type]
        names = [column.name for column in cursor.description or ()]
        return pd.DataFrame(cursor.fetchall(), columns=names).set_index(key).sort_index()


def test_annual_values_are_those_of_pandas_for_one_series_a_site(answered: Answered, series: pd.DataFrame) -> None:
    found = read_rows(answered, "SELECT * FROM olap.annual_values", [*TREND_KEY, "year"])
    groups = series.groupby([*SITE, "parameter", "year"])["value"]
    expected = groups.agg(["count", "mean", "median"]).sort_index()
    assert list(found.index) == list(expected.index)
    assert found["n"].tolist() == expected["count"].tolist()
    close(found["mean"], expected["mean"])
    close(found["median"], expected["median"])
    months = read_rows(answered, "SELECT * FROM olap.monthly_values", [*TREND_KEY, "year", "month"])
    by_month = series.groupby([*SITE, "parameter", "year", "month"])["value"].mean().sort_index()
    assert list(months.index) == list(by_month.index)
    close(months["mean"], by_month)


def why_not(years: pd.Series, span: int) -> str | None:
    there = years.dropna()
    if len(there) < 5:
        return "too few values"
    if there.nunique() < 3:
        return "constant" if there.nunique() == 1 else "too few different values"
    return "too few years" if 3 * len(there) < 2 * span else None


def assert_trend(row: dict[str, Any] | pd.Series, years: pd.Series, parameter: str) -> None:
    """A row of trends against pymannkendall on the same annual values."""
    rounded = years.round(9)  # a constant series is one, whatever the order of its sum
    assert row["reason"] == why_not(rounded, len(years))
    assert row["n_years"] == years.notna().sum()
    if row["reason"] is not None:
        assert row["class"] == "not analysed"
        assert row["slope"] is None or pd.isna(row["slope"])
        return
    test = pymannkendall.original_test(rounded.to_numpy())
    assert (row["s"], row["var_s"]) == (test.s, test.var_s)
    assert (row["z"], row["p"], row["slope"]) == pytest.approx((test.z, test.p, test.slope), rel=1e-9, abs=1e-9)
    good = {"SO4": -1, "NO3": -1, "SO4_SEASALT_CORRECTED": -1, "ANC": 1, "ANC_CALC": 1}
    sign = good.get(parameter, 1 if parameter.startswith("PH_") else 0)
    names = {0: ("falling", "rising"), -1: ("improving", "worsening"), 1: ("worsening", "improving")}[sign]
    assert row["class"] == ("no trend" if test.p >= 0.05 else names[int(test.s > 0)])


def test_every_trend_of_every_site_is_that_of_pymannkendall(answered: Answered, series: pd.DataFrame) -> None:
    """To 1e-9, on values rounded to nine digits: pandas' sums and exact ones may differ in the last, and ties with them."""
    found = read_rows(answered, "SELECT * FROM olap.trends WHERE variant = 'annual_mean'", TREND_KEY)
    expected = annual_means(series, 1990, 2020).sort_index()
    assert list(found.index) == list(expected.index)
    for key, years in expected.iterrows():
        assert_trend(found.loc[key].replace({np.nan: None}), years, key[2])
    assert (found["class"] != "not analysed").any()


def test_seasonal_trends_are_those_of_pymannkendall(answered: Answered, series: pd.DataFrame) -> None:
    found = read_rows(answered, "SELECT * FROM olap.trends WHERE variant = 'seasonal' AND slope IS NOT NULL", TREND_KEY)
    inside = series[series["year"].between(1990, 2020)]
    monthly = inside.groupby([*SITE, "parameter", "year", "month"])["value"].mean().round(9)
    for key, row in found.iloc[:: max(1, len(found) // 60)].iterrows():
        table = monthly.loc[key].unstack().reindex(index=range(1990, 2021), columns=range(1, 13)).to_numpy()
        if row["seasons_p"] < 0.05:
            test, slope = pymannkendall.seasonal_test(table.ravel(), period=12), 1
        else:
            test, slope = pymannkendall.original_test(table.ravel()), 12
        assert (row["s"], row["var_s"]) == pytest.approx((test.s, test.var_s), rel=1e-12)
        wanted = (test.z, test.p, slope * test.slope)
        assert (row["z"], row["p"], row["slope"]) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def test_regions_are_the_figures_of_their_sites(answered: Answered, series: pd.DataFrame) -> None:
    regions = answered.deployment.json("metrics", "region")
    trends = read_rows(answered, "SELECT * FROM olap.trends WHERE variant = 'annual_mean'", TREND_KEY)
    state = answered.sites.set_index(["PROGRAM_ID", "SITE_ID"])["STATE"]
    names = {"LTM_ALTM": "Adirondacks", "LTM_CAT": "Catskills", "LTM_ME": "New England", "LTM_VT": "New England",
             "VTSSS": "Central Appalachians", "LTM_PA": "Pennsylvania"}  # fmt: skip
    trends["name"] = [
        None if programme == "LTM_ME" and state.get((programme, site)) == "New York" else names[programme]
        for programme, site, _ in trends.index
    ]
    assert trends["region"].replace({None: ""}).tolist() == trends["name"].replace({None: ""}).tolist()
    means = annual_means(series, 1990, 2020)
    seen = 0
    for row in regions:
        of_parameter = trends.index.get_level_values("parameter") == row["parameter"]
        members = trends[of_parameter & (trends["region"] == row["region"]) & trends["reason"].isna()]
        if row["site_set"] == "fixed":
            members = members[members["fixed"]]
        assert row["n_sites"] == len(members)
        if members.empty:
            assert row["median_slope"] is None
            continue
        quartiles = members["slope"].astype(float).quantile([0.25, 0.5, 0.75]).tolist()
        assert [row["q25_slope"], row["median_slope"], row["q75_slope"]] == pytest.approx(quartiles, rel=1e-9, abs=1e-9)
        if row["improving_percent"] is not None:
            assert row["improving_percent"] == pytest.approx(100 * (members["class"] == "improving").mean())
            assert row["worsening_percent"] == pytest.approx(100 * (members["class"] == "worsening").mean())
        if row["parameter"] in ("SO4", "ANC") and len(members) <= 30:
            test = pymannkendall.regional_test(means.loc[members.index].round(9).to_numpy().T)
            assert (row["kendall_s"], row["kendall_z"]) == pytest.approx((test.s, test.z), rel=1e-9)
            assert row["kendall_slope"] == pytest.approx(test.slope, rel=1e-9, abs=1e-9)
            seen += 1
    assert seen


def test_any_other_period_is_answered_from_the_annual_values(answered: Answered, series: pd.DataFrame) -> None:
    rows = answered.deployment.json("metrics", "trend", "--from", "1995", "--to", "2012", "--parameter", "so4")
    expected = annual_means(series[series["parameter"] == "SO4"], 1995, 2012)
    assert [(row["program_id"], row["site_id"], row["parameter"]) for row in rows] == list(expected.index)
    for row, (_, years) in zip(rows, expected.iterrows(), strict=True):
        assert (row["first_year"], row["last_year"], row["parameter"]) == (1995, 2012, "SO4")
        assert_trend(row, years, "SO4")


def test_moving_windows_are_answered_from_the_annual_values_of_sites_and_regions(
    answered: Answered, series: pd.DataFrame
) -> None:
    rows = answered.deployment.json("metrics", "acceleration", "--parameter", "so4")
    means = annual_means(series[series["parameter"] == "SO4"], 1990, 2020)
    windows = [(first, first + 11) for first in range(1990, 2010)]
    keys = [(row["program_id"], row["site_id"], row["parameter"], row["first_year"], row["last_year"]) for row in rows]
    assert keys == [(*site, *window) for site in means.index for window in windows]
    table = pd.DataFrame(rows)
    seen = table[table["reason"].isna()]
    assert len(seen) > 100
    for _, row in seen.iloc[:: max(1, len(seen) // 200)].iterrows():
        years = means.loc[(row["program_id"], row["site_id"], "SO4"), row["first_year"] : row["last_year"]].to_numpy()
        assert row["n_years"] == np.count_nonzero(~np.isnan(years))
        assert row["slope"] == pytest.approx(pymannkendall.sens_slope(years.round(9)).slope, rel=1e-9, abs=1e-9)
    region = answered.deployment.json(
        "metrics", "acceleration", "--by", "region", "--parameter", "SO4", "--region", "adirondacks"
    )
    assert {(row["region"], row["parameter"]) for row in region} == {("Adirondacks", "SO4")}
    assert [(row["site_set"], row["first_year"], row["last_year"]) for row in region] == [
        (site_set, *window) for site_set in ("all", "fixed") for window in windows
    ]
    inside = table[(table["region"] == "Adirondacks") & table["reason"].isna()]
    whole = inside.groupby("site_id")["first_year"].transform("size") == len(windows)
    for row in region:
        of_set = inside if row["site_set"] == "all" else inside[whole]
        found = of_set.loc[of_set["first_year"] == row["first_year"], "slope"].astype(float)
        assert row["n_sites"] == len(found)
        if len(found):
            quartiles = [row["q25_slope"], row["median_slope"], row["q75_slope"]]
            assert quartiles == pytest.approx(found.quantile([0.25, 0.5, 0.75]).tolist(), rel=1e-9, abs=1e-9)


def test_the_published_period_computed_at_once_gives_what_was_published(answered: Answered) -> None:
    with psycopg.connect(answered.deployment.database_url, autocommit=True) as connection:
        run = find_run(connection, None)
        rows = rows_of(connection, run, "annual", {"parameter": "SO4"})
        sites = connection.execute("SELECT DISTINCT program_id, site_id, region FROM metrics.trend").fetchall()
        tables = trend_tables(rows, {(programme, site): region for programme, site, region in sites})
        for variant in VARIANTS:
            assert trends_over(connection, run, DEFAULT_PERIOD, variant, {"parameter": "SO4"}) == [
                {name: row[name] for name in TABLES["trend"]} for row in tables["trend"] if row["variant"] == variant
            ]
        assert regions_over(connection, run, DEFAULT_PERIOD, {"parameter": "SO4"}) == [
            {name: row[name] for name in TABLES["region"]} for row in tables["region"]
        ]
        published = trends_over(connection, run, DEFAULT_PERIOD, "annual_mean", {"parameter": "CA_MG"})
        shorter = trends_over(connection, run, Period(1990, 2019), "annual_mean", {"parameter": "ca_mg"})
    expected = [[year for year in row["method_changes"] if year <= 2019] for row in published]
    assert [row["method_changes"] for row in shorter] == expected
    assert any(expected), "the method of a derived parameter changes with those of its parts"


def test_only_trends_of_the_class_asked_for_are_listed(answered: Answered) -> None:
    for years in ((), ("--from", "1990", "--to", "2019")):
        falling = answered.deployment.json("metrics", "trend", "--parameter", "SO4", "--class", "improving", *years)
        assert {row["class"] for row in falling} == {"improving"}


def test_trends_are_printed_as_csv(answered: Answered) -> None:
    text = answered.deployment.cli("metrics", "trend", "--parameter", "ANC", "--output", "csv")
    found = pd.read_csv(io.StringIO(text), dtype={"site_id": str})
    rows = answered.deployment.json("metrics", "trend", "--parameter", "ANC")
    fixed = ["program_id", "site_id", "parameter", "first_year", "last_year", "n_years", "s", "z", "p", "slope", "slope_low",
             "slope_high", "class", "confidence", "reason"]  # fmt: skip
    assert set(fixed) <= set(rows[0])
    assert list(found.columns) == list(rows[0])
    assert found["site_id"].tolist() == [row["site_id"] for row in rows]
    close(found["slope"].astype(float), pd.Series([row["slope"] for row in rows], dtype=float))


def test_the_soft_rules_of_the_real_data_are_counted_as_its_readers_know_them(answered: Answered) -> None:
    if len(answered.samples) != 38_200:
        pytest.skip("these counts are of EPA's release 2022_8_1")
    counted = {row["rule"]: row for row in answered.deployment.json("metrics", "quality")}
    known = {
        "balance.ions": 442, "conductance.calculated": 187, "contradiction.ph-anc": 31, "unusual.NH4_UEQ_L": 715,
        "unusual.WTEMP_DEG_C": 20, "zero.ion": 42, "missing.major": 576, "missing.all": 2,
    }  # fmt: skip
    assert {rule: counted[rule]["n"] for rule in known} == known
    assert all(
        row["n"] == 0 for row in counted.values() if row["severity"] == "hard" or row["rule"].startswith("repeat.")
    )
    breaks = answered.deployment.json("metrics", "quality", "--list", "unit-breaks")
    assert [(one["program_id"], one["parameter"], one["first_date"]) for one in breaks] == [
        ("LTM_CAT", "SIO2", "1991-04-01"), ("VTSSS", "SIO2", "2019-01-01")]  # fmt: skip


def outliers(values: pd.Series) -> pd.Series:
    """Outside the site's own history: two-sided MAD, 3.5."""
    median = values.median()
    below, above = median - values[values <= median], values[values >= median] - median
    side = pd.Series(np.where(values < median, below.median(), above.median()), values.index).replace(0.0, np.nan)
    return 0.6745 * (values - median).abs() / side > 3.5


def test_flags_and_completeness_equal_those_of_pandas(answered: Answered) -> None:
    query = (
        "SELECT program_id, site_id, parameter, sum(samples) samples, sum(n) n, sum(missing) missing, sum(outliers) outliers,"
        " sum(good) good, sum(suspect) suspect FROM olap.completeness GROUP BY 1, 2, 3"
    )
    found = read_rows(answered, query, TREND_KEY).astype(int)
    samples = answered.samples
    groups = samples.groupby(SITE)
    for column in MEASUREMENTS:
        mine = found.xs(column.parameter, level="parameter").sort_index()
        values = samples[column.name].dropna()
        by_site = values.groupby([samples["PROGRAM_ID"], samples["SITE_ID"]])
        flagged = by_site.transform(lambda site: outliers(site).astype(float)).groupby(
            [samples["PROGRAM_ID"], samples["SITE_ID"]]
        )
        assert mine["samples"].tolist() == groups.size().tolist()
        assert mine["n"].tolist() == groups[column.name].count().tolist()
        assert mine["outliers"].tolist() == flagged.sum().reindex(mine.index, fill_value=0).astype(int).tolist()
    assert (found["n"] + found["missing"] == found["samples"]).all()
    assert (found["good"] + found["suspect"] == found["n"]).all()
    assert (found["suspect"] >= found["outliers"]).all()


def test_classes_of_anc_equal_those_of_pandas(answered: Answered, series: pd.DataFrame) -> None:
    anc = series[series["parameter"] == "ANC"]
    classes = pd.cut(
        anc["value"],
        [-np.inf, 0, 50, 100, np.inf],
        right=False,
        labels=["acidic", "anc_0_50", "anc_50_100", "anc_100_up"],
    )
    expected = pd.crosstab([anc["PROGRAM_ID"], anc["SITE_ID"], anc["year"]], classes)
    query = "SELECT program_id, site_id, year, acidic, anc_0_50, anc_50_100, anc_100_up FROM olap.acidity_by_year WHERE n > 0"
    found = read_rows(answered, query, ["program_id", "site_id", "year"]).astype(int).sort_index()
    assert found.to_numpy().tolist() == expected.sort_index().to_numpy().tolist()
    sites = pd.DataFrame(answered.deployment.json("metrics", "acidity")).set_index(["program_id", "site_id"])
    for period, first, last in (("first", 1990, 1994), ("last", 2016, 2020)):
        medians = anc[anc["year"].between(first, last)].groupby(SITE)["value"].median()
        close(sites[f"{period}_median_anc_ueq_l"].dropna().astype(float).sort_index(), medians.sort_index())
    again = answered.deployment.json("metrics", "acidity", "--first", "1990-1994", "--last", "2016-2020")
    assert pd.DataFrame(again).set_index(["program_id", "site_id"]).equals(sites)


def test_the_report_of_this_data_is_small_and_loads_fast(answered: Answered) -> None:
    path = answered.deployment.folder / "report.html"
    written = answered.deployment.json("report", "--to", str(path))
    assert written["bytes"] == path.stat().st_size < 5_000_000
    assert written["sites"] == answered.samples[SITE].drop_duplicates().shape[0]
    with chromium() as browser:
        assert min(Opened(browser, path).load_milliseconds() for _ in range(3)) < 3000  # other tests run meanwhile
        opened = Opened(browser, path)
        opened.wait_drawn()
        drawn = opened.page.locator(".plot").count()
        assert drawn and opened.page.locator(".plot svg").count() == drawn
        site = opened.page.locator("#sites tbody a").first.get_attribute("href")
        opened.page.goto(f"{path.as_uri()}{site}")
        assert opened.page.locator("#site .plot svg").count() > 5
        assert (opened.complaints, {url.split("#")[0] for url in opened.requests}) == ([], {path.as_uri()})
