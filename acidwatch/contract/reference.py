"""The reference tables that rules look things up in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reference:
    """The sites that a sample may come from, as of one reference version.

    Attributes:
        version: Number of the reference version.
        sites: (PROGRAM_ID, SITE_ID) pairs.
        programmes: The PROGRAM_IDs among them, sorted.
        stripped: (PROGRAM_ID, SITE_ID without leading zeros) to SITE_ID, to name the site that lost its zeros.
    """

    version: int
    sites: frozenset[tuple[str, str]]
    programmes: tuple[str, ...]
    stripped: dict[tuple[str, str], str]

    @staticmethod
    def of(version: int, sites: Iterable[tuple[str, str]]) -> Reference:
        """Build it from (PROGRAM_ID, SITE_ID) pairs."""
        pairs = frozenset(sites)
        stripped = {(programme, site.lstrip("0")): site for programme, site in sorted(pairs) if site.startswith("0")}
        return Reference(version, pairs, tuple(sorted({programme for programme, _ in pairs})), stripped)
