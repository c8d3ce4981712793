"""Records that go back: stamped with id and attempt, refused before they are numbered when the topic would not take them."""

from __future__ import annotations

from acidwatch.recovery.redrive import Outgoing, stamp


def test_a_record_keeps_its_headers_but_for_id_and_attempt() -> None:
    headers = (("a", b"1"), ("ce_attempt", b"1"), ("ce_id", None), ("ce_id", b"bad id\xff"), ("a", b"2"), ("n", None))
    record = Outgoing("b-1", b"key", b"value", headers).record("topic", 4)
    assert record.headers == [("a", b"1"), ("ce_attempt", b"4"), ("ce_id", b"b-1"), ("a", b"2"), ("n", None)]
    assert (record.topic, record.key, record.value) == ("topic", b"key", b"value")


def test_a_record_without_headers_gets_both_and_a_copy_no_attempt() -> None:
    outgoing = Outgoing("b-1", None, b"value", ())
    assert outgoing.record("topic", 2).headers == [("ce_id", b"b-1"), ("ce_attempt", b"2")]
    assert outgoing.record("topic", None).headers == [("ce_id", b"b-1")]


def test_a_header_is_taken_away_wherever_it_stands() -> None:
    assert stamp([("x", b"1"), ("y", b"2"), ("x", b"3")], {"x": None}) == [("y", b"2")]


def test_what_the_topic_would_not_take_says_why() -> None:
    assert Outgoing("b", None, b"x" * 5_000, ()).why_not(8_000) == ""
    assert "the topic takes 8000" in Outgoing("b", None, b"x" * 7_500, ()).why_not(8_000)
    assert "the topic takes 8000" in Outgoing("b", None, b"x", (("h", b"x" * 8_000),)).why_not(8_000)
    assert "neither key nor value" in Outgoing("b", None, None, ()).why_not(8_000)
    assert Outgoing("b", b"key", None, ()).why_not(8_000) == ""
