"""Counts of rules, repeated keys and distributions against pandas; steps at method changes; unit breaks through the frames."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.contract.form import TAKEN
from acidwatch.contract.rules import SOFT
from jobs.spark import unit_breaks
from jobs.spark.schemas import METHODS_TABLE
from jobs.spark.transforms import flags, measurements, method_changes, quality
from jobs.spark.transforms.balance import with_balance
from jobs.spark.transforms.methods import MethodsOfYears, methods_of_years
from tests.integration.spark.makers import Row, frame, random_samples, sample, wide

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]

SITE_YEAR = ["program_id", "site_id", "year"]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return random_samples(600, seed=5)


@pytest.fixture(scope="module")
def table(rows: list[Row]) -> pd.DataFrame:
    table = wide(rows)
    table["year"] = table["DATE_SMP"].dt.year
    return table


def test_rules_about_samples_are_counted_of_those_that_could_be_tested(
    spark: SparkSession, rows: list[Row], table: pd.DataFrame
) -> None:
    got = quality.by_sample_rule(with_balance(frame(spark, rows))).toPandas()
    keys = [table["PROGRAM_ID"], table["SITE_ID"], table["year"]]
    ions = ["CA_UEQ_L", "MG_UEQ_L", "NA_UEQ_L", "K_UEQ_L", "SO4_UEQ_L", "NO3_UEQ_L", "CL_UEQ_L"]
    balanced = table[[*ions, "ANC_UEQ_L"]].notna().all(axis=1)
    checked = dict.fromkeys((rule.id for rule in SOFT), pd.Series(True, table.index)) | {
        "balance.ions": balanced,
        "conductance.calculated": balanced
        & table[["PH_LAB", "COND_UM_CM"]].notna().all(axis=1)
        & (table["ANC_UEQ_L"] >= 20),
        "contradiction.ph-anc": table[["PH_LAB", "ANC_UEQ_L"]].notna().all(axis=1),
        "unusual.NH4_UEQ_L": table["NH4_UEQ_L"].notna(),
        "unusual.WTEMP_DEG_C": table["WTEMP_DEG_C"].notna(),
        "zero.ion": table[ions].notna().any(axis=1),
    }
    for rule in SOFT:
        mine = got[got["rule"] == rule.id].set_index(SITE_YEAR).sort_index()
        want = checked[rule.id].groupby(keys).sum()
        assert mine["checked"].tolist() == want[want > 0].tolist()
        assert mine["n"].sum() == table["flags"].map(lambda broken, name=rule.id: name in broken).sum()
        assert set(mine["severity"]) == {"soft"}
    assert got[got["rule"] == "balance.charge"]["checked"].sum() == balanced.sum()
    assert got.groupby("rule")["n"].sum()["balance.ions"] > 0
    assert set(got[got["rule"] == "unusual.NH4_UEQ_L"]["parameter"]) == {"NH4"}
    assert set(got[got["rule"] == "balance.ions"]["parameter"]) == {None}


def test_texts_that_were_taken_are_counted_as_the_other_soft_findings_are(spark: SparkSession) -> None:
    flagged = [["text.estimated"], ["text.estimated", "censored.below"], []]
    rows = [sample(row=i + 2, DATE_SMP=datetime(2001, 5, i + 1), flags=flags) for i, flags in enumerate(flagged)]
    got = quality.by_sample_rule(with_balance(frame(spark, rows))).toPandas().set_index("rule")
    assert {form[0]: got.loc[form[0], "n"] for form in TAKEN} == {
        "text.number": 0, "text.missing": 0, "text.estimated": 2, "censored.below": 1, "censored.above": 0,
    }  # fmt: skip
    assert set(got.loc[[form[0] for form in TAKEN], "checked"]) == {3}


def test_completeness_has_every_parameter_of_every_site_and_year(
    spark: SparkSession, rows: list[Row], table: pd.DataFrame
) -> None:
    samples = with_balance(frame(spark, rows))
    values = flags.flagged(samples, flags.history(samples)).cache()
    got = (
        quality.by_cell(values, quality.site_years(samples))
        .toPandas()
        .set_index(["parameter", *SITE_YEAR])
        .sort_index()
    )
    groups = table.groupby(["PROGRAM_ID", "SITE_ID", "year"])
    assert len(got) == len(groups) * len(MEASUREMENTS)
    for column in MEASUREMENTS:
        mine = got.loc[column.parameter]
        assert mine["samples"].tolist() == groups.size().tolist()
        assert mine["n"].tolist() == groups[column.name].count().tolist()
        assert set(mine["column_name"]) == {column.name}
    assert (got["missing"] == got["samples"] - got["n"]).all()
    assert (got["n"] == got[["good", "not_evaluated", "suspect", "fail"]].sum(axis=1)).all()
    by_flag = values.groupBy("flag").count().toPandas().set_index("flag")["count"]
    assert got[["good", "suspect"]].sum().tolist() == by_flag.loc[[1, 3]].tolist()
    assert got["outliers"].sum() == values.filter("history_score > 3.5").count() > 0
    assert got["tests_evaluated"].sum() == values.agg(F.sum("tests_evaluated")).first()[0]
    assert (got["tests_evaluated"] <= got["tests_defined"]).all()


def test_distributions_are_by_programme_by_site_by_year_and_by_both(spark: SparkSession, rows: list[Row]) -> None:
    samples = with_balance(frame(spark, rows))
    plain = samples.toPandas().assign(
        year=lambda t: t["DATE_SMP"].dt.year,
        conductance_percent=lambda t: t["conductance_percent"].where(t["conductance_applies"]),
    )
    got = quality.distributions(samples).toPandas()
    for name in quality.DISTRIBUTIONS:
        for key in (
            ["PROGRAM_ID"],
            ["PROGRAM_ID", "SITE_ID"],
            ["PROGRAM_ID", "year"],
            ["PROGRAM_ID", "SITE_ID", "year"],
        ):
            mine = got[got["quantity"] == name]
            mine = mine[mine["site_id"].notna() == ("SITE_ID" in key)]
            mine = mine[mine["year"].notna() == ("year" in key)].sort_values(["program_id", "site_id", "year"])
            values = plain.dropna(subset=name).groupby(key)[name]
            assert mine["n"].tolist() == values.count().tolist()
            for column, share in quality.QUANTILES.items():
                np.testing.assert_allclose(mine[column], values.quantile(share), rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(mine["mean"], values.mean(), rtol=1e-9, atol=1e-9)


def repeats(spark: SparkSession, *rows: Row) -> dict[str, tuple[int, int]]:
    marked = measurements.mark_superseded(frame(spark, rows))
    samples = measurements.winning_rows(marked)
    found = quality.repeats(marked, quality.site_years(samples)).collect()
    return {row.rule: (row.n, row.checked) for row in found}


def test_repeated_keys_are_identical_complementary_or_conflicting(spark: SparkSession) -> None:
    def twice(day: int, first: dict[str, Any], second: dict[str, Any]) -> list[Row]:
        when = datetime(2012, 5, day)
        return [
            sample(DATE_SMP=when, batch_id="a", **first),
            sample(DATE_SMP=when, batch_id="b", batch_index=1, **second),
        ]

    once = [
        sample(DATE_SMP=datetime(2012, 6, 1), SO4_UEQ_L=1.0),
        sample(DATE_SMP=datetime(2012, 6, 1), SAMPLE_DEPTH=2.0),
    ]
    found = repeats(
        spark,
        *once,
        *twice(1, {"SO4_UEQ_L": 5.0, "CL_UEQ_L": 0.0}, {"SO4_UEQ_L": 5.0, "CL_UEQ_L": -0.0}),
        *twice(2, {}, {}),
        *twice(3, {"SO4_UEQ_L": 5.0}, {"CL_UEQ_L": 5.0}),
        *twice(4, {"SO4_UEQ_L": 5.0}, {"SO4_UEQ_L": 5.0, "CL_UEQ_L": 1.0}),
        *twice(5, {"SO4_UEQ_L": 5.0}, {"SO4_UEQ_L": 6.0, "CL_UEQ_L": 1.0}),
        *twice(6, {"SAMPLE_TYPE": "Annual"}, {}),
        *twice(7, {"SAMPLE_DEPTH": 1.0}, {"SAMPLE_DEPTH": 1.0}),
        sample(DATE_SMP=datetime(2012, 5, 3), batch_id="c", batch_index=2, SO4_UEQ_L=5.0, CL_UEQ_L=5.0),
    )
    assert found == {quality.IDENTICAL: (3, 9), quality.COMPLEMENTARY: (2, 9), quality.CONFLICTING: (2, 9)}


def test_a_repeated_cell_says_its_limit(spark: SparkSession) -> None:
    def beyond(limit: float | None, qualifier: str = "<") -> dict[str, Any]:
        return {
            "remarks": [{"column": "SO4_UEQ_L", "qualifier": qualifier, "limit": limit, "text": "", "comment": None}]
        }

    pairs = [
        (beyond(0.5), beyond(0.5)),
        (beyond(0.5), beyond(5.0)),
        (beyond(0.5), beyond(None)),
        (beyond(0.5), beyond(0.5, ">")),
        (beyond(0.5), {"SO4_UEQ_L": 12.0}),
        (beyond(0.5), {}),
        ({"SO4_UEQ_L": 12.0} | beyond(None, "J"), {"SO4_UEQ_L": 12.0}),
    ]
    rows = [
        sample(DATE_SMP=datetime(2012, 5, day), batch_id=batch, batch_index=index, **cells)
        for day, pair in enumerate(pairs, start=1)
        for index, (batch, cells) in enumerate(zip("ab", pair, strict=True))
    ]
    found = repeats(spark, *rows)
    assert found == {quality.IDENTICAL: (2, 7), quality.COMPLEMENTARY: (1, 7), quality.CONFLICTING: (4, 7)}


def methods_of(spark: SparkSession, *intervals: tuple[int, int | None, str | None]) -> MethodsOfYears:
    """The methods of sulphate in one programme."""
    rows = [("LTM_ME", "SO4", first, last, name, None) for first, last, name in intervals]
    return methods_of_years(spark.createDataFrame(rows, METHODS_TABLE))


def sulphate(site: str, year: int, month: int, value: float, in_series: bool = True) -> Row:
    return sample(SITE_ID=site, DATE_SMP=datetime(year, month, 1), SO4_UEQ_L=value, in_series=in_series)


def series_frame(spark: SparkSession, rows: list[Row]) -> DataFrame:
    kept = spark.createDataFrame(
        [(row["SITE_ID"], row["DATE_SMP"], row["in_series"]) for row in rows],
        "SITE_ID string, DATE_SMP timestamp_ntz, in_series boolean",
    )
    return frame(spark, rows).join(kept, ["SITE_ID", "DATE_SMP"])


def test_a_change_of_method_is_dated_and_its_step_is_that_of_the_same_sites(spark: SparkSession) -> None:
    old = [sulphate("1", 1994 + year, month, 100.0 + year) for year in range(6) for month in (3, 9)]
    new = [sulphate("1", 2000 + year, month, 80.0 + year) for year in range(5) for month in (4, 8)]
    began = [sulphate("2", 2001, 5, 10.0)]
    deep = [sulphate("1", 2000, 1, 999.0, in_series=False)]
    unknown = [sulphate("1", 2006, 1, 5.0)]
    samples = series_frame(spark, old + new + began + deep + unknown)
    methods = methods_of(spark, (1990, 1999, "old"), (2000, 2005, "new"))
    together, site = sorted(method_changes.steps(samples, methods).collect(), key=lambda row: row.site_id or "")
    for row in (together, site):
        assert (row.program_id, row.parameter, row.unit, row.change_year) == ("LTM_ME", "SO4", "ueq/L", 2000)
        assert (row.method_before, row.method_after) == ("old", "new")
    assert (site.site_id, site.last_before, site.first_after) == ("1", date(1999, 9, 1), date(2000, 4, 1))
    assert (site.n_before, site.median_before, site.n_after, site.median_after, site.step) == (6, 104.0, 6, 81.0, -23.0)
    assert (site.paired_sites, site.paired_step) == (None, None)
    assert (together.site_id, together.n_before, together.n_after, together.median_after) == (None, 6, 7, 81.0)
    assert (together.paired_sites, together.paired_step) == (1, -23.0)


def test_one_method_alone_and_methods_nobody_knows_are_no_change(spark: SparkSession) -> None:
    samples = series_frame(spark, [sulphate("1", year, 6, 5.0) for year in range(1995, 2005)])
    for methods in (
        methods_of(spark, (1990, 1999, "same")),
        methods_of(spark, (1990, 1999, "same"), (2000, None, None)),
    ):
        assert method_changes.steps(samples, methods).collect() == []


def test_a_change_is_dated_by_the_years_that_have_measurements() -> None:
    known = {("P", 3, year): "old" if year < 2000 else "new" for year in range(1990, 2010) if year != 2003}
    measured = [("P", 3, year) for year in (2003, 1998, 2004, 1997)] + [("P", 4, 2004), ("Q", 3, 1998)]
    assert method_changes.changes(measured, known) == [("P", 3, 2004, "old", "new")]


def test_another_unit_is_found_in_the_samples_of_a_programme(spark: SparkSession) -> None:
    random = np.random.default_rng(2)
    rows = []
    for site in range(4):
        for at in range(64):
            year, quarter = 1988 + at // 4, at % 4
            factor = 16.64 if (year, quarter) >= (1994, 1) else 1.0
            rows.append(sample(PROGRAM_ID="LTM_CAT", SITE_ID=f"00{site}", DATE_SMP=datetime(year, 3 * quarter + 2, 7),
                               SIO2_MG_L=float((2 + site) * factor * random.lognormal(0, 0.1)),
                               SO4_UEQ_L=float(100 * random.lognormal(0, 0.1)), PH_LAB=5.0))  # fmt: skip
    (found,) = unit_breaks.rows(frame(spark, rows))
    programme, parameter, first_date, factor, sites, same, _ = found
    assert (programme, parameter, first_date, sites, same) == ("LTM_CAT", "SIO2", date(1994, 4, 1), 4, 4)
    assert factor == pytest.approx(16.64, rel=0.1)


def test_no_samples_have_no_unit_breaks(spark: SparkSession) -> None:
    assert unit_breaks.rows(frame(spark, [])) == []
