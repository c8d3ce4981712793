"""Every soft rule by an example at both sides of its bound: the row is kept as it is and flagged."""

from __future__ import annotations

from typing import Any

import pytest

from acidwatch.contract.batch import encode
from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.contract.judge import judge
from acidwatch.contract.rules import MAJOR_IONS, NEVER_ZERO
from tests.unit.contract.makers import REFERENCE, columns_of, judge_row, make_headers, make_row, only, rules_of, submit

NOTHING_MEASURED = {column.name: None for column in MEASUREMENTS}
ONLY_ZEROS = dict.fromkeys((*MAJOR_IONS, "ANC_UEQ_L"), 0.0) | {"NH4_UEQ_L": None, "F_UEQ_L": None, "PH_LAB": None}


def conducting(calculated: float, measured: float, anc: float = 20.0) -> dict[str, Any]:
    """Cells whose calculated conductance is as given: 44.5 ANC + 50.08 Na + 349.65 H, by 1000, with H = 10^(6 - 10)."""
    sodium = (calculated * 1000.0 - 44.5 * anc - 349.65e-4) / 50.08
    return ONLY_ZEROS | {"ANC_UEQ_L": anc, "NA_UEQ_L": sodium, "PH_LAB": 10.0, "COND_UM_CM": measured}


# (rule, cells that pass, cells that are flagged, cell of the finding, part of its message)
BOUNDS = [
    # IBD = 100 (150 - 50 - 40) / (150 + 50 + 40 + 0) = 25 exactly; with 151: 100 x 61 / 241 = 25.3
    ("balance.ions", ONLY_ZEROS | {"CA_UEQ_L": 150.0, "SO4_UEQ_L": 50.0, "ANC_UEQ_L": 40.0},
     ONLY_ZEROS | {"CA_UEQ_L": 151.0, "SO4_UEQ_L": 50.0, "ANC_UEQ_L": 40.0}, "2", "cations - anions - ANC is 61 ueq/L"),
    # IBD is 100 % in both, the difference 50 and 51
    ("balance.ions", ONLY_ZEROS | {"CA_UEQ_L": 50.0}, ONLY_ZEROS | {"CA_UEQ_L": 51.0}, "2", "is 51 ueq/L"),
    # pH 3 adds 2 x 1000 to the denominator: 100 x 60 / 2150 = 2.8 %
    ("balance.ions", ONLY_ZEROS | {"CA_UEQ_L": 105.0, "SO4_UEQ_L": 45.0, "PH_LAB": 3.0},
     ONLY_ZEROS | {"CA_UEQ_L": 105.0, "SO4_UEQ_L": 45.0, "PH_LAB": 7.0}, "2", "is 60 ueq/L"),
    ("conductance.calculated", conducting(5.95, 4.0), conducting(6.05, 4.0), "M2", "measured 4 uS/cm, calculated 6.0"),
    ("conductance.calculated", conducting(6.45, 5.0), conducting(6.55, 5.0), "M2", "measured 5 uS/cm, calculated 6.5"),
    ("conductance.calculated", conducting(38.8, 29.9), conducting(38.9, 29.9), "M2", "calculated 38.9"),
    ("conductance.calculated", conducting(35.9, 30.0), conducting(36.1, 30.0), "M2", "calculated 36.1"),
    ("conductance.calculated", conducting(24.1, 30.0), conducting(23.9, 30.0), "M2", "calculated 23.9"),
    ("conductance.calculated", conducting(36.1, 30.0, anc=19.9), conducting(36.1, 30.0, anc=20.0), "M2", "measured 30"),
    ("contradiction.ph-anc", {"PH_LAB": 5.5, "ANC_UEQ_L": 41.0}, {"PH_LAB": 5.49, "ANC_UEQ_L": 41.0}, "I2",
     "pH 5.49 and ANC 41 ueq/L contradict each other"),
    ("contradiction.ph-anc", {"PH_LAB": 5.49, "ANC_UEQ_L": 40.0}, {"PH_LAB": 5.49, "ANC_UEQ_L": 40.1}, "I2", "40.1"),
    ("contradiction.ph-anc", {"PH_LAB": 5.5, "ANC_UEQ_L": -21.0}, {"PH_LAB": 5.51, "ANC_UEQ_L": -21.0}, "I2", "-21"),
    ("contradiction.ph-anc", {"PH_LAB": 6.0, "ANC_UEQ_L": -20.0}, {"PH_LAB": 6.0, "ANC_UEQ_L": -20.1}, "I2", "-20.1"),
    ("unusual.NH4_UEQ_L", {"NH4_UEQ_L": 0.0}, {"NH4_UEQ_L": -0.1}, "S2", "NH4_UEQ_L is -0.1; usual is 0 to 30 ueq/L"),
    ("unusual.NH4_UEQ_L", {"NH4_UEQ_L": 30.0}, {"NH4_UEQ_L": 30.1}, "S2", "is 30.1"),
    ("unusual.WTEMP_DEG_C", {"WTEMP_DEG_C": 0.0}, {"WTEMP_DEG_C": -0.1}, "AD2", "usual is 0 to 28 deg C"),
    ("unusual.WTEMP_DEG_C", {"WTEMP_DEG_C": 28.0}, {"WTEMP_DEG_C": 28.1}, "AD2", "is 28.1"),
    *[("zero.ion", {name: 0.01}, {name: 0.0}, "2", f"{name} is 0: below detection") for name in NEVER_ZERO],
    *[("missing.major", {name: 0.01}, {name: None}, "2", f"{name} is missing") for name in (*MAJOR_IONS, "ANC_UEQ_L")],
    ("missing.all", NOTHING_MEASURED | {"CHL_A_UG_L": 1.0}, NOTHING_MEASURED, "2", "no analyte was measured"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "passing", "flagged", "cell", "message"),
    BOUNDS,
    ids=[f"{number}-{bound[0]}" for number, bound in enumerate(BOUNDS)],
)
def test_a_soft_rule_flags_what_is_beyond_its_bound_and_nothing_before_it(
    rule: str, passing: dict[str, Any], flagged: dict[str, Any], cell: str, message: str
) -> None:
    assert rule not in rules_of(judge_row(**passing))
    finding = only(judge_row(**flagged), rule)
    assert (finding.severity, finding.sheet, finding.cell) == ("soft", "Sheet 1", cell)
    assert message in finding.message


