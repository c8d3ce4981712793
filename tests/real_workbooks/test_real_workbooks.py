"""The real workbooks, where they are: every batch is accepted, with exactly the findings that are known of them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from acidwatch.contract.columns import SITES
from acidwatch.contract.headers import read_headers
from acidwatch.contract.judge import judge
from acidwatch.contract.reference import Reference
from acidwatch.workbook.reader import read_table
from services.producer.plan import plan
from tests.unit.contract.makers import SENT_MS, submit

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "ltm"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the real workbooks are not there")

SOFT = {
    "unusual.NH4_UEQ_L": 715,
    "missing.major": 576,
    "balance.ions": 442,
    "conductance.calculated": 187,
    "zero.ion": 42,
    "contradiction.ph-anc": 31,
    "unusual.WTEMP_DEG_C": 20,
    "missing.all": 2,
}


def test_every_real_batch_is_accepted_and_the_soft_findings_are_the_known_ones() -> None:
    sites = read_table(REAL / "Site_Information_2022_8_1.xlsx", SITES).columns
    reference = Reference.of(1, zip(map(str, sites["PROGRAM_ID"]), map(str, sites["SITE_ID"]), strict=True))
    batches = plan(REAL / "LTM_Data_2022_8_1.xlsx", None, 100)
    now = datetime.fromtimestamp(SENT_MS / 1000, UTC)
    submissions = [
        submit(record.value, read_headers(record.headers))
        for record in batches.records("water-quality", now, now, 0, batches.batches)
    ]
    group = judge(submissions, reference)
    assert Counter(judgement.verdict for judgement in group.judgements) == {"accepted": 382}
    assert Counter(finding.rule for judgement in group.judgements for finding in judgement.findings) == SOFT
    assert group.clean.num_rows == 38_200
    flags = Counter(flag for row in group.clean["flags"].to_pylist() for flag in row)
    assert flags == SOFT
