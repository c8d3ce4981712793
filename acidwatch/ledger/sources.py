"""What `send` asks before it sends: which workbook a name means, and what became of the batches that it is about to send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from acidwatch.contract.headers import file_name
from acidwatch.errors import UnusableInputError
from acidwatch.ledger.connection import Connection

OF_SOURCE = (
    "(%(source)s::text IS NULL OR s.name IN (%(source)s, %(source_uri)s) OR starts_with(s.source_id, %(source)s))"
)
"""Condition on `ledger.sources s`: of the workbooks of a name, or whose SHA-256 begins so; none given: any. Values: `of_source`."""


def of_source(text: str | None) -> dict[str, Any]:
    """The values of OF_SOURCE. In the ledger a name is a URI reference, and people type it as the file is called.

    Raises:
        UnusableInputError: The name is empty, as a variable of a shell is that was never set: it would mean every workbook.
    """
    if text is not None and not text.strip():
        raise UnusableInputError("--source is empty; name a workbook, or leave it out for all of them")
    return {"source": text, "source_uri": quote(text) if text is not None else None}


@dataclass(frozen=True, slots=True)
class Source:
    """A workbook that came.

    Attributes:
        name: As a URI reference (ce_source).
        replaces: The source in place of which it was sent.
        replaced: Whether another one stands in its place now.
        members: How many of its batches are in the newest version.
    """

    source_id: str
    name: str
    first_sent_at: datetime
    replaces: str | None
    replaced: bool
    members: int


def find_source(connection: Connection, text: str, sent: str) -> Source:
    """The source that a workbook's name, or how its SHA-256 begins, names; of several editions the one that was not replaced yet.

    Args:
        sent: The source that is about to be sent in its place; it is not looked for.

    Raises:
        UnusableInputError: There is none, or several.
    """
    rows = connection.execute(
        "SELECT s.source_id, s.name, s.first_sent_at, s.replaces, EXISTS (SELECT 1 FROM ledger.replacements r"
        " WHERE r.source_id = s.source_id AND r.to_version IS NULL) AS replaced, (SELECT count(*) FROM ledger.batches b"
        " JOIN ledger.memberships m ON m.batch_id = b.batch_id AND m.to_version IS NULL WHERE b.source_id = s.source_id) AS members"
        " FROM ledger.sources s WHERE (s.name = ANY(%(names)s) OR starts_with(s.source_id, lower(%(text)s))) AND s.source_id <> %(sent)s"
        " ORDER BY s.first_sent_at DESC, s.source_id",
        {"names": [text, quote(text)], "text": text, "sent": sent},
    )
    found = [Source(**row) for row in rows] if text else []
    standing = [source for source in found if not source.replaced] or found
    if len(standing) == 1:
        return standing[0]
    if not standing:
        raise UnusableInputError(
            f"no workbook is called {text!r}, and no SHA-256 begins so; see: acidwatch sources list"
        )
    candidates = [
        f"{one.source_id[:12]} {file_name(one.name)}, first sent {one.first_sent_at:%Y-%m-%d %H:%M:%S}"
        for one in standing
    ]
    lines = [f"{len(standing)} workbooks are called {text!r}; name one by its SHA-256:", *candidates[:10]]
    raise UnusableInputError("\n".join(lines))


def check_replacement(connection: Connection, old: Source, new: str, batch_ids: Sequence[str]) -> None:
    """Make sure that a source can stand in place of another once all these batches of it are members: no others may count for it.

    Raises:
        UnusableInputError: It was sent in other batches before, or the other one has batches of several sheets.
    """
    row = connection.execute(
        "SELECT count(*) AS others FROM ledger.batches b JOIN ledger.sources s USING (source_id)"
        " WHERE source_id = %s AND b.batch_id <> ALL(%s)"
        # The count that came first is kept: one of another cut would make the new one whole too early, or never.
        " AND (b.accepted_attempt IS NOT NULL OR s.batch_count IS DISTINCT FROM %s)",
        (new, list(batch_ids), len(batch_ids)),
    ).fetchone()
    if row and row["others"]:
        raise UnusableInputError(
            f"this workbook was sent before in {row['others']} other batches (another --sheet, --batch-size or --locale), so that it would "
            "not be known when all of it is accepted; send it as it was sent then, or save it once more, which makes it another file"
        )
    sheets = connection.execute(
        "SELECT DISTINCT regexp_replace(b.subject, '![^!]*$', '') AS sheet FROM ledger.batches b JOIN ledger.memberships m"
        " ON m.batch_id = b.batch_id AND m.to_version IS NULL WHERE b.source_id = %s ORDER BY 1",
        (old.source_id,),
    ).fetchall()
    if len(sheets) > 1:
        names = ", ".join(row["sheet"] for row in sheets)
        raise UnusableInputError(
            f"{file_name(old.name)} has batches of {len(sheets)} sheets in the dataset ({names}), and all of them would leave for one; "
            "send without --replaces, and take out what is wrong: acidwatch quarantine"
        )


@dataclass(frozen=True, slots=True)
class TakenOut:
    """Batches that were accepted and are not in the dataset any more, because a person or another workbook took them out.

    Attributes:
        batches: How many.
        version: The newest version that did that.
    """

    batches: int
    version: int


def taken_out(connection: Connection, batch_ids: Sequence[str]) -> TakenOut | None:
    """Which of these batches were taken out and did not come back; None = none of them."""
    row = connection.execute(
        "SELECT count(*) AS batches, max(b.taken_out) AS version FROM ledger.batches b WHERE b.batch_id = ANY(%s)"
        " AND b.accepted_attempt IS NOT NULL AND b.taken_out IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM ledger.memberships m WHERE m.batch_id = b.batch_id AND m.to_version IS NULL)",
        (list(batch_ids),),
    ).fetchone()
    return TakenOut(**row) if row and row["batches"] else None
