"""A workbook checked offline gets, batch by batch, the verdict and the findings that the ingestor gives its records."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acidwatch.checking.check import check
from acidwatch.checking.reference import read_reference_tables, reference_of_sites
from acidwatch.contract.batch import Origin
from acidwatch.contract.outcome import Finding
from acidwatch.contract.reference import Reference
from acidwatch.workbook.generate import KINDS, generate
from services.ingestor.judge import Judged, Received, judge_group
from services.producer.plan import Plan, plan
from tests.unit.checking.makers import NOW, check_rows, spoiled, write_rows
from tests.unit.contract.makers import QUICK, REFERENCE

ROWS = 100 * len(KINDS)


def ingested(batches: Plan, reference: Reference) -> Judged:
    """What the ingestor makes of the records that `send` puts on the topic."""
    stamp = int(NOW.timestamp() * 1000)
    records = batches.records("water-quality", NOW, NOW, 0, batches.batches)
    received = [
        Received(Origin("water-quality", 0, offset, stamp), record.key, record.value, tuple(record.headers))
        for offset, record in enumerate(records)
    ]
    return judge_group(received, reference, NOW)


def assert_the_same(batches: Plan, reference: Reference) -> None:
    checked = check(batches.records("", NOW, NOW, 0, batches.batches), reference, NOW)
    judged = ingested(batches, reference)
    assert checked.rejected == [o.batch_index for o in judged.outcomes if o.verdict == "rejected"]
    assert (checked.hard, checked.soft) == (sum(o.hard for o in judged.outcomes), sum(o.soft for o in judged.outcomes))
    assert (checked.batches, checked.rows) == (len(judged.outcomes), sum(o.rows for o in judged.outcomes))
    expected: list[Finding] = [finding for findings in judged.findings for finding in findings]
    assert checked.findings == expected


@pytest.mark.parametrize("seed", [1, 2])
def test_every_named_fault_is_found_as_the_ingestor_finds_it(tmp_path: Path, seed: int) -> None:
    made = generate(ROWS, seed, tmp_path, list(KINDS))
    reference = reference_of_sites(read_reference_tables(made.sites, made.methods)["sites"])
    batches = plan(made.samples, None, 100)
    assert_the_same(batches, reference)
    checked = check(batches.records("", NOW, NOW, 0, batches.batches), reference, NOW)
    assert checked.rejected == sorted(fault.batch for fault in made.faults)
    found = {(finding.rule, finding.cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")) for finding in checked.findings}
    assert {(fault.rule, str(fault.row)) for fault in made.faults} <= found, "all of them in one pass"


CELLS = st.one_of(
    st.none(), st.floats(-500, 3000), st.sampled_from(["n.d.", "<0.5", "47,5", "=1+1", "EPI", "Lake", "20058", "1992-06-14", "  "])
)  # fmt: skip
COLUMNS = st.sampled_from(
    ["SITE_ID", "PROGRAM_ID", "DATE_SMP", "SAMPLE_TYPE", "SO4_UEQ_L", "CA_UEQ_L", "PH_LAB", "ANC_UEQ_L"]
)


@given(st.dictionaries(st.integers(2, 13), st.dictionaries(COLUMNS, CELLS, max_size=3), max_size=6), st.integers(1, 12))
@settings(parent=QUICK)
def test_whatever_is_in_the_cells_both_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[int, dict[str, object]], batch_rows: int
) -> None:
    path = write_rows(tmp_path_factory.mktemp("book") / "samples.xlsx", spoiled(12, changes))
    assert_the_same(plan(path, None, batch_rows), REFERENCE)


def test_more_groups_than_one_are_judged_as_one(tmp_path: Path) -> None:
    rows = spoiled(130, {7: {"SAMPLE_TYPE": "Monthly"}, 120: {"SO4_UEQ_L": 4803.0}})
    assert_the_same(plan(write_rows(tmp_path / "samples.xlsx", rows), None, 1), REFERENCE)
    assert check_rows(tmp_path, rows).checked.rejected == [0, 1]
