"""Which version an option means: a number, a tag, or the newest one of a time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated

import typer


def parse_time(text: str) -> datetime:
    """The moment that a text in ISO 8601 means, UTC where it names no zone.

    It is the last one of what the text names: of the day of a date alone, of the second of a time (which is how lists print it).

    Raises:
        typer.BadParameter: It is none.
    """
    try:
        return datetime.combine(date.fromisoformat(text), time.max, UTC)
    except ValueError:
        pass  # not a date alone
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time; write it like 2026-11-24, 2026-11-24T09:30 or 2026-11-24T09:30:00+01:00"
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if moment.microsecond else moment.replace(microsecond=999_999)


AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of",
        metavar="TIME",
        parser=parse_time,
        help="the dataset version that was the newest at this time (ISO 8601, UTC without a zone; a date alone: at the end of that day)",
    ),
]


def version_number(text: str | None, as_of: datetime | None = None) -> int | None:
    """The number of the version that an option names; None when none was given.

    A number is not looked up: results may be there of versions that a rebuilt ledger does not have any more.

    Raises:
        UnusableInputError: There is no such tag, there was no version yet at this time, or both are given.
    """
    if text is None and as_of is None:
        return None
    if text is not None and as_of is not None:
        from acidwatch.errors import UnusableInputError

        raise UnusableInputError("--version and --as-of both say which version: give one of them")
    if text is not None and text.isascii() and text.isdigit():
        return int(text)
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.tags import find_version, version_as_of
    from acidwatch.settings import PostgresSettings, load

    with Ledger(load(PostgresSettings)).transaction() as connection:
        return version_as_of(connection, as_of) if as_of is not None else find_version(connection, str(text))
