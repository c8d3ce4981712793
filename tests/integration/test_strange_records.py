"""Records that no producer of ours would send, on real servers: each is accepted or becomes a dead letter with a reason and its own bytes.

They are all sent at once, between the batches of a good workbook, so that they share groups with it and with each other.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import cramjam
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from acidwatch.broker.send import Record
from acidwatch.contract.columns import SAMPLES
from services.producer.plan import plan
from tests.support.deployment import Deployment

ROWS = 10
ESCAPED = r"\xff\xfe"
HOSTILE = "'; DROP TABLE ledger.batches; -- \x00\x1b[31m\u202e\n\x85\u2028"

Place = tuple[int, int]  # partition, offset
Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Strange:
    """A record, and what must become of it.

    Attributes:
        reason: The rule for which it is rejected; empty = it is accepted.
        attempt: The attempt under which it is judged.
        packed: Sent compressed, it unpacks to more than is read.
    """

    value: bytes | None
    headers: Headers = ()
    key: bytes | None = b"k"
    reason: str = ""
    attempt: int = 1
    packed: bool = False


@dataclass(frozen=True)
class Run:
    """What was sent where, and what became of it."""

    places: dict[str, Place]
    letters: dict[Place, Any]
    attempts: dict[Place, dict[str, Any]]
    refused: BaseException


def good(deployment: Deployment) -> list[Record]:
    """Batches of a workbook whose sites are known."""
    made = deployment.generate(60 * ROWS, seed=51)
    deployment.load_reference(made)
    return list(plan(made.samples, None, ROWS).records("", datetime.now(UTC), datetime.now(UTC), 0, 60))


def changed(record: Record, **headers: bytes | None) -> list[tuple[str, bytes | None]]:
    """Its headers, some of them with another value."""
    return [(name, headers.get(name.removeprefix("ce_"), value)) for name, value in record.headers]


def with_cells(record: Record, **cells: Any) -> bytes:
    """Its value, with the first cell of some columns changed."""
    columns = orjson.loads(record.value or b"")["columns"]
    for name, cell in cells.items():
        columns[name][0] = cell
    return orjson.dumps({"columns": columns})


def strange(batches: list[Record]) -> dict[str, Strange]:
    """Every kind of record, by name. Each takes a batch of its own, so that none is a repetition of another."""
    left = iter(batches)
    one = next(left)
    value = one.value or b""
    columns = orjson.loads(value)["columns"]
    noise = random.Random(1)
    texts = {column.name: HOSTILE for column in SAMPLES if column.kind == "text"}
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    twice = value.replace(b'{"columns":{', b'{"columns":{"CA_UEQ_L":[' + b",".join([b"1"] * ROWS) + b"],", 1)

    def accepted(**headers: bytes) -> Strange:
        record = next(left)
        return Strange(record.value, changed(record, **headers))

    def rejected(reason: str, value: bytes | None, **headers: bytes | None) -> Strange:
        return Strange(value, changed(next(left), **headers), reason=reason)

    found = {
        "random bytes": Strange(noise.randbytes(1000), reason="decode.json"),
        "random bytes with our headers": rejected("decode.json", noise.randbytes(1000)),
        "an empty value": Strange(b"", reason="decode.empty"),
        "a null value": Strange(None, reason="decode.empty"),
        "a null value with our headers": rejected("decode.empty", None),
        "neither key nor value": Strange(None, key=None, reason="decode.empty"),
        "no headers": Strange(value),
        "no key": Strange(with_cells(next(left)), key=None),
        "a key of bytes": Strange(with_cells(next(left)), key=b"\xff\x00\xfe"),
        "a number": Strange(b"42", reason="decode.shape"),
        "a string": Strange(b'"batch"', reason="decode.shape"),
        "a list": Strange(orjson.dumps(rows), reason="decode.shape"),
        "columns that are a list": Strange(b'{"columns": []}', reason="decode.shape"),
        "columns of several lengths": Strange(b'{"columns": {"A": [1], "B": []}}', reason="decode.shape"),
        "one column only": Strange(b'{"columns": {"SITE_ID": ["1"]}}', reason="schema.missing-column"),
        "a number as text": rejected("type.number", with_cells(one, CA_UEQ_L="12,5")),
        "a text as number": rejected("type.text", with_cells(one, SITE_ID=True)),
        "an object as cell": rejected("type.number", with_cells(one, CA_UEQ_L={"a": 1})),
        "deep JSON": Strange(b"[" * 100_000 + b"]" * 100_000, reason="decode.json"),
        "deep JSON in a cell": rejected("type.text", with_cells(one, SITE_ID=orjson.Fragment(b"[" * 900 + b"]" * 900))),
        "nearly the largest record": Strange(noise.randbytes(8 * 1024**2 - 4096), reason="decode.json"),
        "another schema version": rejected("header.type", value, type=b"org.acidwatch.batch.v2"),
        "a list of records": Strange(orjson.dumps({"records": [row | {"TIME_SMP": "0101"} for row in rows]})),
        "attempt x": accepted(attempt=b"x"),
        "a huge attempt": accepted(attempt=b"9" * 40),
        "a negative attempt": accepted(attempt=b"-1"),
        "bytes as headers": accepted(
            source=b"\xff\xfe", subject=b"\x00", sourcetime=b"soon", batchindex=b"-", batchcount=b""
        ),
        "hostile headers": accepted(
            source=HOSTILE.encode(), sourceid=HOSTILE.encode(), subject=HOSTILE.encode(), replaces=HOSTILE.encode()
        ),
        "a hostile id": accepted(id=HOSTILE.encode()),
        "null headers": Strange((record := next(left)).value, [(name, None) for name, _ in record.headers]),
        "hostile texts": rejected("domain.SAMPLE_LOCATION", with_cells(one, **texts)),
        "hostile names of columns": rejected("schema.missing-column", orjson.dumps({"columns": {HOSTILE: [1]}})),
        "a name twice": rejected("decode.repeated-name", twice),
        "not a number": rejected("decode.json", value.replace(b"null", b"NaN", 1) if b"null" in value else b"NaN"),
        "huge numbers": rejected("range.CA_UEQ_L", with_cells(one, CA_UEQ_L=1e308)),
        "UTF-16": Strange(value.decode().encode("utf-16"), reason="decode.json"),
    }
    record = next(left)
    found["a large attempt"] = Strange(record.value, changed(record, attempt=b"999999999"), attempt=999_999_999)
    record = next(left)
    found["headers twice"] = Strange(record.value, [*record.headers, *changed(one, attempt=b"7")])
    record = next(left)
    found["letters of ours"] = Strange(
        b"{", [*record.headers, ("x", b""), ("x", None), ("", b"y")], reason="decode.json"
    )
    found["a header name that is no UTF-8"] = Strange(b"{", [(ESCAPED, b"\xff"), ("x", b"y")], reason="decode.json")
    found["a compressed record larger than any"] = Strange(bytes(20_000_000), reason="header.type", packed=True)
    return found


@pytest.fixture(scope="module")
def sent(deployment: Deployment) -> dict[str, Strange]:
    """The strange records."""
    return strange(good(deployment))


@pytest.fixture(scope="module")
def run(deployment: Deployment, sent: dict[str, Strange]) -> Run:
    """Send them, with good batches behind, and wait until all are accounted for."""
    services = [deployment.start("ingestor", flood_share="1"), deployment.start("versioner")]
    places, refused = asyncio.run(produce(deployment, sent))
    deployment.cli("wait", "--timeout", "90s")
    made = deployment.generate(200, seed=51)
    deployment.load_reference(made)
    deployment.send_and_wait(made.samples)
    letters = asyncio.run(read_letters(deployment))
    assert [service.popen.poll() for service in services] == [None, None], "both went on"
    attempts = {
        (row[0], row[1]): dict(zip(("batch_id", "attempt", "verdict", "rows", "findings"), row[2:], strict=True))
        for row in deployment.query(
            'SELECT partition, "offset", batch_id, attempt, verdict, rows, findings FROM ledger.attempts'
        )
    }
    assert [service.stop() for service in services] == [0, 0]
    return Run(places, letters, attempts, refused)


async def produce(deployment: Deployment, records: dict[str, Strange]) -> tuple[dict[str, Place], BaseException]:
    """Send the records with a client as anybody may have; also one that is larger than the topic takes."""
    topic = deployment.env["ACIDWATCH_TOPIC_BATCHES"]
    producer = AIOKafkaProducer(
        bootstrap_servers=deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"], max_request_size=40 * 1024**2
    )
    await producer.start()
    try:
        await producer.partitions_for(topic)
        places = {}
        for number, (name, record) in enumerate(records.items()):
            place = await put(producer, TopicPartition(topic, number % 3), record)
            places[name] = (place.partition, place.offset)
        with pytest.raises(MessageSizeTooLargeError) as refused:
            await producer.send_and_wait(topic, random.Random(2).randbytes(10_000_000))
        return places, refused.value
    finally:
        await producer.stop()


async def put(producer: AIOKafkaProducer, partition: TopicPartition, record: Strange) -> Any:
    """Send past the client's own checks: another client may send what this one does not."""
    names = [name for name, _ in record.headers]
    if record.packed:
        compressing = DefaultRecordBatchBuilder(
            magic=2, compression_type=4, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=10**8
        )  # fmt: skip
        compressing.append(0, timestamp=int(time.time() * 1000), key=record.key, value=record.value, headers=[])
        batch = producer.create_batch()
        batch.append(timestamp=None, key=None, value=b"", headers=[])
        batch._build()
        batch._buffer = compressing.build()
        return await (await producer.send_batch(batch, partition.topic, partition=partition.partition))
    if ESCAPED not in names:
        accumulator = producer._message_accumulator
        return await (
            await accumulator.add_message(partition, record.key, record.value, 30.0, headers=list(record.headers))
        )
    builder = producer.create_batch()
    headers = [("??" if name == ESCAPED else name, value) for name, value in record.headers]
    builder.append(timestamp=None, key=record.key, value=record.value, headers=headers)
    builder._build()
    data = bytearray(builder._buffer).replace(b"??", b"\xff\xfe")
    data[17:21] = calc_crc32c(bytes(data[21:])).to_bytes(4, "big")
    builder._buffer = data
    return await (await producer.send_batch(builder, partition.topic, partition=partition.partition))


