"""Whether dead letters may be sent again: each stands as it was when it was chosen, and no attempt of it is on its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acidwatch.ledger.connection import Connection

_BECAME = {
    "pending": "failed again",
    "published": "was taken up again",
    "replayed": "was sent again",
    "parked": "was parked",
    "resolved": "was accepted",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A letter as it was when it was chosen.

    Attributes:
        attempt: The attempt that had failed last.
    """

    state: str
    attempt: int


def held_back(
    connection: Connection, seen: Mapping[str, Seen], again: Mapping[str, int], *, force: bool
) -> dict[str, str]:
    """Which of these letters (batch id) must not be sent, and why. Under the dataset's lock that stays so until the transaction ends.

    Of two attempts that are accepted only the first one recorded becomes a member: a correction that is sent while another attempt is
    on its way may count for nothing.

    Args:
        again: Batch id to the attempt under which it will be sent, where that was numbered before.
        force: Send also what has an attempt on its way.
    """
    letters = connection.execute(
        "SELECT batch_id, state, attempt FROM ledger.dead_letters WHERE batch_id = ANY(%s)", (list(seen),)
    )
    found = {}
    for row in letters:
        batch_id, before = row["batch_id"], seen[row["batch_id"]]
        state = "pending" if row["attempt"] != before.attempt and row["state"] != "resolved" else row["state"]
        if state != before.state:
            found[batch_id] = f"batch {batch_id} {_BECAME[state]} meanwhile; look again: acidwatch dlq show {batch_id}"
    if force:
        return found
    under_way = connection.execute(
        "SELECT p.batch_id, p.attempt, p.kind, p.author, p.planned_at, p.sent_at FROM ledger.planned_attempts p"
        " JOIN ledger.dead_letters d ON d.batch_id = p.batch_id AND d.attempt < p.attempt"
        " LEFT JOIN ledger.attempts a ON a.batch_id = p.batch_id AND a.attempt = p.attempt"
        " WHERE p.batch_id = ANY(%s) AND a.attempt IS NULL ORDER BY p.attempt DESC",
        (list(seen),),
    )
    for row in under_way:
        batch_id, attempt = row["batch_id"], row["attempt"]
        if batch_id not in found and again.get(batch_id) != attempt:
            what = f"{row['kind']} by {row['author']}, {row['planned_at']:%Y-%m-%d %H:%M:%S}"
            unsure = "" if row["sent_at"] else " and was not confirmed as sent"
            found[batch_id] = (
                f"batch {batch_id}: attempt {attempt} ({what}) is not judged yet{unsure}, and if it is accepted first this one counts for "
                "nothing; acidwatch wait, and look again, or send it all the same with --force"
            )
    return found
