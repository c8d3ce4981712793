"""What the ledger knows already of a group's batches, attempts and origins; kept up to date while the group is gone through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acidwatch.contract.batch import Origin, id_from_origin
from acidwatch.contract.outcome import Outcome
from acidwatch.ledger.connection import Connection

Key = tuple[str, int]  # batch id, attempt
OriginKey = tuple[str, int, int, int]


@dataclass(slots=True)
class Member:
    """The attempt of a batch that belongs to the newest version."""

    attempt: int
    rows: int
    bytes: int


@dataclass(slots=True)
class BatchState:
    """A batch.

    Attributes:
        accepted_attempt: The first attempt that was accepted.
        attempts: How many are recorded.
        taken_out: Newest version in which a person changed its membership.
        member: The attempt in the newest version.
    """

    source_id: str
    accepted_attempt: int | None = None
    attempts: int = 0
    taken_out: int | None = None
    member: Member | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """An attempt that was numbered before it was sent; see acidwatch.ledger.plans."""

    kind: str
    value_sha256: str
    planned_version: int
    author: str
    message: str


def origin_key(origin: Origin) -> OriginKey:
    """An origin as the ledger's tables have it."""
    return origin.topic, origin.partition, origin.offset, origin.timestamp_ms


def recorded_origins(connection: Connection, keys: Sequence[OriginKey]) -> set[OriginKey]:
    """Of which of these records an outcome is recorded."""
    columns = [list(column) for column in zip(*keys, strict=True)] if keys else [[], [], [], []]
    rows = connection.execute(
        'SELECT topic, partition, "offset", timestamp_ms FROM ledger.deliveries'
        ' JOIN unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[]) AS o(topic, partition, "offset", timestamp_ms)'
        ' USING (topic, partition, "offset", timestamp_ms)',
        columns,
    )
    return {(row["topic"], row["partition"], row["offset"], row["timestamp_ms"]) for row in rows}


class State:
    """Read once for a whole group, under the dataset's lock."""

    def __init__(self, connection: Connection, outcomes: Sequence[Outcome]) -> None:
        # The ids under which conflicts would be recorded are looked up too, since a conflict may be a repetition.
        ids = list(
            {outcome.batch_id for outcome in outcomes} | {id_from_origin(o.origin, o.value_sha256) for o in outcomes}
        )
        self.digests: dict[Key, str] = {
            (row["batch_id"], row["attempt"]): row["value_sha256"]
            for row in connection.execute(
                "SELECT batch_id, attempt, value_sha256 FROM ledger.attempts WHERE batch_id = ANY(%s)", (ids,)
            )
        }
        self.plans: dict[Key, Plan] = {
            (row["batch_id"], row["attempt"]): Plan(
                row["kind"], row["value_sha256"], row["planned_version"], row["author"], row["message"]
            )
            for row in connection.execute("SELECT * FROM ledger.planned_attempts WHERE batch_id = ANY(%s)", (ids,))
        }
        self.batches: dict[str, BatchState] = {
            row["batch_id"]: BatchState(
                row["source_id"],
                row["accepted_attempt"],
                row["attempts"],
                row["taken_out"],
                Member(row["attempt"], row["rows"], row["value_bytes"]) if row["attempt"] is not None else None,
            )
            for row in connection.execute(
                "SELECT b.batch_id, b.source_id, b.accepted_attempt, b.attempts, b.taken_out, m.attempt, a.rows, a.value_bytes"
                " FROM ledger.batches b LEFT JOIN ledger.memberships m ON m.batch_id = b.batch_id AND m.to_version IS NULL"
                " LEFT JOIN ledger.attempts a ON a.batch_id = m.batch_id AND a.attempt = m.attempt WHERE b.batch_id = ANY(%s)",
                (ids,),
            )
        }
        self._origins = recorded_origins(connection, [origin_key(outcome.origin) for outcome in outcomes])
        paths = list({file.path for outcome in outcomes for file in outcome.files})
        self._condemned: set[str] = {
            row["path"]
            for row in connection.execute(
                "SELECT path FROM ledger.files WHERE path = ANY(%s) AND condemned_at IS NOT NULL", (paths,)
            )
        }

    def knows(self, origin: Origin) -> bool:
        """Whether something of this origin is recorded."""
        return origin_key(origin) in self._origins

    def is_new(self, origin: Origin) -> bool:
        """Whether nothing of this origin is recorded yet; from now on it counts as recorded."""
        key = origin_key(origin)
        new = key not in self._origins
        self._origins.add(key)
        return new

    def is_condemned(self, outcome: Outcome) -> bool:
        """Whether gc is deleting a file that the outcome names, and the attempt is not recorded with other files."""
        known = (outcome.batch_id, outcome.attempt) in self.digests
        return not known and any(file.path in self._condemned for file in outcome.files)

    def is_conflict(self, outcome: Outcome) -> bool:
        """Whether other bytes have, or were promised, the outcome's id and attempt."""
        key = (outcome.batch_id, outcome.attempt)
        plan = self.plans.get(key)
        known = self.digests.get(key, plan.value_sha256 if plan else None)
        return known is not None and known != outcome.value_sha256

    def take_out(self, members: Sequence[Key], version: int) -> None:
        """Members that leave in a version, because another workbook stands in place of theirs."""
        for batch_id, _ in members:
            if batch_id in self.batches:
                self.batches[batch_id].member = None
                self.batches[batch_id].taken_out = version
