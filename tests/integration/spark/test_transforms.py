"""The transforms against pandas, on random data with the traps of the real workbooks in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from acidwatch.contract.columns import MEASUREMENTS, NATURAL_KEY, SAMPLES
from jobs.spark.schemas import CLEAN, MEMBERS, METHODS_TABLE, SITES_TABLE
from jobs.spark.transforms import category, enrich, measurements, summary
from jobs.spark.transforms.methods import methods_of_years
from jobs.spark.transforms.value_counts import ValueCounts, count_values

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]

PROGRAMMES = ("LTM_ALTM", "LTM_ME", "LTM_PA")


def frame(spark: SparkSession, rows: Iterable[Mapping[str, Any]], schema: Any) -> DataFrame:
    names = schema.fieldNames()
    return spark.createDataFrame([tuple(row.get(name) for name in names) for row in rows], schema)


def member_frame(spark: SparkSession, rows: list[dict[str, Any]]) -> DataFrame:
    return frame(spark, rows, StructType([*CLEAN.fields, *MEMBERS.fields[3:]]))


def sample(**values: Any) -> dict[str, Any]:
    base = {
        "PROGRAM_ID": "LTM_ME",
        "SITE_ID": "020058",
        "DATE_SMP": datetime(2012, 5, 1),
        "SAMPLE_LOCATION": "EPI",
        "SAMPLE_TYPE": "Regular",
        "WATERBODY_TYPE": "Lake",
        "batch_id": "b",
        "attempt": 1,
        "row": 2,
        "source_sent_us": 1,
        "source_id": "s",
        "batch_index": 0,
    }
    return base | values


def random_samples(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Samples without two of one natural key: every row has a time of its own."""
    random = np.random.default_rng(seed)
    rows = []
    for index in range(count):
        row = sample(
            PROGRAM_ID=str(random.choice(PROGRAMMES)),
            SITE_ID=f"{random.integers(0, 5):06d}",  # the same site ids in every programme
            DATE_SMP=datetime(2009, 1, 1) + timedelta(days=int(random.integers(0, 3600)), seconds=index),
            SAMPLE_LOCATION=str(random.choice(["EPI", "HYPO", "Stream"])),
            SAMPLE_DEPTH=None if random.random() < 0.5 else float(random.integers(0, 9)),
            row=index + 2,
        )
        for column in MEASUREMENTS:
            if random.random() < 0.7:
                row[column.name] = (
                    float(random.normal(20, 90)) if column.parameter == "ANC" else float(random.lognormal(2, 1))
                )
        rows.append(row)
    return rows


METHODS = [
    ("LTM_ALTM", "NA", 2005, 2009, "AAS"),
    ("LTM_ALTM", "NA", 2010, 2017, "ICP long"),
    ("LTM_ALTM", "NA", 2010, 2014, "ICP short"),
    ("LTM_ALTM", "NA", 2010, None, "ICP open"),
    ("LTM_ALTM", "SO4", 2000, None, "IC b"),
    ("LTM_ALTM", "SO4", 2000, None, "IC a"),
    ("LTM_ALTM", "CL", 2015, 2012, "ends before it starts"),
    ("LTM_ME", "SO4", 1990, 2012, "IC old"),
    ("LTM_ME", "SO4", 2012, None, "IC new"),
    ("LTM_ME", "ANC", 1990, None, "Gran"),
]


def methods_frame(spark: SparkSession) -> DataFrame:
    return frame(
        spark,
        [dict(zip(("PROGRAM_ID", "PARAMETER", "START_YEAR", "END_YEAR", "METHOD"), m, strict=True)) for m in METHODS],
        METHODS_TABLE,
    )


def sites_frame(spark: SparkSession) -> DataFrame:
    rows = [
        {"SITE_ID": f"{site:06d}", "PROGRAM_ID": programme, "STATE": "Maine" if programme == "LTM_ME" else "New York",
         "ECOREGION_III": None if site == 1 else "5.3.1"}
        for programme in PROGRAMMES for site in range(5) if (programme, site) != ("LTM_PA", 4)
    ]  # fmt: skip
    return frame(spark, rows, SITES_TABLE)


def expected_measurements(rows: list[dict[str, Any]]) -> pd.DataFrame:
    wide = pd.DataFrame(rows, columns=[column.name for column in SAMPLES])
    wide["anc_class"] = [
        "unknown" if pd.isna(a) else "acidic (< 0)" if a < 0 else "0 to 50" if a < 50 else "50 to 100" if a < 100
        else "100 and above" for a in wide["ANC_UEQ_L"]
    ]  # fmt: skip
    names = {column.name: column.parameter for column in MEASUREMENTS}
    long = wide.rename(columns=names).melt(
        [c for c in wide.columns if c not in names], list(names.values()), "parameter", "value"
    )
    return long.dropna(subset=["value"]).rename(columns=str.lower)


