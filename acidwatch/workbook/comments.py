"""Comments of cells: the laboratory's own travel beside their values, those that acidwatch wrote into a copy do not come back as such."""

from __future__ import annotations

AUTHOR = "acidwatch"
"""Author of the comments that acidwatch writes."""

_FINDINGS = "\n[acidwatch]\n"


def with_findings(own: str, findings: str) -> str:
    """The laboratory's own comment, and below it what was found in its cell."""
    return f"{own}{_FINDINGS}{findings}"


def own_part(author: str, text: str) -> str:
    """What of a comment is the laboratory's own; empty where nothing is."""
    if author.strip().casefold() == AUTHOR:
        return ""
    return text.replace("\r\n", "\n").partition(_FINDINGS)[0]
