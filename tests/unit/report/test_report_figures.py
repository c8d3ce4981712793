from __future__ import annotations

import pytest

from acidwatch.report.figures import compact, number, percent, probability, signed
from acidwatch.report.parameters import coarse_parameters


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-1.234, "−1.23"), (12.345, "12.3"), (123.4, "123"), (1234.5, "1,234"), (0.012345, "0.0123"), (None, "–"),
     (9.999, "10.0"), (999.9, "1,000")],
)  # fmt: skip
def test_numbers_have_three_digits_and_no_exponent(value: float | None, text: str) -> None:
    assert number(value) == text


def test_changes_bear_their_sign() -> None:
    assert [signed(value) for value in (1.26, -0.5, 0.0, None)] == ["+1.3", "−0.50", "0", "–"]


def test_probabilities_are_never_falsely_certain() -> None:
    assert [probability(p) for p in (0.0, 0.0421, 0.5, 0.9999, None)] == ["< 0.001", "0.042", "0.50", "> 0.999", "–"]


def test_a_share_of_nothing_is_no_number() -> None:
    assert percent(1, 0) == "–" and percent(2, 3) == "67 %"


def test_embedded_numbers_are_short() -> None:
    assert [compact(value) for value in (3.0, 1.23456, None)] == [3, 1.235, None]


def test_a_parameter_is_coarse_only_where_whole_numbers_hide_what_changes() -> None:
    def row(parameter: str, low: float, q1: float, q3: float, high: float) -> dict[str, object]:
        return {"parameter": parameter, "min": low, "q1": q1, "median": (q1 + q3) / 2, "q3": q3, "max": high}

    rows = [
        row("PH_LAB", 4, 5.25, 6.25, 7),
        row("SO4", 20, 60, 100, 180),
        row("DOC", 2.1, 3, 4, 6.5),
        row("DOC", 2, 3, 4, 6),
    ]
    assert coarse_parameters(rows) == {"PH_LAB"}
    assert coarse_parameters([row("PH_LAB", 5, 5.7, 6.3, 7)]) == set(), "only its ends happen to be whole"
