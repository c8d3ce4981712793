"""Makes rows, batches and submissions that the contract accepts, to be spoiled by tests; used by other folders as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import settings

from acidwatch.contract.batch import encode
from acidwatch.contract.columns import SAMPLE_NAMES
from acidwatch.contract.headers import BATCH_TYPE, BatchHeaders, column_letters
from acidwatch.contract.judge import Judgement, Submission, judge
from acidwatch.contract.outcome import Finding
from acidwatch.contract.reference import Reference

REFERENCE = Reference.of(7, [("LTM_ME", "020058"), ("LTM_ME", "77"), ("LTM_CAT", "1364959")])
SENT_MS = 1_715_988_600_000  # 2024-05-17T23:30:00Z
LETTERS = {name: column_letters(number) for number, name in enumerate(SAMPLE_NAMES, start=1)}

Row = dict[str, Any]

QUICK = settings(deadline=None, max_examples=25)
"""For property tests: machines that are busy are slow."""

# C = 100 + 40 + 50 + 10 + 1 = 201, A = 80 + 10 + 20 + 1 = 111, ANC = 90: balanced. Conductance 24.19 by calculation.
_SOUND: Row = {
    "SITE_ID": "020058",
    "PROGRAM_ID": "LTM_ME",
    "DATE_SMP": "1992-06-14",
    "SAMPLE_LOCATION": "EPI",
    "SAMPLE_TYPE": "Regular",
    "WATERBODY_TYPE": "Lake",
    "SAMPLE_DEPTH": 0.5,
    "CA_UEQ_L": 100.0,
    "MG_UEQ_L": 40.0,
    "NA_UEQ_L": 50.0,
    "K_UEQ_L": 10.0,
    "NH4_UEQ_L": 1.0,
    "SO4_UEQ_L": 80.0,
    "NO3_UEQ_L": 10.0,
    "CL_UEQ_L": 20.0,
    "F_UEQ_L": 1.0,
    "ANC_UEQ_L": 90.0,
    "PH_LAB": 6.5,
    "COND_UM_CM": 24.0,
    "WTEMP_DEG_C": 12.0,
}


def make_row(**cells: Any) -> Row:
    """A sound row, with some cells changed."""
    return dict.fromkeys(SAMPLE_NAMES) | _SOUND | cells


def make_rows(count: int) -> list[Row]:
    """Sound rows that say different samples."""
    return [make_row(DATE_SMP=f"{1980 + number // 12}-{number % 12 + 1:02}-01") for number in range(count)]


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Rows as columns."""
    return {name: [row[name] for row in rows] for name in rows[0]}


def make_headers(rows: int = 1, **changes: Any) -> BatchHeaders:
    """Headers of a batch that begins in A2 of `Sheet 1`."""
    return BatchHeaders(**{"subject": f"Sheet 1!A2:AD{rows + 1}", "type": BATCH_TYPE} | changes)


def submit(value: bytes | None, headers: BatchHeaders | None = None, **changes: Any) -> Submission:
    """A submission of one value."""
    return Submission(
        **{
            "batch_id": "b",
            "attempt": 1,
            "headers": headers or make_headers(),
            "value": value,
            "timestamp_ms": SENT_MS,
            **changes,
        }
    )


def judge_value(value: bytes | None, headers: BatchHeaders | None = None) -> Judgement:
    """The judgement of one value."""
    return judge([submit(value, headers)], REFERENCE).judgements[0]


def judge_rows(*rows: Row) -> Judgement:
    """The judgement of a batch of these rows."""
    return judge_value(encode(columns_of(rows)), make_headers(len(rows)))


def judge_row(**cells: Any) -> Judgement:
    """The judgement of a sound row with some cells changed."""
    return judge_rows(make_row(**cells))


def rules_of(judgement: Judgement) -> set[str]:
    """Ids of the rules that are broken."""
    return {finding.rule for finding in judgement.findings}


def only(judgement: Judgement, rule: str) -> Finding:
    """The one finding of a rule."""
    (found,) = (finding for finding in judgement.findings if finding.rule == rule)
    return found
