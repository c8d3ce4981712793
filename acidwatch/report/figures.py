"""Numbers and dates as people read them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

MINUS = "−"  # a true minus sign, as wide as a plus


def number(value: Any, digits: int = 3) -> str:
    """A number with so many significant digits and no exponent; a dash where there is none."""
    if value is None:
        return "–"
    rounded = float(f"{value:.{digits}g}")
    if rounded == 0:
        return "0"
    text = (
        f"{rounded:,.{max(0, digits - 1 - _magnitude(rounded))}f}" if abs(rounded) < 10**digits else f"{round(value):,}"
    )
    return text.replace("-", MINUS)


def signed(value: Any, digits: int = 2) -> str:
    """A change, with its sign."""
    text = number(value, digits)
    return text if value is None or value <= 0 or text == "0" else f"+{text}"


def count(value: Any) -> str:
    """A count, thousands apart."""
    return "–" if value is None else f"{int(value):,}"


def percent(part: float, whole: float) -> str:
    """Part of a whole; a dash where there is no whole."""
    return "–" if not whole else f"{100.0 * part / whole:.0f} %"


def probability(value: float | None) -> str:
    """A p value or a confidence, never a false certainty."""
    if value is None:
        return "–"
    if value < 0.001:
        return "< 0.001"
    return "> 0.999" if value > 0.999 else f"{value:.3f}" if value < 0.1 or value > 0.9 else f"{value:.2f}"


def day(value: date | datetime | None) -> str:
    """A date, ISO 8601."""
    return "–" if value is None else f"{value:%Y-%m-%d}"


def instant(value: datetime | None) -> str:
    """A time, to the second, UTC."""
    return "–" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def compact(value: float | None, digits: int = 4) -> float | int | None:
    """A number for the embedded data, with so many significant digits; whole ones as such."""
    if value is None:
        return None
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() else rounded


def _magnitude(value: float) -> int:
    return int(f"{abs(value):e}".split("e")[1])
