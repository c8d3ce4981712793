"""Batches that were accepted: which attempt of each counts, and whether it is in the dataset now. Reading only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acidwatch.errors import UnusableInputError
from acidwatch.ledger.connection import Connection
from acidwatch.ledger.queries import whole_id
from acidwatch.ledger.sources import OF_SOURCE, of_source


@dataclass(frozen=True, slots=True)
class Accepted:
    """A batch.

    Attributes:
        attempt: The attempt that is a member, or was one last, or was accepted without becoming one.
        rows: Of that attempt.
        member: Whether it is in the newest version.
    """

    batch_id: str
    source: str
    subject: str
    attempt: int
    rows: int
    member: bool


_ACCEPTED = (
    "SELECT b.batch_id, s.name AS source, b.subject, a.attempt, a.rows, m.batch_id IS NOT NULL AND m.to_version IS NULL AS member"
    " FROM ledger.batches b JOIN ledger.sources s USING (source_id)"
    " LEFT JOIN LATERAL (SELECT * FROM ledger.memberships o WHERE o.batch_id = b.batch_id ORDER BY o.from_version DESC LIMIT 1) m ON true"
    " JOIN ledger.attempts a ON a.batch_id = b.batch_id AND a.attempt = coalesce(m.attempt, b.accepted_attempt)"
)


def accepted(connection: Connection, beginnings: Sequence[str]) -> list[Accepted]:
    """The batches whose ids begin so, each once, in that order.

    Raises:
        UnusableInputError: There is no such batch, several ids begin so, or it was never accepted.
    """
    ids = list(dict.fromkeys(whole_id(connection, beginning) for beginning in beginnings))
    rows = connection.execute(_ACCEPTED + " WHERE b.batch_id = ANY(%s)", (ids,)).fetchall()
    found = {row["batch_id"]: Accepted(**row) for row in rows}
    for batch_id in ids:
        if batch_id not in found:
            raise UnusableInputError(
                f"batch {batch_id} was never accepted; to send its dead letter again: acidwatch dlq replay {batch_id}"
            )
    return [found[batch_id] for batch_id in ids]


def last_good(connection: Connection, source: str | None) -> Accepted:
    """The batch that came into the dataset last and is in it now, of one source or of all; see LetterFilter for what a source is.

    Raises:
        UnusableInputError: There is none.
    """
    row = connection.execute(
        _ACCEPTED + " WHERE m.to_version IS NULL AND m.batch_id IS NOT NULL"
        f" AND {OF_SOURCE}"
        " ORDER BY m.from_version DESC, b.batch_index DESC LIMIT 1",
        of_source(source),
    ).fetchone()
    if row is None:
        whose = f"no batch of source {source!r}" if source else "no batch"
        raise UnusableInputError(f"{whose} is in the dataset now; see: acidwatch sources list")
    return Accepted(**row)
