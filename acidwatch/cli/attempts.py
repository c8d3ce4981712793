"""What became of an attempt, in a few words; the same in `batches show` and `dlq show`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def became(attempt: dict[str, Any], attempts: Sequence[dict[str, Any]]) -> str:
    """The version that an attempt became; of one that was accepted and became none, why.

    Args:
        attempts: All of its batch.
    """
    if attempt.get("version"):
        return f"version {attempt['version']}"
    if attempt["verdict"] != "accepted":
        return "no version"
    joined = [one for one in attempts if one.get("version") and one["recorded_at"] <= attempt["recorded_at"]]
    if joined:
        return f"no version: attempt {joined[0]['attempt']} came before it, or the batch was taken out or replaced meanwhile"
    return "no version: another workbook stands in place of its own"
