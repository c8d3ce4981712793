"""Shows for how long versions have been in no backup: whoever makes backups, on whatever, and also where nobody does."""

from __future__ import annotations

import asyncio
import math

import structlog

from acidwatch.archive.store import Store
from acidwatch.errors import DependencyAwayError
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.queries import not_backed_up_seconds
from acidwatch.proof.backup import newest_backup
from acidwatch.telemetry.metrics import NOT_BACKED_UP

_ASK_SECONDS = 60.0


async def keep_asking_for_backups(store: Store, ledger: Ledger) -> None:
    """Ask HDFS and the ledger, again and again; while one of them is away what was found last stays."""
    NOT_BACKED_UP.set(math.nan)  # nothing is known yet, which is not the same as nothing is missing
    while True:
        try:
            await asyncio.to_thread(_ask, store, ledger)
        except DependencyAwayError:
            pass  # those who need it say so
        except Exception:
            structlog.get_logger(__name__).exception("backups could not be asked for")
        await asyncio.sleep(_ASK_SECONDS)


def _ask(store: Store, ledger: Ledger) -> None:
    newest = newest_backup(store)
    with ledger.transaction() as connection:
        NOT_BACKED_UP.set(not_backed_up_seconds(connection, newest.made_at if newest else None))
