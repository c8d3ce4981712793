"""What people ask of the dead letters: which there are, what has one cause, and the life of one. Reading only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from acidwatch.errors import UnusableInputError
from acidwatch.ledger.connection import Connection
from acidwatch.ledger.queries import LETTER_STATES, Row, whole_id
from acidwatch.ledger.sources import OF_SOURCE, of_source

# Of a letter that a person set aside, and that failed once more since, the newest failure is to be published all the same.
UNPUBLISHED = "(state = 'pending' OR (state = 'parked' AND letter_offset IS NULL))"
"""Whether a letter is not on its topic yet; see `require_published`."""

OPEN_STATES = tuple(state for state in LETTER_STATES if state != "resolved")


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters are meant; what is None or empty does not matter.

    Attributes:
        states: In one of these states.
        reason: Their first hard rule.
        rule: Any of their hard rules.
        column: Of the first hard finding.
        source: The workbook's name, or how its SHA-256 begins.
        site: A SITE_ID in the batch.
        failed_before, failed_after: When they failed last.
        published: Only those that are on their topic.
        unsent: Also those in state `replayed` whose attempt was numbered and never confirmed as sent: whoever did it crashed.
    """

    states: tuple[str, ...] = OPEN_STATES
    reason: str | None = None
    rule: str | None = None
    column: str | None = None
    source: str | None = None
    site: str | None = None
    failed_before: datetime | None = None
    failed_after: datetime | None = None
    published: bool = False
    unsent: bool = False

    def _values(self) -> dict[str, Any]:
        values = asdict(self)
        return {**values, "states": list(self.states), **of_source(self.source)}


_UNSENT = (
    "EXISTS (SELECT FROM ledger.planned_attempts p LEFT JOIN ledger.attempts r USING (batch_id, attempt)"
    " WHERE p.batch_id = d.batch_id AND p.kind = 'replay' AND p.sent_at IS NULL AND r.attempt IS NULL)"
)
_FROM = (
    " FROM ledger.dead_letters d JOIN ledger.batches b USING (batch_id) JOIN ledger.sources s USING (source_id)"
    " JOIN ledger.attempts a ON a.batch_id = d.batch_id AND a.attempt = d.attempt"
)
_LETTER = (
    'SELECT d.batch_id, d.state, d.attempt, d.failures, d.reason, d."column", d.rules, d.message, s.name AS source, b.source_id,'
    " b.batch_index, b.subject, d.sites, a.rows, a.hard, a.soft, d.first_failed_at, d.last_failed_at, d.letter_topic,"
    " d.letter_partition, d.letter_offset" + _FROM
)
_WHERE = (
    f" WHERE (d.state = ANY(%(states)s) OR (%(unsent)s AND d.state = 'replayed' AND {_UNSENT}))"
    " AND (%(reason)s::text IS NULL OR d.reason = %(reason)s) AND (%(rule)s::text IS NULL OR %(rule)s = ANY(d.rules))"
    ' AND (%(column)s::text IS NULL OR d."column" = %(column)s) AND (%(site)s::text IS NULL OR %(site)s = ANY(d.sites))'
    f" AND {OF_SOURCE}"
    " AND (%(failed_before)s::timestamptz IS NULL OR d.last_failed_at < %(failed_before)s)"
    " AND (%(failed_after)s::timestamptz IS NULL OR d.last_failed_at > %(failed_after)s)"
    f" AND NOT (%(published)s AND {UNPUBLISHED})"
)


def letters(
    connection: Connection, wanted: LetterFilter, limit: int | None = None, *, oldest: bool = False
) -> list[Row]:
    """Dead letters, the newest failure first, or the oldest."""
    order = " ORDER BY d.last_failed_at, d.batch_id" if oldest else " ORDER BY d.last_failed_at DESC, d.batch_id"
    return connection.execute(
        _LETTER + _WHERE + order + " LIMIT %(limit)s",  # a limit that is null is none
        {**wanted._values(), "limit": limit},
    ).fetchall()


def reasons(connection: Connection, wanted: LetterFilter) -> dict[str, int]:
    """How many letters there are for each reason, the most frequent first."""
    rows = connection.execute(
        "SELECT d.reason, count(*) AS n" + _FROM + _WHERE + " GROUP BY 1 ORDER BY 2 DESC, 1", wanted._values()
    )
    return {row["reason"]: row["n"] for row in rows}