def expected_method(programme: str, parameter: str, year: int) -> tuple[str | None, int]:
    found = [m for m in METHODS if m[:2] == (programme, parameter) and m[2] <= year <= (m[3] or 9999)]
    found.sort(key=lambda m: (-m[2], m[3] or 9999, m[4]))
    return (found[0][4] if found else None), len(found)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return random_samples(1500)


@pytest.fixture(scope="module")
def samples(spark: SparkSession, rows: list[dict[str, Any]]) -> DataFrame:
    winners = measurements.winning_rows(measurements.mark_superseded(member_frame(spark, rows)))
    return enrich.with_sites(winners, sites_frame(spark)).cache()


@pytest.fixture(scope="module")
def enriched(spark: SparkSession, samples: DataFrame) -> DataFrame:
    return enrich.with_methods(measurements.unpivot(samples), methods_frame(spark)).cache()


@pytest.fixture(scope="module")
def expected(rows: list[dict[str, Any]]) -> pd.DataFrame:
    long = expected_measurements(rows)
    chosen = [
        expected_method(p, q, d.year) for p, q, d in zip(long.program_id, long.parameter, long.date_smp, strict=True)
    ]
    long["method"] = [name for name, _ in chosen]
    long["candidates"] = [count for _, count in chosen]
    long["unit"] = long.parameter.map({column.parameter: column.unit for column in MEASUREMENTS})
    return long


def winners(spark: SparkSession, *rows: dict[str, Any]) -> list[str]:
    kept = measurements.winning_rows(measurements.mark_superseded(member_frame(spark, list(rows))))
    return sorted(row.batch_id for row in kept.collect())


def test_the_source_that_began_to_be_sent_later_wins(spark: SparkSession) -> None:
    old = sample(batch_id="old", source_sent_us=1, batch_index=9, row=900)
    new = sample(batch_id="new", source_sent_us=2, batch_index=0, row=2)
    assert winners(spark, old, new) == ["new"]


def test_of_one_source_the_higher_batch_index_wins(spark: SparkSession) -> None:
    assert winners(spark, sample(batch_id="b0", row=99), sample(batch_id="b1", batch_index=1)) == ["b1"]


def test_ties_do_not_depend_on_order(spark: SparkSession) -> None:
    a, b = sample(batch_id="a", source_id="sa", row=9), sample(batch_id="b", source_id="sb", row=3)
    assert winners(spark, a, b) == winners(spark, b, a) == ["b"]


def test_a_null_depth_is_a_depth_in_the_natural_key(spark: SparkSession) -> None:
    nulls = sample(batch_id="n1"), sample(batch_id="n2", batch_index=1)
    assert winners(spark, *nulls, sample(batch_id="zero", SAMPLE_DEPTH=0.0)) == ["n2", "zero"]


@pytest.mark.parametrize(
    ("column", "other"),
    [
        ("PROGRAM_ID", "LTM_ALTM"),
        ("SITE_ID", "20058"),
        ("DATE_SMP", datetime(2012, 5, 1, 9)),
        ("SAMPLE_LOCATION", "HYPO"),
        ("SAMPLE_DEPTH", 1.0),
    ],
)
def test_each_part_of_the_key_makes_another_sample(spark: SparkSession, column: str, other: Any) -> None:
    assert column in NATURAL_KEY
    assert winners(spark, sample(batch_id="a"), sample(batch_id="b", **{column: other})) == ["a", "b"]


def test_unpivot_gives_each_value_once_with_its_unit(enriched: DataFrame, expected: pd.DataFrame) -> None:
    got = enriched.select("program_id", "site_id", "row", "parameter", "unit", "value", "anc_class").toPandas()
    assert len(got) == len(expected)
    assert set(got.parameter) == {column.parameter for column in MEASUREMENTS}
    assert dict(zip(got.parameter, got.unit, strict=True)) == {c.parameter: c.unit for c in MEASUREMENTS}
    assert np.array_equal(np.sort(got.value), np.sort(expected.value))
    assert got.anc_class.value_counts().to_dict() == expected.anc_class.value_counts().to_dict()


