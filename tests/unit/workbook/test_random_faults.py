"""Workbooks of every format, laid out at random, with faults at random: each is found at its cell; without any all is accepted."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acidwatch.contract.columns import SAMPLE_NAMES, SAMPLES
from acidwatch.contract.headers import column_letters, read_headers
from acidwatch.contract.judge import Judgement, judge
from acidwatch.workbook.reader import read_table
from services.producer.plan import Plan
from tests.unit.contract.makers import REFERENCE, SENT_MS, make_rows, submit
from tests.unit.workbook.builders import Cell, Error, Extras, Formula
from tests.unit.workbook.test_formats import BUILDERS

NOW = dt.datetime.fromtimestamp(SENT_MS / 1000, dt.UTC)


@dataclass(frozen=True)
class Fault:
    """What is put into a cell, and the rule that must find it there; `not_in` are formats that can't say it."""

    column: str
    cell: Cell
    rule: str
    not_in: tuple[str, ...] = ()


FAULTS = (
    Fault("SO4_UEQ_L", 2400.5, "range.SO4_UEQ_L"),
    Fault("SO4_UEQ_L", "<2400", "range.SO4_UEQ_L"),
    Fault("CL_UEQ_L", Error("#DIV/0!"), "type.number"),
    Fault("CL_UEQ_L", Formula("1/0", Error("#REF!")), "type.number"),
    Fault("NO3_UEQ_L", Formula("A1+B1"), "type.number", ("xlsb",)),
    Fault("K_UEQ_L", True, "type.number"),
    Fault("CA_UEQ_L", "lost", "type.number"),
    Fault("MG_UEQ_L", "0,25", "type.number"),
    Fault("NA_UEQ_L", "1 234", "type.number"),
    Fault("SAMPLE_DEPTH", "<0.5", "type.number"),
    Fault("DATE_SMP", "03/04/1992", "type.datetime"),
    Fault("DATE_SMP", dt.datetime(2090, 1, 1), "date.range"),
    Fault("SITE_ID", 20058.0, "reference.site", ("csv",)),
    Fault("SITE_ID", "20058", "reference.site"),
    Fault("PROGRAM_ID", None, "schema.required"),
    Fault("SAMPLE_TYPE", "Monthly", "domain.SAMPLE_TYPE"),
    Fault("CHL_A_UG_L", "<0.5", "censored.below"),
    Fault("CHL_A_UG_L", "0.2 U", "censored.below"),
    Fault("SECCHI_M", ">12", "censored.above"),
    Fault("DOC_MG_L", "n.d.", "text.missing"),
    Fault("DOC_MG_L", "-", "text.missing"),
    Fault("SIO2_MG_L", "1E-3", "text.number", ("csv",)),
    Fault("F_UEQ_L", "1.0 J", "text.estimated"),
)


@dataclass(frozen=True)
class Layout:
    """How a sheet is laid out."""

    kind: str
    titles: int
    units: bool
    order: int
    extra: bool
    blank: bool
    lower: bool


_YES_OR_NO = st.booleans()
LAYOUTS = st.builds(
    Layout, st.sampled_from(sorted(BUILDERS)), st.integers(0, 2), _YES_OR_NO, st.integers(0, 99), _YES_OR_NO, _YES_OR_NO, _YES_OR_NO
)  # fmt: skip


def lay_out(path: Path, layout: Layout, faults: dict[int, Fault]) -> dict[int, str]:
    """Write five sound rows with faults in some; returns the cell of each fault."""
    names = list(SAMPLE_NAMES)
    random.Random(layout.order).shuffle(names)
    if layout.extra:
        names.insert(layout.order % 20, "remark of the lab")
    rows: list[list[Cell]] = [[f"Survey {number}"] for number in range(layout.titles)]
    rows.append([name.lower() if layout.lower else name for name in names])
    if layout.units:
        unit = {column.name: column.unit if column.kind == "number" else None for column in SAMPLES}
        rows.append([unit.get(name) for name in names])
    cells: dict[int, str] = {}
    for index, row in enumerate(make_rows(5)):
        if layout.blank and index == 2:
            rows.append([])
        written = {**row, "DATE_SMP": dt.datetime.fromisoformat(row["DATE_SMP"]), "remark of the lab": "windy"}
        if index in faults:
            written[faults[index].column] = faults[index].cell
            cells[index] = f"{column_letters(names.index(faults[index].column) + 1)}{len(rows) + 1}"
        rows.append([written[name] for name in names])
    BUILDERS[layout.kind](path, rows, Extras())
    return cells


def judgement_of(path: Path) -> Judgement:
    (record,) = Plan(read_table(path, SAMPLES), 100).records("t", NOW, NOW, 0, 1)
    return judge([submit(record.value, read_headers(record.headers))], REFERENCE).judgements[0]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LAYOUTS, st.dictionaries(st.integers(0, 4), st.sampled_from(FAULTS), min_size=1))
def test_each_fault_is_found_at_its_cell(tmp_path: Path, layout: Layout, faults: dict[int, Fault]) -> None:
    faults = {row: fault for row, fault in faults.items() if layout.kind not in fault.not_in}
    path = tmp_path / f"samples.{layout.kind}"
    cells = lay_out(path, layout, faults)
    judgement = judgement_of(path)
    assert judgement.rows == 5
    found = {(finding.cell, finding.rule) for finding in judgement.findings}
    assert {(cells[row], fault.rule) for row, fault in faults.items()} <= found
    # Nothing is found in a cell that has no fault; what is wrong with a whole row is said of rows with one.
    rows = {cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for cell in cells.values()}
    assert {cell for cell, _ in found} - set(cells.values()) <= rows | {
        f"{letters}{row}" for row in rows for letters in _letters(path)
    }


def _letters(path: Path) -> list[str]:
    # Rules that compare columns point at one of them.
    letters = read_table(path, SAMPLES).letters
    return [letters["COND_UM_CM"], letters["ANC_UEQ_L"]]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LAYOUTS)
def test_a_workbook_without_a_fault_is_accepted_without_a_finding(tmp_path: Path, layout: Layout) -> None:
    path = tmp_path / f"samples.{layout.kind}"
    lay_out(path, layout, {})
    judgement = judgement_of(path)
    assert (judgement.rows, judgement.findings) == (5, [])