async def read_letters(deployment: Deployment) -> dict[Place, Any]:
    """Every dead letter on the topic, by the place of its record."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"], auto_offset_reset="earliest", max_partition_fetch_bytes=20 * 1024**2
    )  # fmt: skip
    await consumer.start()
    try:
        partitions = [TopicPartition(deployment.env["ACIDWATCH_TOPIC_LETTERS"], number) for number in range(3)]
        ends = await consumer.end_offsets(partitions)
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        found: dict[Place, Any] = {}
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for batch in (await consumer.getmany(timeout_ms=1000)).values():
                for letter in batch:
                    headers = dict(letter.headers)
                    place = int(headers["dlq-origin-partition"]), int(headers["dlq-origin-offset"])
                    assert place not in found, "one letter for each record"
                    found[place] = letter
        return found
    finally:
        await consumer.stop()


def test_each_is_accepted_or_rejected_for_the_reason_that_holds(run: Run, sent: dict[str, Strange]) -> None:
    became = {}
    for name, place in run.places.items():
        attempt = run.attempts[place]
        hard = [finding["rule"] for finding in attempt["findings"] if finding["severity"] == "hard"]
        became[name] = (attempt["verdict"], hard[0] if hard else "", attempt["attempt"])
    assert became == {
        name: ("rejected" if record.reason else "accepted", record.reason, record.attempt)
        for name, record in sent.items()
    }


def test_each_rejected_one_is_a_dead_letter_with_the_bytes_that_were_sent(run: Run, sent: dict[str, Strange]) -> None:
    rejected = {name: record for name, record in sent.items() if record.reason}
    assert set(run.letters) == {run.places[name] for name in rejected}
    for name, record in rejected.items():
        letter = run.letters[run.places[name]]
        headers = dict(letter.headers)
        assert headers["dlq-reason"] == record.reason.encode(), name
        assert headers["dlq-message"], name
        assert list(letter.headers[: len(record.headers)]) == list(record.headers), name
        if record.packed:
            assert (record.value or b"") in bytes(cramjam.zstd.decompress(letter.value[61:])), (
                "all of the batch is there"
            )
            continue
        assert letter.key == record.key, name
        if record.key is None and record.value is None:
            assert (letter.value, headers["dlq-value-null"]) == (b"", b"true")
        else:
            assert letter.value == record.value, name


def test_a_record_larger_than_the_topic_takes_is_refused_where_it_is_sent(run: Run) -> None:
    assert isinstance(run.refused, MessageSizeTooLargeError)


def test_what_people_are_shown_has_no_control_characters(deployment: Deployment, run: Run) -> None:
    rows = deployment.query("SELECT name FROM ledger.sources")
    rows += deployment.query("SELECT subject FROM ledger.batches")
    rows += deployment.query("SELECT message FROM ledger.versions")
    texts = [text for (text,) in rows]
    for attempt in run.attempts.values():
        texts += [text for finding in attempt["findings"] for text in finding.values()]
    assert [text for text in texts if not text.isprintable()] == []


def test_every_one_of_them_is_accounted_for_on_the_topic_in_raw_and_in_the_ledger(
    deployment: Deployment, run: Run, sent: dict[str, Strange]
) -> None:
    found = deployment.json("reconcile")
    assert found["differences"] == []
    assert sum(source["sent"] for source in found["sources"]) == len(run.places) + 2, "and the good ones"
    assert deployment.json("verify")["faults"] == []
