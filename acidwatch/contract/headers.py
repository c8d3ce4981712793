"""The headers of a batch: CloudEvents 1.0 in Kafka binary mode, and what acidwatch adds to them.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

BATCH_TYPE = "org.acidwatch.batch.v1"
OUTCOME_TYPE = "org.acidwatch.outcome.v1"
PACKED_TYPE = "org.acidwatch.packed.v1"
"""Of a record that was not read, because its compressed batch unpacks to more than a record may be large; never sent."""
ALERT_TYPE = "org.acidwatch.alert.v1"
ALERT_SOURCE = "/acidwatch/live"
CONTENT_TYPE = "application/json"

Headers = Sequence[tuple[str, bytes]]
"""Kafka's headers: names may repeat, order is kept, values are bytes."""

_USABLE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_SUBJECT = re.compile(
    r"(?P<sheet>.*)!(?P<letter>[A-Z]{1,3})(?P<row>[1-9][0-9]{0,6}):[A-Z]{1,3}[1-9][0-9]{0,6}", re.DOTALL
)


def file_name(source: str) -> str:
    """A source (ce_source, a URI reference) as its file is called, for people and their terminals; programs are given it as it is."""
    from acidwatch.contract.outcome import printable  # not for those who only read headers

    return printable(unquote(source))


@dataclass(frozen=True, slots=True)
class BatchHeaders:
    """What the headers of one batch say; absent or unreadable ones are None.

    Attributes:
        batch_id: ce_id, when it is usable: 1 to 100 letters, digits and `._:-`.
        source: ce_source, the workbook's name as a URI reference.
        source_id: ce_sourceid, SHA-256 of the file.
        source_time: ce_sourcetime, ISO 8601: when the sending of this source first began.
        index, count: ce_batchindex (from 0) and ce_batchcount.
        attempt: ce_attempt, from 1; 1 when absent.
        subject: ce_subject, sheet and cell range such as `Sheet 1!A2:AD101`.
        type: ce_type.
        replaces: ce_replaces, the source_id of the workbook that this one is sent in place of.
    """

    batch_id: str | None = None
    source: str | None = None
    source_id: str | None = None
    source_time: str | None = None
    index: int | None = None
    count: int | None = None
    attempt: int = 1
    subject: str | None = None
    type: str | None = None
    replaces: str | None = None

    @property
    def sheet(self) -> str:
        """Sheet of the batch, empty when the subject names none."""
        match = _SUBJECT.fullmatch(self.subject or "")
        return match["sheet"] if match else ""

    @property
    def first_cell(self) -> tuple[int, int] | None:
        """Column (from 1) and row (from 1) of the batch's first cell, when the subject names it."""
        match = _SUBJECT.fullmatch(self.subject or "")
        return (column_number(match["letter"]), int(match["row"])) if match else None


def column_number(letters: str) -> int:
    """Number of a sheet's column: A is 1, Z 26, AA 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(number: int) -> str:
    """Letters of a sheet's column: 1 is A, 26 Z, 27 AA."""
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def write_headers(
    *,
    batch_id: str,
    source: str,
    source_id: str,
    source_time: str,
    index: int,
    count: int,
    subject: str,
    time: str,
    attempt: int = 1,
    replaces: str | None = None,
) -> list[tuple[str, bytes]]:
    """The headers of a batch that acidwatch sends."""
    values = {
        "ce_specversion": "1.0",
        "ce_id": batch_id,
        "ce_source": source,
        "ce_type": BATCH_TYPE,
        "ce_time": time,
        "ce_subject": subject,
        "content-type": CONTENT_TYPE,
        "ce_sourceid": source_id,
        "ce_sourcetime": source_time,
        "ce_batchindex": str(index),
        "ce_batchcount": str(count),
        "ce_attempt": str(attempt),
    }
    if replaces:
        values["ce_replaces"] = replaces
    return [(name, value.encode()) for name, value in values.items()]


def outcome_headers(batch_id: str) -> list[tuple[str, bytes]]:
    """The headers of an outcome event."""
    values = {"ce_specversion": "1.0", "ce_type": OUTCOME_TYPE, "content-type": CONTENT_TYPE, "ce_id": batch_id}
    return [(name, value.encode()) for name, value in values.items()]


def alert_headers(alert_id: str, subject: str, time: str) -> list[tuple[str, bytes]]:
    """The headers of an alert about the site PROGRAM_ID/SITE_ID, raised at an ISO 8601 time."""
    values = {
        "ce_specversion": "1.0",
        "ce_id": alert_id,
        "ce_source": ALERT_SOURCE,
        "ce_type": ALERT_TYPE,
        "ce_time": time,
        "ce_subject": subject,
        "content-type": CONTENT_TYPE,
    }
    return [(name, value.encode()) for name, value in values.items()]


def read_headers(headers: Iterable[tuple[str, bytes | None]]) -> BatchHeaders:
    """Read a batch's headers; never fails, whatever is in them. The first of a repeated header counts."""
    texts: dict[str, str] = {}
    for name, value in headers:
        if value is None:
            continue
        try:
            texts.setdefault(name, value.decode())
        except UnicodeDecodeError:
            continue
    batch_id = texts.get("ce_id", "")
    return BatchHeaders(
        batch_id=batch_id if _USABLE_ID.fullmatch(batch_id) else None,
        source=_text(texts, "ce_source"),
        source_id=_text(texts, "ce_sourceid"),
        source_time=_text(texts, "ce_sourcetime"),
        index=_integer(texts, "ce_batchindex"),
        count=_integer(texts, "ce_batchcount"),
        attempt=max(_integer(texts, "ce_attempt") or 1, 1),
        subject=_text(texts, "ce_subject"),
        type=_text(texts, "ce_type"),
        replaces=_text(texts, "ce_replaces"),
    )


def source_of(headers: BatchHeaders, topic: str) -> tuple[str, str]:
    """Id and name of the source that a record belongs to; two strangers who only say their names are two sources.

    Args:
        topic: Where the record is: the source of those that say nothing.
    """
    nobody = f"topic:{topic}"
    named = f"{nobody}/{headers.source}" if headers.source else nobody
    return headers.source_id or named, headers.source or nobody


def _text(texts: dict[str, str], name: str) -> str | None:
    # PostgreSQL takes no NUL in text, and nothing that is shown to people should carry control characters.
    text = texts.get(name, "")
    if not text.isprintable():
        text = "".join(character for character in text if character.isprintable())
    return text[:500] or None


def _integer(texts: dict[str, str], name: str) -> int | None:
    value = texts.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 9 else None
