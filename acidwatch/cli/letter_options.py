"""Which dead letters a command means: its options are the fields of `Filters`, the same for every command."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from acidwatch.cli.durations import parse_duration

if TYPE_CHECKING:
    from acidwatch.ledger.letter_queries import LetterFilter


class LetterState(str, Enum):
    """Where a dead letter stands."""

    pending = "pending"
    published = "published"
    replayed = "replayed"
    parked = "parked"
    resolved = "resolved"


Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]", help="ids of batches, or how they begin", show_default=False)
]
AtMost = Annotated[int | None, typer.Option("--limit", min=1, help="at most so many, the oldest failures first")]
All = Annotated[bool, typer.Option("--all", help="all of them")]


@dataclass(frozen=True, slots=True)
class Filters:
    """What the options of a command say about letters; all of it must hold."""

    state: Annotated[list[LetterState] | None, typer.Option("--state", help="in this state; repeat for several")] = None
    reason: Annotated[str | None, typer.Option("--reason", help="whose first hard finding is of this rule")] = None
    rule: Annotated[str | None, typer.Option("--rule", help="that break this rule, first or not")] = None
    column: Annotated[str | None, typer.Option("--column", help="whose first hard finding is about this column")] = None
    source: Annotated[
        str | None, typer.Option("--source", help="of this workbook: its name, or how its SHA-256 begins")
    ] = None
    site: Annotated[str | None, typer.Option("--site", help="with this SITE_ID in the batch")] = None
    older_than: Annotated[
        float | None,
        typer.Option(
            "--older-than", parser=parse_duration, metavar="DURATION", help="that failed longer ago, such as 2d"
        ),
    ] = None
    newer_than: Annotated[
        float | None,
        typer.Option("--newer-than", parser=parse_duration, metavar="DURATION", help="that failed since, such as 1h"),
    ] = None

    @property
    def given(self) -> bool:
        """Whether any of them was given."""
        return any(getattr(self, field.name) is not None for field in fields(self))

    def letters(self, default_states: tuple[str, ...], *, unsent: bool = False) -> LetterFilter:
        """The filter for the ledger; `unsent` counts only where no state was given."""
        from acidwatch.ledger.letter_queries import LetterFilter

        now = datetime.now(UTC)
        return LetterFilter(
            states=tuple(state.value for state in self.state) if self.state else default_states,
            reason=self.reason,
            rule=self.rule,
            column=self.column,
            source=self.source,
            site=self.site,
            failed_before=now - timedelta(seconds=self.older_than) if self.older_than is not None else None,
            failed_after=now - timedelta(seconds=self.newer_than) if self.newer_than is not None else None,
            unsent=unsent and not self.state,
        )


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Filters` in place of its parameter `filters`."""
    hints = get_type_hints(Filters, include_extras=True)
    options = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(Filters)
    ]

    @functools.wraps(command)
    def wrapped(**given: Any) -> None:
        filters = Filters(**{option.name: given.pop(option.name) for option in options})
        command(filters=filters, **given)

    own = inspect.signature(command, eval_str=True)
    before = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own.parameters.values()]
    place = [parameter.name for parameter in before].index("filters")
    parameters = [*before[:place], *options, *before[place + 1 :]]
    wrapped.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapped


def require_choice(ids: list[str] | None, filters: Filters, *, everything: bool) -> None:
    """Make sure that it is said which letters are meant, and in one way only.

    Raises:
        UnusableInputError: It is not.
    """
    from acidwatch.errors import UnusableInputError

    if ids and (everything or filters.given):
        raise UnusableInputError("give ids, or filters, or --all: not several of them")
    if not (ids or everything or filters.given):
        raise UnusableInputError("say which letters: ids, filters such as --reason, or --all; see: acidwatch dlq list")
