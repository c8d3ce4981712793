"""The window of the flood guard: the newest first attempts, and how many of them were rejected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class FirstAttempt:
    """What became of a batch the first time that it came.

    Attributes:
        rules: The hard rules that it breaks, each once.
        example: Its first hard finding, with its place, for people.
    """

    batch_id: str
    source: str
    rejected: bool
    rules: tuple[str, ...] = ()
    example: str = ""


@dataclass(slots=True)
class Window:
    """The newest first attempts, each batch once: one that comes again takes the place of its earlier delivery.

    Attributes:
        share: More than this share rejected is a flood.
        least: Of at least so many attempts.
        most: The oldest attempts beyond so many are forgotten; never fewer than `least`.
    """

    share: float
    least: int
    most: int
    attempts: dict[str, FirstAttempt] = field(default_factory=dict)
    rejected: int = 0

    @property
    def rejected_share(self) -> float:
        """Share of the attempts that was rejected, 0 of none."""
        return self.rejected / len(self.attempts) if self.attempts else 0.0

    @property
    def is_flooded(self) -> bool:
        """Whether there are enough attempts, and too many of them were rejected."""
        return len(self.attempts) >= self.least and self.rejected > self.share * len(self.attempts)

    def add(self, attempt: FirstAttempt) -> None:
        """The newest attempt."""
        self._drop(attempt.batch_id)
        self.attempts[attempt.batch_id] = attempt
        self.rejected += attempt.rejected
        if len(self.attempts) > max(self.most, self.least):
            self._drop(next(iter(self.attempts)))

    def flooded_by(self, attempts: Iterable[FirstAttempt]) -> Window | None:
        """The window at the first of these attempts that makes a flood, None when none does; this window stays as it is.

        It does not matter how attempts are cut into groups: a flood is found at the same one.
        """
        after = replace(self, attempts=dict(self.attempts))
        for attempt in attempts:
            after.add(attempt)
            if after.is_flooded:
                return after
        return None

    def clear(self) -> None:
        """Begin anew."""
        self.attempts.clear()
        self.rejected = 0

    def _drop(self, batch_id: str) -> None:
        gone = self.attempts.pop(batch_id, None)
        self.rejected -= gone.rejected if gone else 0
