"""Which headers a record is sent again with, to be judged as it was: under its id, whatever its new place on the topic."""

from __future__ import annotations

from acidwatch.archive.groupfile import RawRecord
from acidwatch.contract.batch import Origin
from acidwatch.contract.headers import read_headers
from services.versioner.reruns import again_headers

ORIGIN = Origin("water-quality", 0, 7, 1_700_000_000_000)


def record(*headers: tuple[str, bytes | None], attempt: int = 1) -> RawRecord:
    return RawRecord(ORIGIN, b"key", b"value", headers, "the-id-it-was-given", attempt)


def test_a_record_with_an_id_goes_as_it_came() -> None:
    came = record(("ce_id", b"own"), ("ce_attempt", b"3"), ("other", None), attempt=3)
    assert again_headers(came) == came.headers


def test_a_record_without_an_id_goes_as_the_first_attempt_under_the_one_that_it_was_given() -> None:
    found = read_headers(again_headers(record(("ce_attempt", b"7"), ("other", b"x"))))
    assert (found.batch_id, found.attempt) == ("the-id-it-was-given", 1)
