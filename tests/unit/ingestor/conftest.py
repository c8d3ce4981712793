"""A store in memory, a reference version in it, and a sender that writes down what it was asked to send."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from acidwatch.archive.memory import MemoryStore
from acidwatch.archive.reference import publish_reference
from acidwatch.broker.send import Record
from acidwatch.errors import DependencyAwayError

NOW = datetime(2024, 5, 17, 23, 45, tzinfo=UTC)


class RecordingSender:
    """Stands for the broker: confirms what it is sent, or is away for the first `failures` calls."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.failures = 0
        self.calls: list[tuple[list[Record], frozenset[str]]] = []

    async def send(self, records: Sequence[Record]) -> list[Any]:
        """Write down the records, and which files were published before."""
        self.calls.append((list(records), frozenset(self._store.files)))
        if self.failures:
            self.failures -= 1
            raise DependencyAwayError("Kafka", "nowhere:9092", "no answer")
        return []

    @property
    def records(self) -> list[Record]:
        """What the last call sent."""
        return self.calls[-1][0]


def load_reference(store: MemoryStore, *sites: tuple[str, str]) -> None:
    """Publish the next reference version."""
    pairs = sites or (("LTM_ME", "020058"), ("LTM_ME", "77"))
    table = pa.table({"PROGRAM_ID": [pair[0] for pair in pairs], "SITE_ID": [pair[1] for pair in pairs]})
    content = repr(pairs).encode()
    publish_reference(store, {"sites": table}, {"sites.xlsx": content}, "me", NOW)


@pytest.fixture
def store() -> MemoryStore:
    """An archive with one reference version."""
    store = MemoryStore()
    load_reference(store)
    return store


@pytest.fixture
def sender(store: MemoryStore) -> RecordingSender:
    """A broker that confirms."""
    return RecordingSender(store)
