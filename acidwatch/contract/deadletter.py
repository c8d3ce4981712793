"""The headers that a dead letter has beside those of the batch: where it came from, why it failed, how often."""

from __future__ import annotations

from datetime import datetime

from acidwatch.contract.batch import Origin

PREFIX = "dlq-"
BESIDE_VALUE_BYTES = 1024**2
"""What the topic of dead letters takes beside the largest value of a batch: key, headers, framing."""


def letter_headers(
    *,
    origin: Origin,
    reason: str,
    message: str,
    rules: tuple[str, ...],
    attempt: int,
    failures: int,
    first_failed_at: datetime,
    last_failed_at: datetime,
    batch_id: str,
    service: str,
    service_version: str,
    archive_path: str,
) -> list[tuple[str, bytes]]:
    """The `dlq-*` headers of a dead letter, UTF-8; times are ISO 8601 UTC."""
    values = {
        "origin-topic": origin.topic,
        "origin-partition": str(origin.partition),
        "origin-offset": str(origin.offset),
        "origin-timestamp": str(origin.timestamp_ms),
        "batch-id": batch_id,
        "reason": reason,
        "message": message,
        "rules": ",".join(rules),
        "attempt": str(attempt),
        "failures": str(failures),
        "first-failed-at": first_failed_at.isoformat(),
        "last-failed-at": last_failed_at.isoformat(),
        "service": service,
        "service-version": service_version,
        "archive-path": archive_path,
    }
    return [(PREFIX + name, value.encode()) for name, value in values.items()]


def without_letter_headers(headers: tuple[tuple[str, bytes | None], ...]) -> list[tuple[str, bytes | None]]:
    """The headers of the original record: a letter that was replayed and failed again must not carry two sets of `dlq-*`."""
    return [(name, value) for name, value in headers if not name.startswith(PREFIX)]
