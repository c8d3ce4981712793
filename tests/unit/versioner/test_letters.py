"""Dead letters: the original bytes from raw/, published before they are marked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from acidwatch.archive.groupfile import RawRecord, manifest, raw_file
from acidwatch.archive.memory import MemoryStore
from acidwatch.broker.send import Record
from acidwatch.contract.batch import Origin
from acidwatch.errors import DependencyAwayError
from acidwatch.telemetry.health import Health
from services.versioner.commit import OutcomeCommit
from services.versioner.letters import Letters
from tests.support.outcomes import outcome

WHEN = datetime(2024, 5, 17, tzinfo=UTC)


class FakeLedger:
    """Stands for PostgreSQL: its dead letters, asked and marked with the statements of acidwatch.ledger.letters."""

    def __init__(self, diary: list[Any]) -> None:
        self.diary, self.transactions = diary, 0
        self.rows: list[dict[str, Any]] = []

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """A connection that knows two statements."""
        self.transactions += 1
        yield SimpleNamespace(execute=self._execute)

    def _execute(self, statement: str, parameters: Any) -> list[dict[str, Any]]:
        if statement.startswith("SELECT"):
            return [row for row in self.rows if row["state"] == "pending"][: parameters["limit"]]
        assert statement.startswith("UPDATE ledger.dead_letters")
        *_, topic, partition, offset, batch_id, attempt = parameters
        for row in self.rows:
            if (row["batch_id"], row["attempt"]) == (batch_id, attempt):
                row["state"] = "published"
        self.diary.append(("marked", batch_id, (topic, partition, offset)))
        return []

    def add(self, number: int, **changes: Any) -> None:
        """A pending letter whose record has this offset."""
        self.rows.append(
            {
                "batch_id": f"b-{number}", "attempt": 1, "failures": 1, "topic": "water-quality", "partition": 0, "offset": number,
                "timestamp_ms": 5, "value_bytes": 1, "path": "raw/1.parquet",
                "reason": "range.CA_UEQ_L", "message": "too much", "rules": ["range.CA_UEQ_L"],
                "first_failed_at": WHEN, "last_failed_at": WHEN, "service_version": "1.2", "state": "pending",
            }
            | changes
        )  # fmt: skip


class FakeSender:
    """Stands for the broker."""

    def __init__(self, diary: list[Any]) -> None:
        self.diary, self.away = diary, False

    async def send(self, records: Sequence[Record]) -> list[Any]:
        """Confirm them at offsets from 100 on."""
        if self.away:
            raise DependencyAwayError("Kafka", "nowhere:9092", "no answer")
        self.diary.append(("sent", list(records)))
        return [SimpleNamespace(topic="dlq", partition=0, offset=100 + n) for n in range(len(records))]


class Scene:
    """Letters over a fake database and broker, and an archive in memory."""

    def __init__(self) -> None:
        self.diary: list[Any] = []
        self.ledger, self.sender, self.store = FakeLedger(self.diary), FakeSender(self.diary), MemoryStore()
        self.letters = Letters(self.ledger, self.store, self.sender, "dlq", 1_000_000)  # type: ignore[arg-type]

    def archive(self, *records: RawRecord, path: str = "raw/1.parquet") -> None:
        """Put records into raw/."""
        became = [replace(outcome("b", 0, value=record.value or b""), origin=record.origin) for record in records]
        self.store.publish(path, raw_file(records, manifest(became, {"raw": path}, with_findings=True)))

    def publish(self) -> int:
        """Publish what is pending."""
        return asyncio.run(self.letters.publish([row["batch_id"] for row in self.ledger.rows]))

    @property
    def sent(self) -> list[Record]:
        """All that was sent."""
        return [record for entry in self.diary if entry[0] == "sent" for record in entry[1]]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def raw(
    offset: int, value: bytes | None = b"v", headers: tuple[tuple[str, bytes | None], ...] = (("ce_id", b"x"),)
) -> RawRecord:
    return RawRecord(Origin("water-quality", 0, offset, 5), b"key", value, headers, f"b-{offset}", 1)


def test_a_letter_is_the_original_record_byte_for_byte_and_why_it_failed(scene: Scene) -> None:
    headers = (("ce_id", b"x"), ("ce_id", b"\xff"), ("n", None))
    scene.archive(raw(6), raw(7, b"\x00not json", headers))
    scene.ledger.add(7, failures=2, rules=["a.b", "c.d"])
    assert scene.publish() == 1
    (letter,) = scene.sent
    assert (letter.topic, letter.key, letter.value) == ("dlq", b"key", b"\x00not json")
    assert tuple(letter.headers[:3]) == headers
    said = dict(letter.headers[3:])
    assert (said["dlq-batch-id"], said["dlq-origin-offset"], said["dlq-failures"], said["dlq-rules"]) == (
        b"b-7",
        b"7",
        b"2",
        b"a.b,c.d",
    )
    assert (said["dlq-archive-path"], said["dlq-service-version"]) == (b"raw/1.parquet", b"1.2")


def test_a_letter_that_was_replayed_and_failed_again_carries_one_set_of_headers(scene: Scene) -> None:
    scene.archive(raw(7, headers=(("ce_id", b"x"), ("dlq-reason", b"old"), ("dlq-offset", b"1"))))
    scene.ledger.add(7)
    scene.publish()
    names = [name for name, _ in scene.sent[0].headers]
    assert names.count("dlq-reason") == 1
    assert "dlq-offset" not in names


def test_a_record_that_came_compressed_and_is_too_large_for_a_letter_is_named_not_copied(scene: Scene) -> None:
    scene.archive(raw(7, b"x" * 1_000_001))
    scene.ledger.add(7)
    assert scene.publish() == 1
    (letter,) = scene.sent
    said = dict(letter.headers)
    assert letter.value == b""
    assert (said["dlq-value-omitted"], said["dlq-archive-path"]) == (b"1000001", b"raw/1.parquet")


def test_headers_that_came_compressed_and_are_too_large_for_a_letter_are_named_not_copied(scene: Scene) -> None:
    large = raw(7, b"{", (("ce_id", b"x"), ("n", b"0" * 1024**2)))
    scene.archive(large, raw(8))
    scene.ledger.add(7)
    scene.ledger.add(8)
    assert scene.publish() == 2
    letter, other = scene.sent
    said = dict(letter.headers)
    assert (letter.key, letter.value) == (None, b"{")
    assert (said["dlq-headers-omitted"], said["dlq-archive-path"]) == (b"true", b"raw/1.parquet")
    assert all(name.startswith("dlq-") for name in said) and not letter.why_not(100_000)
    assert other.key == b"key" and "dlq-headers-omitted" not in dict(other.headers)


def test_a_record_with_neither_key_nor_value_becomes_a_letter_that_says_so(scene: Scene) -> None:
    scene.archive(RawRecord(Origin("water-quality", 0, 7, 5), None, None, (), "b-7", 1))
    scene.ledger.add(7)
    assert scene.publish() == 1
    (letter,) = scene.sent
    assert (letter.value, dict(letter.headers)["dlq-value-null"]) == (b"", b"true")


def test_a_raw_file_that_is_missing_pauses_the_versioner(scene: Scene) -> None:
    scene.ledger.add(7)
    with pytest.raises(DependencyAwayError, match=r"raw/1\.parquet is not in the archive"):
        scene.publish()
    scene.archive(raw(7))
    assert scene.publish() == 1


def test_letters_are_marked_only_after_the_broker_confirmed_them_with_where_it_put_them(scene: Scene) -> None:
    scene.archive(raw(1), raw(2))
    scene.ledger.add(1)
    scene.ledger.add(2)
    assert scene.publish() == 2
    assert [entry[0] for entry in scene.diary] == ["sent", "marked", "marked"]
    assert scene.diary[1:] == [("marked", "b-1", ("dlq", 0, 100)), ("marked", "b-2", ("dlq", 0, 101))]


def test_no_more_letters_are_read_at_once_than_fit_into_the_memory_but_always_one(scene: Scene) -> None:
    scene.archive(*map(raw, range(1, 6)))
    for number, size in enumerate([40 << 20, 20 << 20, 12 << 20, 1, 30 << 20], start=1):
        scene.ledger.add(number, value_bytes=size)
    assert scene.publish() == 5
    assert [len(entry[1]) for entry in scene.diary if entry[0] == "sent"] == [1, 2, 2]


def test_what_the_broker_did_not_confirm_stays_pending_and_is_published_later(scene: Scene) -> None:
    scene.archive(raw(1))
    scene.ledger.add(1)
    scene.sender.away = True
    with pytest.raises(DependencyAwayError):
        scene.publish()
    assert (scene.diary, scene.ledger.rows[0]["state"]) == ([], "pending")
    scene.sender.away = False
    assert (scene.publish(), scene.publish()) == (1, 0)


def test_a_record_of_a_topic_made_anew_is_not_mistaken_for_the_old_one(scene: Scene) -> None:
    old = raw(7, b"old")
    new = RawRecord(Origin("water-quality", 0, 7, 99), b"key", b"new", (), "b-7", 1)
    scene.archive(old, new)
    scene.ledger.add(7, timestamp_ms=99)
    scene.publish()
    assert [letter.value for letter in scene.sent] == [b"new"]


def test_many_letters_of_several_files_are_published_in_parts(scene: Scene) -> None:
    scene.archive(*(raw(n) for n in range(60)))
    scene.archive(*(raw(n) for n in range(60, 120)), path="raw/2.parquet")
    for n in range(120):
        scene.ledger.add(n, path="raw/1.parquet" if n < 60 else "raw/2.parquet")
    assert scene.publish() == 120
    assert [len(entry[1]) for entry in scene.diary if entry[0] == "sent"] == [50, 50, 20]
    assert len({dict(letter.headers)["dlq-batch-id"] for letter in scene.sent}) == 120


def test_nothing_pending_sends_nothing(scene: Scene) -> None:
    assert (scene.publish(), scene.diary) == (0, [])


@pytest.mark.parametrize("value", [None, b"{}", b"no outcome"])
def test_what_is_no_outcome_stops_the_versioner_before_anything_is_recorded(scene: Scene, value: bytes | None) -> None:
    reruns = SimpleNamespace()
    commit = OutcomeCommit(scene.ledger, scene.letters, reruns, Health("versioner"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not an outcome event"):
        asyncio.run(commit([SimpleNamespace(message=SimpleNamespace(value=value))]))
    assert (scene.ledger.transactions, scene.diary) == (0, [])
