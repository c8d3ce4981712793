"""Durations and rates as people write them: 10s, 5m, 2d, 250ms, 0; 5/s."""

from __future__ import annotations

import re
from typing import Annotated

import typer

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def parse_duration(text: str) -> float:
    """Seconds of a duration such as `10s`; a bare number is seconds.

    Raises:
        typer.BadParameter: It is none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|)", text.strip())
    if not match:
        raise typer.BadParameter(f"{text!r} is no duration; write it like 10s, 5m, 250ms or 0")
    return float(match[1]) * _UNITS[match[2]]


def write_duration(seconds: float) -> str:
    """The text of a duration, as `parse_duration` reads it."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def parse_rate(text: str) -> float:
    """How many a second: `5/s`, `30/m`, or a bare number.

    Raises:
        typer.BadParameter: It is no rate.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:/\s*(s|m|h))?", text.strip())
    if not match or float(match[1]) == 0:
        raise typer.BadParameter(f"{text!r} is no rate; write it like 5/s or 30/m")
    return float(match[1]) / _UNITS[match[2] or "s"]


def seconds_option(flag: str, help_text: str) -> object:
    """A typer option that takes a duration and gives seconds."""
    return typer.Option(flag, parser=parse_duration, metavar="DURATION", help=help_text)


Interval = Annotated[
    float, seconds_option("--interval", "pause between batches, as an instrument would; 0 = as fast as it goes")
]
Timeout = Annotated[float, seconds_option("--timeout", "give up after so long")]
Rate = Annotated[
    float | None,
    typer.Option("--rate", parser=parse_rate, metavar="N/s", help="at most so many a second, such as 5/s or 30/m"),
]
