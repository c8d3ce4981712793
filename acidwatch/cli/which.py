"""Which version an option means: a number, or a tag."""

from __future__ import annotations


def version_number(text: str | None) -> int | None:
    """The number of the version that an option names; None when it was not given.

    A number is not looked up: results may be there of versions that a rebuilt ledger does not have any more.

    Raises:
        UnusableInputError: There is no such tag.
    """
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.tags import find_version
    from acidwatch.settings import PostgresSettings, load

    with Ledger(load(PostgresSettings)).transaction() as connection:
        return find_version(connection, text)
