"""Whether the ingestors take records: numbered files `control/flood/000001.json`, each published once; the newest one says.

The state lies on HDFS because the ingestor knows no database, several ingestors share it, and it must survive their restarts. It is kept
as reference pointers are (decision 0005), so a change is one atomic publication that can't overwrite another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson

from acidwatch.archive.store import FileExistsAlreadyError, Store
from acidwatch.archive.zones import FLOOD, flood_path, highest_number


@dataclass(frozen=True, slots=True)
class Flood:
    """One state of the guard.

    Attributes:
        number: Of its file; 0 when there is none yet.
        state: `paused`: no ingestor takes records; `resumed`: they do.
        at, by, reason: When (ISO 8601 UTC), who and why; `by` is `ingestor` where the guard tripped by itself.
        batches, rejected: First attempts in the window that tripped it, and how many of them were rejected.
        rules, sources: Rejected batches by hard rule and by source.
        examples: Some of the findings, as `source cell rule: message`: of the group at hand nothing else is kept.
        contract_version, reference_version: What they were judged with.
        unguarded_until: After a resume the guard trips no sooner (ISO 8601 UTC); empty = it watches at once.
    """

    number: int = 0
    state: Literal["paused", "resumed"] = "resumed"
    at: str = ""
    by: str = ""
    reason: str = ""
    batches: int = 0
    rejected: int = 0
    rules: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, int] = field(default_factory=dict)
    examples: Sequence[str] = ()
    contract_version: str = ""
    reference_version: int = 0
    unguarded_until: str = ""

    @property
    def paused(self) -> bool:
        """Whether no records are taken."""
        return self.state == "paused"

    def guards(self, now: datetime) -> bool:
        """Whether the guard may trip at this time."""
        return not self.unguarded_until or now >= datetime.fromisoformat(self.unguarded_until)


def newest_number(store: Store) -> int:
    """Number of the newest state, 0 when there is none: one listing, to be asked often."""
    return highest_number(store.names(FLOOD))


def read_flood(store: Store, number: int) -> Flood:
    """The state of a number; fields that a newer version of acidwatch added are left out.

    Raises:
        MissingFileError: There is no such state.
    """
    if number == 0:
        return Flood()
    body: dict[str, Any] = orjson.loads(store.read(flood_path(number)))
    return Flood(**{name: body[name] for name in Flood.__dataclass_fields__ if name in body})


def publish_flood(store: Store, state: Flood) -> bool:
    """Make a state the newest one, if nobody else changed it meanwhile; `state.number` is the known newest number plus 1.

    Returns:
        Whether it was published; if not, read the newest state and decide again.
    """
    try:
        store.publish(flood_path(state.number), orjson.dumps(asdict(state), option=orjson.OPT_INDENT_2))
    except FileExistsAlreadyError:
        return False
    return True