def causes(connection: Connection, wanted: LetterFilter, limit: int) -> list[Row]:
    """What has one cause: letters with the same reason, column and source together, the most letters first."""
    states = ", ".join(f"'{state}', count(*) FILTER (WHERE d.state = '{state}')" for state in LETTER_STATES)
    return connection.execute(
        'SELECT d.reason, d."column", s.name AS source, b.source_id, count(*) AS letters, sum(a.rows)::bigint AS rows,'
        " min(d.first_failed_at) AS first_failed_at, max(d.last_failed_at) AS last_failed_at,"
        f" jsonb_build_object({states}) AS states,"
        " (array_agg(d.message ORDER BY d.last_failed_at DESC, d.batch_id))[1] AS example"
        + _FROM
        + _WHERE
        + " GROUP BY 1, 2, 3, 4 ORDER BY letters DESC, 1, 2, 3 LIMIT %(limit)s",
        {**wanted._values(), "limit": limit},
    ).fetchall()


def letters_of(connection: Connection, beginnings: Sequence[str]) -> list[Row]:
    """The letters of batches whose ids begin so, each once, in that order.

    Raises:
        UnusableInputError: There is no such batch, several ids begin so, or it has no dead letter.
    """
    ids = list(dict.fromkeys(whole_id(connection, beginning) for beginning in beginnings))
    found = {
        row["batch_id"]: row
        for row in connection.execute(_LETTER + " WHERE d.batch_id = ANY(%(ids)s)", {"ids": ids}).fetchall()
    }
    for batch_id in ids:
        if batch_id not in found:
            raise UnusableInputError(f"batch {batch_id} is no dead letter; see: acidwatch batches show {batch_id}")
    return [found[batch_id] for batch_id in ids]


def require_published(letter: Row) -> None:
    """Make sure that a letter (batch_id, state, letter_offset) is on its topic: not UNPUBLISHED.

    Raises:
        UnusableInputError: It is not yet.
    """
    if letter["state"] == "pending" or (letter["state"] == "parked" and letter["letter_offset"] is None):
        raise UnusableInputError(
            f"batch {letter['batch_id']} is not on the dead-letter topic yet; is the versioner running?"
        )


def quarantine_paths(connection: Connection, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """The file in quarantine/ that holds all findings of an attempt (batch id, attempt); some have none."""
    rows = connection.execute(
        "SELECT q.batch_id, q.attempt, f.path FROM ledger.file_batches q JOIN ledger.files f USING (file_id)"
        " JOIN unnest(%s::text[], %s::int[]) AS wanted(batch_id, attempt) USING (batch_id, attempt) WHERE q.zone = 'quarantine'",
        ([batch_id for batch_id, _ in keys], [attempt for _, attempt in keys]),
    )
    return {(row["batch_id"], row["attempt"]): row["path"] for row in rows}


def recorded_findings(connection: Connection, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], list[Row]]:
    """The findings of attempts that the ledger holds, at most 50 each."""
    rows = connection.execute(
        "SELECT a.batch_id, a.attempt, a.findings FROM ledger.attempts a"
        " JOIN unnest(%s::text[], %s::int[]) AS wanted(batch_id, attempt) USING (batch_id, attempt)",
        ([batch_id for batch_id, _ in keys], [attempt for _, attempt in keys]),
    )
    return {(row["batch_id"], row["attempt"]): row["findings"] for row in rows}


def plans_of(connection: Connection, batch_id: str) -> list[Row]:
    """Attempts of a batch that were numbered before they were sent: by whom, when, why, and whether they were sent and recorded."""
    return connection.execute(
        "SELECT p.attempt, p.kind, p.author, p.message, p.planned_at, p.sent_at, p.value_sha256, a.verdict"
        " FROM ledger.planned_attempts p LEFT JOIN ledger.attempts a USING (batch_id, attempt) WHERE p.batch_id = %s ORDER BY p.attempt",
        (batch_id,),
    ).fetchall()


def journal_of(connection: Connection, batch_id: str) -> list[Row]:
    """What people did to the letter of a batch, oldest first."""
    return connection.execute(
        "SELECT at, author, action, message, details FROM ledger.audit"
        " WHERE details->'batches' ? %(id)s OR details->'attempts' @> jsonb_build_array(jsonb_build_object('batch_id', %(id)s::text))"
        " ORDER BY audit_id",
        {"id": batch_id},
    ).fetchall()
