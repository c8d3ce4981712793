"""Outcome events: everything that was said comes back, and what is none is refused."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acidwatch.contract.batch import Origin
from acidwatch.contract.outcome import LONGEST_VALUE, FileRef, Finding, Outcome
from acidwatch.contract.reference import Reference
from tests.unit.contract.makers import QUICK

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=250)
FINDING = st.builds(Finding, st.sampled_from(["hard", "soft"]), TEXT, TEXT, TEXT, TEXT, TEXT, TEXT)
OUTCOME = st.builds(
    Outcome,
    batch_id=TEXT, attempt=st.integers(1, 2**31), verdict=st.sampled_from(["accepted", "rejected"]),
    origin=st.builds(Origin, TEXT, st.integers(0, 99), st.integers(0, 2**62), st.integers(0, 2**62)),
    source_id=TEXT, source=TEXT, source_time=TEXT, batch_index=st.integers(0, 2**31), batch_count=st.none() | st.integers(0, 99),
    subject=TEXT, rows=st.integers(0, 99), hard=st.integers(0, 99), soft=st.integers(0, 99),
    findings=st.lists(FINDING, max_size=3).map(tuple), value_sha256=TEXT, value_bytes=st.integers(0, 99),
    contract_version=TEXT, reference_version=st.integers(0, 99), service_version=TEXT, judged_at=TEXT,
    files=st.lists(st.builds(FileRef, TEXT, TEXT, st.integers(0, 99), TEXT), max_size=2).map(tuple),
    replaces=TEXT, sites=st.lists(TEXT, max_size=2).map(tuple),
)  # fmt: skip


@QUICK
@given(OUTCOME)
def test_an_outcome_comes_back_as_it_was_sent(outcome: Outcome) -> None:
    assert Outcome.decode(outcome.encode()) == outcome


@QUICK
@given(OUTCOME)
def test_what_a_newer_ingestor_added_anywhere_is_left_out(outcome: Outcome) -> None:
    body = orjson.loads(outcome.encode())
    for part in (body, body["origin"], *body["findings"], *body["files"]):
        part["added"] = {"by": "2.0"}
    assert Outcome.decode(orjson.dumps(body)) == outcome


@QUICK
@given(OUTCOME)
def test_the_outcome_of_an_older_ingestor_lacks_what_was_added_since(outcome: Outcome) -> None:
    body = orjson.loads(outcome.encode())
    for name in ("replaces", "sites", "files"):
        del body[name]
    assert Outcome.decode(orjson.dumps(body)) == replace(outcome, replaces="", sites=(), files=())


@QUICK
@given(FINDING)
def test_the_texts_of_a_finding_can_be_shown_and_stored(finding: Finding) -> None:
    for text in (finding.sheet, finding.cell, finding.column, finding.value, finding.message):
        assert text.isprintable()
        assert len(text) <= LONGEST_VALUE


@pytest.mark.parametrize(
    "value", [b"", b"{", b"1", b"null", b"[]", b"{}", b'{"origin": null, "findings": [], "files": []}']
)
def test_what_is_no_outcome_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match="not an outcome event"):
        Outcome.decode(value)


def test_a_reference_knows_its_programmes_and_the_sites_that_begin_with_zero() -> None:
    reference = Reference.of(3, [("LTM_ME", "020058"), ("LTM_CAT", "77"), ("LTM_ME", "000")])
    assert (reference.version, reference.programmes) == (3, ("LTM_CAT", "LTM_ME"))
    assert reference.stripped == {("LTM_ME", "20058"): "020058", ("LTM_ME", ""): "000"}
