"""What every command does after it changed the dataset: copy the journal's new entries to HDFS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidwatch.cli.output import say

if TYPE_CHECKING:
    from acidwatch.archive.store import Store
    from acidwatch.ledger.connection import Ledger


def flush(ledger: Ledger, store: Store) -> None:
    """Copy what is not there yet. Called after the command's own transaction, which stands whatever comes of this."""
    from acidwatch.errors import DependencyAwayError
    from acidwatch.proof.journal import copy_journal

    try:
        missing = copy_journal(store, ledger)
    except DependencyAwayError as error:
        say(
            f"note: it is done, but not in the journal on HDFS yet: {error}. The next such command copies it, or: acidwatch ledger backup"
        )
        return
    if missing:
        say(
            f"note: journal/ on HDFS has other entries under the numbers {missing[0]} to {missing[-1]}; these were not copied"
        )
