"""Chemistry against values worked out by hand; all concentrations in ueq/L, conductance in uS/cm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acidwatch.chemistry import balance, conductance
from acidwatch.chemistry.classes import ANC_CLASSES
from tests.unit.contract.makers import QUICK

NAN = float("nan")


def arr(*values: float) -> balance.Array:
    return np.array(values, dtype=np.float64)


def one(array: balance.Array) -> float:
    (value,) = array.tolist()
    return float(value)


def test_cations_are_the_base_cations_and_ammonium() -> None:
    # 100 + 40 + 50 + 10 + 5 = 205
    assert one(balance.cations_ueq_l(arr(100), arr(40), arr(50), arr(10), arr(5))) == 205.0


@pytest.mark.parametrize("nh4", [NAN, 0.0, -3.0])
def test_missing_and_negative_ammonium_count_zero(nh4: float) -> None:
    assert one(balance.cations_ueq_l(arr(100), arr(40), arr(50), arr(10), arr(nh4))) == 200.0


def test_anions_are_those_of_strong_acids_and_a_missing_fluoride_counts_zero() -> None:
    # 80 + 10 + 20 + 1 = 111
    values = balance.anions_ueq_l(arr(80, 80), arr(10, 10), arr(20, 20), arr(1, NAN))
    assert values.tolist() == [111.0, 110.0]


@pytest.mark.parametrize("missing", range(4))
def test_a_missing_major_ion_leaves_no_sum(missing: int) -> None:
    ions = [arr(NAN if position == missing else 1.0) for position in range(4)]
    assert np.isnan(one(balance.cations_ueq_l(*ions, arr(1))))
    if missing < 3:
        assert np.isnan(one(balance.anions_ueq_l(ions[0], ions[1], ions[2], arr(1))))


def test_hydrogen_is_ten_to_the_six_minus_ph() -> None:
    # 10^(6 - 6) = 1, 10^(6 - 4) = 100, 10^(6 - 7.5) = 0.0316228
    assert balance.hydrogen_ueq_l(arr(6, 4, 7.5)).tolist() == pytest.approx([1.0, 100.0, 0.0316227766])


def test_the_first_measured_ph_counts_laboratory_then_equilibrated_then_field_then_closed_cell() -> None:
    ph = balance.first_ph(
        arr(5, NAN, NAN, NAN, NAN), arr(6, 6, NAN, NAN, NAN), arr(7, 7, 7, NAN, NAN), arr(8, 8, 8, 8, NAN)
    )
    assert ph.tolist()[:4] == [5.0, 6.0, 7.0, 8.0]
    assert np.isnan(ph[4])


def test_the_charge_difference_takes_anc_as_it_is_even_when_negative() -> None:
    # 205 - 111 - 90 = 4; 205 - 111 - (-20) = 114: Gran ANC already holds -H and is never clipped
    assert balance.charge_difference_ueq_l(arr(205, 205), arr(111, 111), arr(90, -20)).tolist() == [4.0, 114.0]


def test_the_ion_balance_difference_is_a_percentage_of_all_charges() -> None:
    # 100 (205 - 111 - 90) / (205 + 111 + 90 + 2 x 2) = 400 / 410 = 0.97561
    # 100 (150 - 50 - 40) / (150 + 50 + 40 + 0) = 6000 / 240 = 25
    # 100 (50 - 80 + 30) / (50 + 80 - 30 + 2 x 100) = 0 / 300 = 0
    found = balance.ion_balance_difference_percent(
        arr(205, 150, 50), arr(111, 50, 80), arr(90, 40, -30), arr(2, 0, 100)
    )
    assert found.tolist() == pytest.approx([0.9756097561, 25.0, 0.0])


def test_no_charges_at_all_have_no_ion_balance() -> None:
    assert np.isnan(one(balance.ion_balance_difference_percent(arr(0), arr(0), arr(0), arr(0))))


def calculated(**changes: float) -> float:
    ions = {
        "h": 1.0, "nh4": 1.0, "ca": 100.0, "mg": 40.0, "na": 50.0, "k": 10.0, "anc": 90.0, "so4": 80.0, "no3": 10.0, "cl": 20.0, "f": 1.0
    } | changes  # fmt: skip
    return one(conductance.calculated_conductance_us_cm(**{name: arr(value) for name, value in ions.items()}))


def test_conductance_is_the_sum_of_equivalent_conductance_times_concentration() -> None:
    # H 349.65 x 1 = 349.65      NH4 73.5 x 1 = 73.5      Ca 59.47 x 100 = 5947     Mg 53 x 40 = 2120
    # Na 50.08 x 50 = 2504       K 73.48 x 10 = 734.8     HCO3 44.5 x 90 = 4005     SO4 80 x 80 = 6400
    # NO3 71.42 x 10 = 714.2     Cl 76.31 x 20 = 1526.2   F 55.4 x 1 = 55.4
    # sum 24429.75, by 1000
    assert calculated() == pytest.approx(24.42975)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"anc": -50.0}, 24.42975 - 4.005),  # bicarbonate is max(ANC, 0)
        ({"nh4": NAN, "f": NAN}, 24.42975 - 0.0735 - 0.0554),  # what is missing of these counts 0
        ({"nh4": -5.0}, 24.42975 - 0.0735),
        ({"so4": NAN}, NAN),
        ({"h": NAN}, NAN),
    ],
)
def test_conductance_where_ions_are_missing_or_negative(changes: dict[str, float], expected: float) -> None:
    assert calculated(**changes) == pytest.approx(expected, nan_ok=True)


def test_the_conductance_difference_is_a_percentage_of_the_measured_one() -> None:
    # 100 (24 - 20) / 20 = 20; 100 (15 - 20) / 20 = -25
    found = conductance.conductance_difference_percent(arr(24, 15, 1, 1), arr(20, 20, 0, NAN))
    assert found.tolist()[:2] == [20.0, -25.0]
    assert np.isnan(found[2:]).all()


def test_the_limit_of_the_difference_depends_on_the_measured_conductance() -> None:
    assert conductance.conductance_limit_percent(arr(0.5, 4.9, 5, 29.9, 30, 2000)).tolist() == [50, 50, 30, 30, 20, 20]


@QUICK
@given(st.floats(-1000, 10_000))
def test_every_anc_is_in_exactly_one_class(anc: float) -> None:
    inside = [c for c in ANC_CLASSES if (c.low is None or anc >= c.low) and (c.high is None or anc < c.high)]
    assert len(inside) == 1
