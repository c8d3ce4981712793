"""What the job publishes, against what pandas computes straight from the workbooks: generated ones, and EPA's where they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from acidwatch.contract.columns import MEASUREMENTS
from deploy.local.stack import Stack
from tests.support.deployment import REAL_DATA, Deployment


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
    job = deployment.json("job", "metrics")
    for service in services:
        assert service.stop() == 0
    yield Answered(deployment, job, read(samples), read(methods), read(sites))
    deployment.stop_all()


def close(found: pd.Series, expected: pd.Series) -> None:
    """Equal to 1e-9, relative to what is expected."""
    pd.testing.assert_series_equal(found, expected, check_names=False, check_dtype=False, rtol=1e-9, atol=1e-9)


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