def test_a_site_id_keeps_its_zeros_and_a_lake_in_two_programmes_its_own_row(enriched: DataFrame) -> None:
    got = enriched.select("program_id", "site_id", "state", "site_known").distinct().toPandas()
    assert set(got.site_id) == {f"{site:06d}" for site in range(5)}
    assert (got.state.isna() == ~got.site_known).all()
    assert got[~got.site_known][["program_id", "site_id"]].values.tolist() == [["LTM_PA", "000004"]]
    assert set(got[(got.site_id == "000000")].state) == {"Maine", "New York"}


def test_each_measurement_has_the_one_method_of_the_rule(enriched: DataFrame, expected: pd.DataFrame) -> None:
    got = enriched.select("program_id", "parameter", "year", "method", "method_candidates").toPandas()
    assert len(got) == len(expected)
    for row in got.drop_duplicates().itertuples():
        assert (row.method, row.method_candidates) == expected_method(row.program_id, row.parameter, row.year)
    assert (got.method_candidates > 1).sum() == (expected.candidates > 1).sum() > 0
    assert (got.method_candidates == 0).sum() == (expected.candidates == 0).sum() > 0


def test_sodium_has_a_method(enriched: DataFrame) -> None:
    got = {
        row.method for row in enriched.filter("parameter = 'NA' AND program_id = 'LTM_ALTM'").select("method").collect()
    }
    assert {"AAS", "ICP short", "ICP long", "ICP open"} == got