@pytest.mark.parametrize("name", ["NO3_UEQ_L", "NH4_UEQ_L", "F_UEQ_L", "ANC_UEQ_L"])
def test_a_zero_of_what_can_be_absent_is_no_finding(name: str) -> None:
    assert "zero.ion" not in rules_of(judge_row(**{name: 0.0}))


@pytest.mark.parametrize("name", ["NH4_UEQ_L", "F_UEQ_L"])
def test_a_missing_minor_ion_counts_zero_and_is_no_finding(name: str) -> None:
    assert judge_row(**{name: None}).findings == []


def test_one_finding_names_every_ion_of_the_row() -> None:
    assert "CA_UEQ_L, CL_UEQ_L is 0" in only(judge_row(CA_UEQ_L=0.0, CL_UEQ_L=0.0), "zero.ion").message


def test_without_any_ph_there_is_no_contradiction_and_hydrogen_counts_zero_in_the_balance() -> None:
    assert "contradiction.ph-anc" not in rules_of(judge_row(PH_LAB=None, ANC_UEQ_L=-100.0))
    assert "balance.ions" in rules_of(judge_row(**ONLY_ZEROS | {"CA_UEQ_L": 51.0}))


def test_a_flagged_row_is_accepted_with_its_values_as_they_came_and_its_flags_beside_them() -> None:
    rows = [make_row(), make_row(SITE_ID="77", WTEMP_DEG_C=28.1, NH4_UEQ_L=-0.5)]
    group = judge([submit(encode(columns_of(rows)), make_headers(2))], REFERENCE)
    (judgement,) = group.judgements
    assert (judgement.verdict, judgement.hard, judgement.soft) == ("accepted", 0, 2)
    clean = group.clean.select(["row", "WTEMP_DEG_C", "NH4_UEQ_L", "flags"]).to_pylist()
    assert clean == [
        {"row": 2, "WTEMP_DEG_C": 12.0, "NH4_UEQ_L": 1.0, "flags": []},
        {"row": 3, "WTEMP_DEG_C": 28.1, "NH4_UEQ_L": -0.5, "flags": ["unusual.NH4_UEQ_L", "unusual.WTEMP_DEG_C"]},
    ]
