"""The zones of the archive and the names of files in them; every path is below the root and has no leading slash."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

Zone = Literal["raw", "clean", "quarantine"]

REFERENCE = "reference"
JOURNAL = "journal"
FLOOD = "control/flood"
BACKUP = "backup"
ENRICHED = "enriched"
SAMPLES = "samples"
TEMPORARY = "_tmp"

_NUMBERED = re.compile(r"([0-9]{6,})\.json")


def group_path(zone: Zone, written_at: datetime, group: str) -> str:
    """Path of a group's file in a zone, such as `clean/2026-11-24/101500-3f2a....parquet`; one folder a day (UTC)."""
    return f"{zone}/{written_at:%Y-%m-%d}/{group}.parquet"


def group_name(written_at: datetime) -> str:
    """A name that no other write has: time of day for people, a random part for certainty."""
    return f"{written_at:%H%M%S}-{uuid.uuid4().hex}"


def compacted_path(written_at: datetime) -> str:
    """Path of a file in clean/ that compaction makes of others, such as `clean/2026-11-24/101500-3f2a...-compacted.parquet`."""
    return group_path("clean", written_at, f"{group_name(written_at)}-compacted")


def run_folder(zone: str, run_id: int) -> str:
    """Folder of what a run of the metrics job leaves in a zone, such as `enriched/run=7`."""
    return f"{zone}/run={run_id}"


def pointer_path(version: int) -> str:
    """Path of the pointer file of a reference version."""
    return f"{REFERENCE}/{version:06d}.json"


def journal_path(number: int) -> str:
    """Path of an entry of the journal, such as `journal/00000001.json`."""
    return f"{JOURNAL}/{number:08d}.json"


def flood_path(number: int) -> str:
    """Path of a state of the flood guard."""
    return f"{FLOOD}/{number:06d}.json"


def numbers(names: Iterable[str]) -> set[int]:
    """The numbers of files that are called by one, such as `000001.json`."""
    return {int(match[1]) for name in names if (match := _NUMBERED.fullmatch(name))}


def highest_number(names: Iterable[str]) -> int:
    """The highest of these numbers; 0 when there is none."""
    return max(numbers(names), default=0)
