"""Flags of values against the contract's rules and a plain two-sided MAD."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from acidwatch.chemistry import balance, conductance
from acidwatch.contract import flags as contract
from acidwatch.contract.columns import MEASUREMENTS
from jobs.spark.transforms import flags
from jobs.spark.transforms.balance import with_balance
from tests.integration.spark.makers import Row, frame, judged, random_samples, sample, wide

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]

COMPLETE = {"CA_UEQ_L": 90.0, "MG_UEQ_L": 40.0, "NA_UEQ_L": 60.0, "K_UEQ_L": 8.0, "SO4_UEQ_L": 80.0, "NO3_UEQ_L": 10.0, "CL_UEQ_L": 40.0,
            "ANC_UEQ_L": 68.0, "PH_LAB": 6.5}  # fmt: skip


def flagged(spark: SparkSession, rows: list[Row]) -> DataFrame:
    samples = with_balance(frame(spark, rows))
    return flags.flagged(samples, flags.history(samples))


def plain_score(values: pd.Series) -> pd.Series:
    """The definition of the two-sided MAD, with NaN where a side has none."""
    median = values.median()
    sides = np.where(
        values < median, (median - values[values <= median]).median(), (values[values >= median] - median).median()
    )
    return 0.6745 * (values - median).abs() / pd.Series(sides, values.index).replace(0.0, np.nan)


def history(name: str, *values: float) -> list[Row]:
    return [sample(SITE_ID=name, DATE_SMP=datetime(2012, 1, 1 + at), DOC_MG_L=value) for at, value in enumerate(values)]


ONE = {
    "sound": COMPLETE,
    "no chloride": COMPLETE | {"CL_UEQ_L": None},
    "too much calcium": COMPLETE | {"CA_UEQ_L": 400.0, "DOC_MG_L": 3.0},
    "zeros": COMPLETE | {"K_UEQ_L": 0.0, "NO3_UEQ_L": 0.0},
    "out of range": COMPLETE | {"SO4_UEQ_L": 2001.0},
    "lowest": {"NO3_UEQ_L": 0.0},
    "highest": {"NO3_UEQ_L": 1000.0},
    "too high": {"NO3_UEQ_L": 1000.1},
    "too low": {"NO3_UEQ_L": -0.1},
}
# Median 5; the lower half lies within 1, the upper half reaches to 50.
HISTORIES = history("one-sided", 0.0, 4.0, 4.5, 5.0, 20.0, 35.0, 50.0) + history("flat", 5.0, 5.0, 5.0, 5.0, 90.0)
Values = dict[str, dict[Any, Any]]


@pytest.fixture(scope="module")
def found(spark: SparkSession) -> Values:
    """Every case a site of its own: by site and parameter, or by site and value where one parameter has a history."""
    rows = judged([sample(SITE_ID=name, **values) for name, values in ONE.items()]) + HISTORIES
    values: Values = {name: {} for name in (*ONE, "one-sided", "flat")}
    for line in flagged(spark, rows).collect():
        values[line.site_id][line.parameter if line.site_id in ONE else line.value] = line
    return values


def test_a_value_without_fault_is_good_and_says_how_many_tests_it_had(found: Values) -> None:
    sound = found["sound"]
    assert {line.flag for line in sound.values()} == {contract.GOOD}
    # range, charge, ions and zero; one sample has no history
    assert (sound["SO4"].tests_evaluated, sound["SO4"].tests_defined) == (4, 5)
    assert (sound["PH_LAB"].tests_evaluated, sound["PH_LAB"].tests_defined) == (1, 2)
    assert sound["SO4"].history_score is None


def test_where_an_ion_is_missing_the_balance_is_not_evaluated(found: Values) -> None:
    values = found["no chloride"]
    assert "CL" not in values, "a value that is missing has no line"
    assert (values["SO4"].flag, values["SO4"].tests_evaluated) == (contract.GOOD, 2)


def test_an_ion_balance_that_is_off_makes_its_ions_suspect_and_no_other_value(found: Values) -> None:
    values = found["too much calcium"]
    suspect = {name for name, line in values.items() if line.flag == contract.SUSPECT}
    assert suspect == {"CA", "MG", "NA", "K", "SO4", "NO3", "CL", "ANC"}
    assert all(values[name].tests_failed == ["balance.ions"] for name in suspect)


def test_of_a_row_with_a_zero_only_the_zero_is_suspect(found: Values) -> None:
    values = found["zeros"]
    assert {name for name, line in values.items() if line.flag == contract.SUSPECT} == {"K"}
    assert values["K"].tests_failed == ["zero.ion"]


def test_what_the_contract_of_today_would_reject_fails(found: Values) -> None:
    values = found["out of range"]
    assert (values["SO4"].flag, values["SO4"].tests_failed) == (
        contract.FAIL, ["range.SO4_UEQ_L", "balance.charge", "balance.ions"])  # fmt: skip
    assert (values["CA"].flag, values["CA"].tests_failed) == (contract.FAIL, ["balance.charge", "balance.ions"])
    assert values["PH_LAB"].flag == contract.GOOD


@pytest.mark.parametrize(
    ("name", "flag"),
    [("lowest", contract.GOOD), ("highest", contract.GOOD), ("too high", contract.FAIL), ("too low", contract.FAIL)],
)
def test_bounds_pass(found: Values, name: str, flag: int) -> None:
    assert found[name]["NO3"].flag == flag


def test_a_value_far_outside_its_sites_history_is_suspect_by_the_spread_of_its_own_side(found: Values) -> None:
    values = found["one-sided"]
    assert {value for value, line in values.items() if line.flag == contract.SUSPECT} == {0.0}
    assert values[0.0].tests_failed == ["history.outlier"]
    assert values[50.0].history_score < 3.5 < values[0.0].history_score


def test_where_a_side_does_not_spread_there_is_no_outlier_on_it(found: Values) -> None:
    line = found["flat"][90.0]
    assert line.history_score is None
    assert (line.flag, line.tests_evaluated, line.tests_defined) == (contract.GOOD, 1, 2)


def test_random_samples_equal_pandas(spark: SparkSession) -> None:
    rows = random_samples(900)
    table = wide(rows)
    got = (
        flagged(spark, rows).select("row", "parameter", *flags.FLAG_COLUMNS).toPandas().set_index(["parameter", "row"])
    )
    total = 0
    for column in MEASUREMENTS:
        values = table[column.name]
        score = values.groupby([table["PROGRAM_ID"], table["SITE_ID"]], group_keys=False).apply(plain_score)
        broken = pd.DataFrame(index=table.index)
        for test in contract.CELL_TESTS:
            if column.name in test.columns and test.severity == "soft" and test.rule != contract.OUTLIER:
                broken[test.rule] = table["flags"].map(lambda rules, rule=test.rule: rule in rules)
        if "zero.ion" in broken:
            broken["zero.ion"] &= values == 0
        broken[contract.OUTLIER] = score > 3.5
        there = values.notna()
        mine = got.loc[column.parameter].sort_index() if there.any() else got.iloc[:0]
        total += len(mine)
        assert (mine.index == table.index[there] + 2).all()
        np.testing.assert_allclose(mine["history_score"], score[there], rtol=1e-12)
        assert mine["flag"].tolist() == np.where(broken[there].any(axis=1), 3, 1).tolist()
        assert mine["tests_failed"].map(set).tolist() == [
            {rule for rule in broken if line[rule]} for line in broken[there].to_dict("records")
        ]
    assert total == len(got) == table[[column.name for column in MEASUREMENTS]].notna().to_numpy().sum()
    assert (got["flag"] == 3).sum() > 100
    assert {"history.outlier", "balance.ions", "contradiction.ph-anc"} <= set(got["tests_failed"].explode())


def test_balance_and_conductance_are_those_of_chemistry(spark: SparkSession) -> None:
    rows = random_samples(300)
    table = wide(rows)
    n = {name: table[name].to_numpy() for name in table.columns if table[name].dtype == "float64"}
    got = with_balance(frame(spark, rows)).orderBy("row").toPandas()
    cations = balance.cations_ueq_l(n["CA_UEQ_L"], n["MG_UEQ_L"], n["NA_UEQ_L"], n["K_UEQ_L"], n["NH4_UEQ_L"])
    anions = balance.anions_ueq_l(n["SO4_UEQ_L"], n["NO3_UEQ_L"], n["CL_UEQ_L"], n["F_UEQ_L"])
    ph = balance.first_ph(n["PH_LAB"], n["PH_EQ"], n["PH_FLD"], n["PH_STVL"])
    hydrogen, anc = balance.hydrogen_ueq_l(ph), n["ANC_UEQ_L"]
    calculated = conductance.calculated_conductance_us_cm(
        h=hydrogen, nh4=n["NH4_UEQ_L"], ca=n["CA_UEQ_L"], mg=n["MG_UEQ_L"], na=n["NA_UEQ_L"], k=n["K_UEQ_L"], anc=anc,
        so4=n["SO4_UEQ_L"], no3=n["NO3_UEQ_L"], cl=n["CL_UEQ_L"], f=n["F_UEQ_L"],
    )  # fmt: skip
    want = {
        "first_ph": ph,
        "charge_ueq_l": balance.charge_difference_ueq_l(cations, anions, anc),
        "ion_balance_percent": balance.ion_balance_difference_percent(cations, anions, anc, np.nan_to_num(hydrogen)),
        "conductance_percent": conductance.conductance_difference_percent(calculated, n["COND_UM_CM"]),
    }
    for name, values in want.items():
        assert 0 < np.isnan(values).sum() < 200
        np.testing.assert_allclose(got[name].astype("float64"), values, rtol=1e-9, atol=1e-9)
    applies = (anc >= 20) & ~np.isnan(want["conductance_percent"])
    assert got["conductance_applies"].tolist() == applies.tolist()
