"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is not as it must be.

    Attributes:
        subject: What it is about: a path, a version, a record, a batch.
        kind: A stable word for programs, such as `sha256` or `missing`.
        message: What is wrong, for people.
    """

    subject: str
    kind: str
    message: str
