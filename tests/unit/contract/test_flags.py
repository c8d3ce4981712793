"""Flags of cells: their order, and which tests there are for which column."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.contract.flags import (
    CELL_TESTS,
    FAIL,
    GOOD,
    MISSING,
    NOT_EVALUATED,
    OUTLIER,
    PRECEDENCE,
    SUSPECT,
    TESTS_DEFINED,
    aggregate,
)
from acidwatch.contract.rules import HARD, SOFT


@pytest.mark.parametrize(
    ("several", "one"),
    [
        ((1, 3, 4, 2, 9), FAIL),
        ((1, 3, 2), SUSPECT),
        ((2, 1, 9), GOOD),
        ((9, 2), NOT_EVALUATED),
        ((9,), MISSING),
        ((), NOT_EVALUATED),
    ],
)
def test_of_several_flags_the_worst_told_one_stands(several: Sequence[int], one: int) -> None:
    assert aggregate(several) == one


def test_the_order_is_that_of_qartod() -> None:
    assert PRECEDENCE == (4, 3, 1, 2, 9)


def test_every_soft_rule_about_values_tests_cells_and_what_is_missing_is_no_test() -> None:
    about_nothing_there = {"missing.major", "missing.all"}
    assert {test.rule for test in CELL_TESTS} >= {rule.id for rule in SOFT} - about_nothing_there
    assert not {test.rule for test in CELL_TESTS} & about_nothing_there


def test_every_measured_column_has_its_range_and_its_history() -> None:
    for column in MEASUREMENTS:
        tests = {test.rule for test in CELL_TESTS if column.name in test.columns}
        assert {f"range.{column.name}", OUTLIER} <= tests
        assert TESTS_DEFINED[column.name] == len(tests)


def test_a_rule_about_the_row_tests_what_it_is_made_of() -> None:
    of = {name: {test.rule for test in CELL_TESTS if name in test.columns} for name in TESTS_DEFINED}
    assert of["SO4_UEQ_L"] == {"range.SO4_UEQ_L", "balance.charge", "balance.ions", "zero.ion", OUTLIER}
    assert of["NO3_UEQ_L"] == {"range.NO3_UEQ_L", "balance.charge", "balance.ions", OUTLIER}
    assert of["ANC_UEQ_L"] == {"range.ANC_UEQ_L", "balance.charge", "balance.ions", "contradiction.ph-anc", OUTLIER}
    assert of["COND_UM_CM"] == {"range.COND_UM_CM", "conductance.calculated", OUTLIER}
    assert of["DOC_MG_L"] == {"range.DOC_MG_L", OUTLIER}


def test_a_test_is_as_severe_as_its_rule() -> None:
    severities = {rule.id: rule.severity for rule in (*HARD, *SOFT)}
    assert all(test.severity == severities.get(test.rule, "soft") for test in CELL_TESTS)