def pandas_statistics(expected: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    groups = expected.groupby(key, dropna=False)
    value = groups["value"]
    table = value.agg(n="count", mean="mean", stddev="std", min="min", median="median", max="max")
    table["q1"], table["q3"] = value.quantile(0.25), value.quantile(0.75)
    table["first_date"] = groups["date_smp"].min().dt.date
    table["last_date"] = groups["date_smp"].max().dt.date
    table["ambiguous"] = groups["candidates"].agg(lambda c: (c > 1).sum())
    return table.reset_index()


@pytest.fixture(scope="module")
def counts(samples: DataFrame) -> ValueCounts:
    return count_values(samples, methods_of_years(methods_frame(samples.sparkSession)))


@pytest.mark.parametrize("of", ["site", "method"])
def test_statistics_equal_pandas(enriched: DataFrame, counts: ValueCounts, expected: pd.DataFrame, of: str) -> None:
    found = summary.by_site(enriched) if of == "site" else summary.by_method(counts)
    key = summary.SITE_KEY if of == "site" else summary.METHOD_KEY
    want = pandas_statistics(expected, list(key)).sort_values(list(key)).reset_index(drop=True)
    got = found.toPandas()[want.columns].sort_values(list(key)).reset_index(drop=True)
    pd.testing.assert_frame_equal(
        got.where(got.notna(), None), want.where(want.notna(), None), check_dtype=False, rtol=1e-12, atol=1e-12
    )


def test_values_that_are_counted_first_give_what_single_ones_give_to_the_last_digit(
    enriched: DataFrame, counts: ValueCounts
) -> None:
    single = summary.statistics(enriched, summary.METHOD_KEY)
    counted = summary.by_method(counts).select(*single.columns)
    assert sorted(map(repr, counted.collect())) == sorted(map(repr, single.collect()))


def test_a_year_beyond_the_contract_s_makes_no_years_without_end(spark: SparkSession) -> None:
    interval = {"PROGRAM_ID": "LTM_ME", "PARAMETER": "SO4", "START_YEAR": 1990, "END_YEAR": 999_999_999, "METHOD": "IC"}
    years = [row.year for row in enrich.method_of_year(frame(spark, [interval], METHODS_TABLE)).collect()]
    assert sorted(years) == list(range(1990, enrich.LAST_YEAR + 1))


def test_a_method_without_a_name_and_a_parameter_that_nobody_measures_change_nothing_of_the_others(
    spark: SparkSession,
) -> None:
    named = ("PROGRAM_ID", "PARAMETER", "START_YEAR", "END_YEAR", "METHOD")
    intervals = [
        ("LTM_ME", "SO4", 2012, None, None),
        ("LTM_ME", "SO4", 2000, None, "IC"),
        ("LTM_ME", "GOLD", 2000, None, "IC"),
    ]
    table = frame(spark, [dict(zip(named, one, strict=True)) for one in intervals], METHODS_TABLE)
    rows = [sample(SO4_UEQ_L=5.0), sample(SO4_UEQ_L=7.0, DATE_SMP=datetime(2010, 5, 1))]
    samples = enrich.with_sites(
        measurements.winning_rows(measurements.mark_superseded(member_frame(spark, rows))), sites_frame(spark)
    )
    found = {
        row.method: (row.n, row.median, row.ambiguous)
        for row in summary.by_method(count_values(samples, methods_of_years(table))).collect()
    }
    assert found == {None: (1, 5.0, 1), "IC": (1, 7.0, 0)}
    nobody = methods_of_years(frame(spark, [], METHODS_TABLE))
    assert [row.n for row in summary.by_method(count_values(samples, nobody)).collect()] == [2]
    none = count_values(samples.filter("false"), nobody)
    assert summary.by_method(none).collect() == category.by_category(none).collect() == []


def test_every_value_that_the_contract_allows_can_be_summed_exactly() -> None:
    assert all(abs(bound) < 1e8 for column in MEASUREMENTS for bound in (column.low, column.high) if bound is not None)


def test_the_deviation_of_one_value_is_null_and_of_equal_values_zero(spark: SparkSession) -> None:
    rows = [sample(SITE_ID="one", SO4_UEQ_L=0.1)]
    rows += [sample(SITE_ID="many", SO4_UEQ_L=0.1, row=i, DATE_SMP=datetime(2012, 1, i)) for i in range(2, 9)]
    long = enrich.with_methods(measurements.unpivot(member_frame(spark, rows)), methods_frame(spark))
    got = {row.site_id: (row.n, row["mean"], row.stddev) for row in summary.by_site(long).collect()}
    assert got == {"one": (1, 0.1, None), "many": (7, 0.1, 0.0)}


def test_categories_equal_pandas(counts: ValueCounts, rows: list[dict[str, Any]], expected: pd.DataFrame) -> None:
    got = category.by_category(counts).toPandas().set_index(["category", "value", "parameter"])
    assert set(got.index.get_level_values("category")) == set(category.CATEGORIES)
    wide = pd.DataFrame(rows)
    for name, column in (
        ("programme", "program_id"),
        ("sample_location", "sample_location"),
        ("anc_class", "anc_class"),
    ):
        want = expected.groupby([column, "parameter"])["value"].agg(["count", "mean", "median"])
        mine = got.loc[name]
        assert len(mine) == len(want)
        for (value, parameter), line in want.iterrows():
            assert mine.loc[(value, parameter), "n"] == line["count"]
            assert mine.loc[(value, parameter), "mean"] == pytest.approx(line["mean"], rel=1e-12)
            assert mine.loc[(value, parameter), "median"] == pytest.approx(line["median"], rel=1e-12)
    by_programme = got.loc["programme"].groupby("value")["samples"].first()
    assert by_programme.to_dict() == wide["PROGRAM_ID"].value_counts().to_dict()
    assert (got["n"] <= got["samples"]).all()
    assert "unknown" in got.loc["ecoregion_iii"].index
    assert got.loc["state"].groupby("value")["samples"].first().sum() == len(rows)


def test_an_anc_on_a_limit_belongs_to_the_class_above(spark: SparkSession) -> None:
    values = [-0.5, 0.0, 49.9, 50.0, 100.0, None]
    rows = [sample(ANC_UEQ_L=value, row=i + 2, DATE_SMP=datetime(2012, 1, i + 1)) for i, value in enumerate(values)]
    kept = measurements.winning_rows(measurements.mark_superseded(member_frame(spark, rows))).orderBy("row")
    want = ["acidic (< 0)", "0 to 50", "0 to 50", "50 to 100", "100 and above", "unknown"]
    assert [row.anc_class for row in kept.collect()] == want


def test_how_rows_are_spread_changes_no_digit(enriched: DataFrame, samples: DataFrame) -> None:
    def tables(parts: int, seed: float) -> list[Any]:
        from pyspark.sql import functions as F

        spread, among = (frame.orderBy(F.rand(int(seed))).repartition(parts) for frame in (enriched, samples))
        counts = count_values(among, methods_of_years(methods_frame(samples.sparkSession)))
        frames = summary.by_site(spread), summary.by_method(counts), category.by_category(counts)
        return [sorted(map(repr, frame.collect())) for frame in frames]

    assert tables(1, 1) == tables(7, 2) == tables(13, 3)


def test_minus_zero_is_zero(spark: SparkSession) -> None:
    rows = [sample(SO4_UEQ_L=-0.0), sample(SO4_UEQ_L=0.0, DATE_SMP=datetime(2012, 5, 2))]
    long = measurements.unpivot(member_frame(spark, rows))
    assert [str(row.value) for row in long.collect()] == ["0.0", "0.0"]
    winners = measurements.winning_rows(measurements.mark_superseded(member_frame(spark, rows)))
    counts = count_values(enrich.with_sites(winners, sites_frame(spark)), methods_of_years(methods_frame(spark)))
    assert [(str(row.value), row.times) for row in counts.values.collect()] == [("0.0", 2)]
