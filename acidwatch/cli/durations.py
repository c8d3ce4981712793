"""Durations as people write them: 10s, 5m, 250ms, 0."""

from __future__ import annotations

import re
from typing import Annotated

import typer

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float:
    """Seconds of a duration such as `10s`; a bare number is seconds.

    Raises:
        typer.BadParameter: It is none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|)", text.strip())
    if not match:
        raise typer.BadParameter(f"{text!r} is no duration; write it like 10s, 5m, 250ms or 0")
    return float(match[1]) * _UNITS[match[2]]


def seconds_option(flag: str, help_text: str) -> object:
    """A typer option that takes a duration and gives seconds."""
    return typer.Option(flag, parser=parse_duration, metavar="DURATION", help=help_text)


Interval = Annotated[
    float, seconds_option("--interval", "pause between batches, as an instrument would; 0 = as fast as it goes")
]
Timeout = Annotated[float, seconds_option("--timeout", "give up after so long")]
