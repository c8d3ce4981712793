"""Faults: each is where the report says, one in its batch, and the rest of the workbook is untouched."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from acidwatch.contract.columns import SAMPLES
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.generate import KINDS, Generated, generate
from acidwatch.workbook.reader import Table, read_table

EXPECTED = {
    "bad-domain": ("domain.SAMPLE_TYPE", "Monthly"),
    "duplicate-key": ("key.duplicate", ...),
    "error-cell": ("type.number", "#DIV/0!"),
    "formula-cell": ("type.number", "=1/0.0805"),
    "future-date": ("date.range", "2099-01-01"),
    "ion-balance": ("balance.charge", 900.0),
    "lost-zeros": ("reference.site", ...),
    "missing-required": ("schema.required", None),
    "old-date": ("date.range", "1950-06-15"),
    "range": ("range.SO4_UEQ_L", 2400.5),
    "text-date": ("type.datetime", "14.06.1992"),
    "text-in-number": ("type.number", "lost"),
    "unknown-programme": ("domain.PROGRAM_ID", "LTM_XX"),
    "unknown-site": ("reference.site", "ZZ999"),
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Generated, Table]:
    made = generate(4000, 7, tmp_path_factory.mktemp("broken"), list(KINDS))
    return made, read_table(made.samples, SAMPLES)


def test_every_kind_is_reported_with_its_cell_and_rule(broken: tuple[Generated, Table]) -> None:
    made, table = broken
    assert {fault.kind for fault in made.faults} == set(KINDS) == set(EXPECTED)
    for fault in made.faults:
        rule, value = EXPECTED[fault.kind]
        assert fault.rule == rule
        assert fault.cell == f"{table.letters[fault.column]}{fault.row}"
        assert fault.batch == (fault.row - 2) // 100
        assert fault.sheet == table.sheet
        if value is not ...:
            assert table.columns[fault.column][fault.row - 2] == value, fault.kind


def test_each_fault_has_a_batch_of_its_own_and_no_other_row_changes(
    broken: tuple[Generated, Table], generated: Generated
) -> None:
    made, table = broken
    whole = read_table(generated.samples, SAMPLES)
    before, after = (zip(*read.columns.values(), strict=True) for read in (whole, table))
    changed = {number for number, a, b in zip(table.row_numbers, before, after, strict=True) if a != b}
    assert changed == {fault.row for fault in made.faults}
    assert len({fault.batch for fault in made.faults}) == len(made.faults)


def test_lost_zeros_are_a_number_in_the_workbook(tmp_path: Path) -> None:
    made = generate(200, 1, tmp_path, ["lost-zeros"])
    (fault,) = made.faults
    sheet = openpyxl.load_workbook(made.samples)["Sheet 1"]
    whole = read_table(generate(200, 1, tmp_path / "whole").samples, SAMPLES)
    number, site = sheet[fault.cell].value, str(whole.columns["SITE_ID"][fault.row - 2])
    assert isinstance(number, int)
    assert site != str(number) == site.lstrip("0")


def test_a_duplicate_key_repeats_the_row_above_in_the_same_batch(broken: tuple[Generated, Table]) -> None:
    made, table = broken
    fault = next(fault for fault in made.faults if fault.kind == "duplicate-key")
    index = fault.row - 2
    assert index % 100
    assert all(values[index] == values[index - 1] for values in table.columns.values())


def test_a_batch_can_be_chosen(tmp_path: Path) -> None:
    made = generate(1000, 3, tmp_path, ["range@4", "bad-domain@4", "old-date@0"])
    assert [(fault.kind, fault.batch) for fault in made.faults if fault.batch != 4] == [("old-date", 0)]
    assert {fault.kind for fault in made.faults if fault.batch == 4} == {"range", "bad-domain"}
    assert len({fault.row for fault in made.faults}) == 3


def test_the_batch_that_is_not_chosen_comes_from_the_seed(tmp_path: Path) -> None:
    batches = {generate(1000, seed, tmp_path, ["range"]).faults[0].batch for seed in range(4)}
    assert len(batches) > 1


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("typo", "there are bad-domain, duplicate-key, error-cell"),
        ("range@10", "no such batch; there are 10"),
        ("range@x", "no such batch"),
        ("lost-zeros@9", "batch 9 has no"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(tmp_path: Path, fault: str, says: str) -> None:
    with pytest.raises(UnusableInputError, match=says):
        generate(1000, 1, tmp_path, [fault])


def test_more_faults_than_batches_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInputError, match="no batch is left"):
        generate(200, 1, tmp_path, ["range", "old-date", "bad-domain"])
