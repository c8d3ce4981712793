"""How sure a direction is, beside a p-value that only says yes or no.

Source: LWPTrends (Snelder, Fraser and Whitehead): confidence in the direction found C = 1 - p / 2; the words for it after
McBride 2019 and the IPCC's scale of likelihood.
"""

from __future__ import annotations

from typing import Literal

Direction = Literal["falling", "rising"]

IMPROVING: tuple[tuple[float, str], ...] = (
    (0.10, "very likely degrading"),
    (0.33, "likely degrading"),
    (0.67, "low confidence"),
    (0.90, "likely improving"),
    (1.00, "very likely improving"),
)
"""Highest confidence of improving of each class, and its name."""


def confidence_of_direction(p: float) -> float:
    """C = 1 - p / 2: that the direction found is the true one, 0.5 to 1."""
    return 1.0 - p / 2.0


def confidence_of_falling(s: int, p: float) -> float:
    """Cd: that the series falls, 0 to 1; 0.5 where nothing speaks for either direction."""
    return confidence_of_direction(p) if s <= 0 else p / 2.0


def confidence_of_improving(s: int, p: float, good: Direction) -> float:
    """That the series moves in the good direction, 0 to 1."""
    falling = confidence_of_falling(s, p)
    return falling if good == "falling" else 1.0 - falling


def improving_class(confidence: float) -> str:
    """The class of a confidence of improving; a limit belongs to the class below it."""
    return next(name for highest, name in IMPROVING if confidence <= highest)
