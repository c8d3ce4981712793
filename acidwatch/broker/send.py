"""Sending with confirmation: an idempotent producer, acks=all; a call returns when the broker has confirmed every record."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownTopicOrPartitionError
from aiokafka.structs import RecordMetadata

from acidwatch.broker.connection import asking_kafka, client_options, missing_topic
from acidwatch.contract.deadletter import BESIDE_VALUE_BYTES
from acidwatch.errors import AcidwatchError
from acidwatch.settings import KafkaSettings

_FRAMING = 1024  # of a record, and of headers that are stamped on
_ROOM = 256 * 1024  # the broker measures a whole record batch, keys, headers and framing included


@dataclass(frozen=True, slots=True)
class Record:
    """A record to send, byte for byte."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]

    @property
    def beside_value_bytes(self) -> int:
        """What key, headers and the framing of both take at most."""
        return len(self.key or b"") + sum(len(n.encode()) + len(v or b"") + 10 for n, v in self.headers) + _FRAMING

    def why_not(self, most_bytes: int) -> str:
        """Why a topic that takes so many bytes would not take it; empty when it would."""
        if self.key is None and self.value is None:
            return "it has neither key nor value, so there is nothing to send"
        size = len(self.value or b"") + self.beside_value_bytes
        if size > most_bytes:
            return f"it is {size} bytes; the topic takes {most_bytes} (it came compressed, or the limit was lowered)"
        return ""


class ConfirmedSender:
    """Sends records and waits until all of them are confirmed. One event loop, any number of calls at once."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **client_options(self._settings),
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=5,
                    max_batch_size=1024**2,
                    max_request_size=self._settings.max_record_bytes + BESIDE_VALUE_BYTES + _ROOM,
                )
                try:
                    # Without a limit it would ask for its producer id for ever, where the brokers have no controller.
                    async with asyncio.timeout(self._settings.kafka_timeout_seconds):
                        await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def send(self, records: Sequence[Record]) -> list[RecordMetadata]:
        """Send records, in order for each key, and return where the broker put them once all are confirmed.

        Raises:
            DependencyAwayError: Not all were confirmed. Some may be on the topic: whoever reads them tells duplicates by their id.
            PermanentError: The broker refuses a record, such as one that is too large.
        """
        try:
            async with asking_kafka(self._settings):
                producer = await self._started()
                futures = []
                for record in records:
                    headers = [(name, value) for name, value in record.headers]
                    with self._naming(record.topic):
                        futures.append(
                            await producer.send(record.topic, value=record.value, key=record.key, headers=headers)
                        )
                await self._confirmed(futures)
                outcomes = await asyncio.gather(*futures, return_exceptions=True)
                for outcome in outcomes:
                    if isinstance(outcome, BaseException):
                        raise outcome
                return outcomes
        except AcidwatchError:
            # After a failed send the sequence numbers of an idempotent producer may have a hole: begin with a new one.
            await self.close()
            raise

    async def _confirmed(self, futures: Sequence[asyncio.Future[RecordMetadata]]) -> None:
        """Wait while confirmations come: an idempotent producer of aiokafka tries again for ever, and says nothing meanwhile."""
        seconds = self._settings.kafka_timeout_seconds
        waiting = set(futures)
        while waiting:
            done, waiting = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise TimeoutError(f"it confirmed nothing for {seconds:.0f} s")

    @contextmanager
    def _naming(self, topic: str) -> Iterator[None]:
        """Aiokafka does not say which topic is unknown, nor what to do."""
        try:
            yield
        except UnknownTopicOrPartitionError as error:
            raise missing_topic(self._settings, topic) from error

    async def close(self) -> None:
        """Close the producer; the next send starts a new one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            # Not `stop`: it would wait until all is confirmed, for ever if need be. What is not was told to whoever sent it.
            await producer._sender.close()
            producer._closed = True
            await producer.client.close()
