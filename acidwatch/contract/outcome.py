"""What became of a batch: findings, verdict, and the outcome event that carries them to the versioner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import orjson

from acidwatch.contract.batch import Origin

T = TypeVar("T")

Severity = Literal["hard", "soft"]
Verdict = Literal["accepted", "rejected"]

MOST_FINDINGS = 50
LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or worth a look.

    Attributes:
        severity: `hard` rejects the batch, `soft` only flags the row.
        rule: Stable dotted id, such as `range.SO4_UEQ_L`.
        sheet, cell: Where, such as `Sheet 1` and `C17`; empty when unknown.
        column: Name of the column, empty when it is about the row or the record.
        value: The cell as it came, cut to 200 characters.
        message: What is wrong, and what would be right.
    """

    severity: Severity
    rule: str
    sheet: str
    cell: str
    column: str
    value: str
    message: str

    def __post_init__(self) -> None:
        for name in ("sheet", "cell", "column", "value", "message"):
            text = getattr(self, name)
            if len(text) > LONGEST_VALUE or not text.isprintable():
                object.__setattr__(self, name, quoted(text))


def conflict(batch_id: str, attempt: int, sheet: str = "") -> Finding:
    """The finding of a record that claims an id and attempt which other bytes have."""
    message = f"batch {batch_id} attempt {attempt} came before with other bytes; give changed data a new id or attempt"
    return Finding("hard", "id.conflict", sheet, "", "", batch_id, message)


def quoted(text: str) -> str:
    """A text as findings quote it: at most 200 characters, no control characters; PostgreSQL takes no NUL."""
    return printable(text[:LONGEST_VALUE])


def printable(text: str) -> str:
    """Text without control characters, which a terminal or a spreadsheet would obey."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


@dataclass(frozen=True, slots=True)
class FileRef:
    """A published file on HDFS.

    Attributes:
        zone: `raw`, `clean` or `quarantine`.
        path: Below the root.
        bytes: Its length.
        sha256: Its checksum, hexadecimal.
    """

    zone: str
    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt of one batch, from one origin.

    Attributes:
        source_id, source, source_time, batch_index, batch_count, subject: As the headers said; see contract.headers.
        hard, soft: How many findings there were in all; `findings` holds at most 50 of them, hard ones first.
        value_sha256, value_bytes: Of the Kafka value.
        files: Where the batch lies on HDFS.
        judged_at: ISO 8601 UTC.
        replaces: The source that this one is sent in place of (ce_replaces), empty = none.
        sites: SITE_IDs in a rejected batch, at most 100, so that its dead letter is found by site.
    """

    batch_id: str
    attempt: int
    verdict: Verdict
    origin: Origin
    source_id: str
    source: str
    source_time: str
    batch_index: int
    batch_count: int | None
    subject: str
    rows: int
    hard: int
    soft: int
    findings: tuple[Finding, ...]
    value_sha256: str
    value_bytes: int
    contract_version: str
    reference_version: int
    service_version: str
    judged_at: str
    files: tuple[FileRef, ...] = field(default=())
    replaces: str = ""
    sites: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """The outcome event's value."""
        return orjson.dumps(self)

    @staticmethod
    def decode(value: bytes) -> Outcome:
        """Read an outcome event; fields that a newer ingestor added are left out.

        Raises:
            ValueError: It is none; only acidwatch writes this topic, so that is a fault of the software, not of data.
        """
        try:
            body: dict[str, Any] = orjson.loads(value)
            body["origin"] = _known(Origin, body["origin"])
            body["findings"] = tuple(_known(Finding, finding) for finding in body["findings"])
            body["files"] = tuple(_known(FileRef, file) for file in body.get("files", ()))
            body["sites"] = tuple(body.get("sites", ()))
            return _known(Outcome, body)
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f"not an outcome event: {error!r}") from error


def _known(kind: type[T], fields: dict[str, Any]) -> T:
    """An object of the fields that this version knows; what a newer one added is left out."""
    names: dict[str, Any] = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return kind(**{name: fields[name] for name in names if name in fields})
