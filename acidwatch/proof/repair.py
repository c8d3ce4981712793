"""Outcomes that were lost between raw/ and the ledger, sent again: the versioner records them as if they had come the first time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from acidwatch.archive.manifests import RawFile
from acidwatch.archive.store import Store
from acidwatch.broker.send import ConfirmedSender, Record
from acidwatch.contract.headers import outcome_headers
from acidwatch.contract.outcome import Outcome
from acidwatch.ledger.audit import note
from acidwatch.ledger.condemned import condemn
from acidwatch.ledger.connection import Ledger
from acidwatch.proof.outcomes import OutcomeMaker
from acidwatch.settings import KafkaSettings


async def send_again(
    settings: KafkaSettings,
    store: Store,
    ledger: Ledger,
    lost: Sequence[Sequence[tuple[RawFile, Outcome]]],
    author: str,
    message: str,
) -> list[Outcome]:
    """Send lost outcomes again; returns those that were sent.

    Where a crash left a record in several files, one whose files are all there is taken. Where gc has removed the file of its rows, the
    outcome names it all the same: it is condemned, so the versioner lets the record be judged again from raw/.
    """
    outcomes = await asyncio.to_thread(_make, store, ledger, lost)
    sender = ConfirmedSender(settings)
    try:
        await sender.send(
            [
                Record(
                    settings.topic_outcomes,
                    outcome.batch_id.encode(),
                    outcome.encode(),
                    outcome_headers(outcome.batch_id),
                )
                for outcome in outcomes
            ]
        )
    finally:
        await sender.close()
    await asyncio.to_thread(_note, ledger, outcomes, author, message)
    return outcomes


def _make(store: Store, ledger: Ledger, lost: Sequence[Sequence[tuple[RawFile, Outcome]]]) -> list[Outcome]:
    maker = OutcomeMaker(store)
    outcomes = []
    for twins in lost:
        whole = [maker.whole(outcome, file.files_of(outcome)) for file, outcome in twins]
        outcomes.append(min(whole, key=lambda outcome: len(maker.gone(outcome))))
    gone = {path for outcome in outcomes for path in maker.gone(outcome)}
    if gone:
        with ledger.transaction() as connection:
            refused = gone - set(condemn(connection, [(path, 0) for path in gone]))
        # A file that a version needs, and that is not there: `verify` names it, and nothing more is to be built on it.
        outcomes = [outcome for outcome in outcomes if not refused.intersection(maker.gone(outcome))]
    return outcomes


def _note(ledger: Ledger, outcomes: Sequence[Outcome], author: str, message: str) -> None:
    records = [{"batch_id": o.batch_id, "attempt": o.attempt, "origin": str(o.origin)} for o in outcomes]
    with ledger.transaction() as connection:
        note(connection, author, "repair", message, {"sent_again": records})
