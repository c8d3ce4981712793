"""The journal: what the ledger notes of people's changes, copied to HDFS after the transaction of the change."""

from __future__ import annotations

from acidwatch.archive.journal import publish
from acidwatch.archive.store import Store
from acidwatch.ledger.audit import mark_journaled, unjournaled
from acidwatch.ledger.connection import Ledger


def copy_journal(store: Store, ledger: Ledger) -> list[int]:
    """Copy the entries that are not there yet.

    Returns:
        Numbers under which journal/ has other entries: these were not copied.

    Raises:
        DependencyAwayError: A server is away; the next call copies what is left.
    """
    with ledger.transaction() as connection:
        entries = unjournaled(connection)
    there = set(publish(store, entries))
    with ledger.transaction() as connection:
        mark_journaled(connection, sorted(there))
    return [entry["audit_id"] for entry in entries if entry["audit_id"] not in there]
