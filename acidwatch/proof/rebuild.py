"""The dataset's content made again from HDFS: outcomes from the manifests in raw/, what people did from the journal, in their order.

Outcomes go through the same `record` as when they came; what people did is applied by the batches that it names. So the rules that
made the first history make the second one, and only the numbers of versions may differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from acidwatch.archive.journal import newest_number
from acidwatch.archive.store import Store
from acidwatch.ledger import audit, changes, dump, parking, plans, tags
from acidwatch.ledger.audit import Entry
from acidwatch.ledger.connection import Connection, Ledger
from acidwatch.ledger.dataset import lock_dataset
from acidwatch.ledger.places import forget_reruns_that_came
from acidwatch.ledger.record import record
from acidwatch.proof.newer import ArchivedRecord, Newer, condemn_missing
from acidwatch.proof.order import CHANGES, PLANS, before_each
from acidwatch.proof.outcomes import OutcomeMaker
from acidwatch.proof.verify import Progress

_AT_ONCE = 500


@dataclass(slots=True)
class Rebuilt:
    """What was made.

    Attributes:
        version: The newest version.
        reruns: Records whose rows or findings gc had removed: they are judged again.
        remarks: What could not be made again.
    """

    version: int = 0
    records: int = 0
    entries: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicates: int = 0
    reruns: int = 0
    remarks: list[str] = field(default_factory=list)


def rebuild(store: Store, ledger: Ledger, newer: Newer, progress: Progress) -> Rebuilt:
    """Record what the ledger lacks. If it is interrupted, what is still lacking can be recorded by another call."""
    condemn_missing(ledger, newer)
    maker, done = OutcomeMaker(store), Rebuilt()
    slots = before_each(newer.records, newer.entries)
    for slot, entry in zip(slots, [*newer.entries, None], strict=True):
        for start in range(0, len(slot), _AT_ONCE):
            _record(ledger, maker, slot[start : start + _AT_ONCE], done)
            progress(done.records, len(newer.records))
        if entry is not None:
            with ledger.transaction() as connection:
                _put_back(connection, entry, done.remarks)
            done.entries += 1
    with ledger.transaction() as connection:
        done.reruns -= forget_reruns_that_came(connection)
        dump.audit_from(connection, newest_number(store))
        done.version = lock_dataset(connection).version
    return done


def _record(ledger: Ledger, maker: OutcomeMaker, records: Sequence[ArchivedRecord], done: Rebuilt) -> None:
    maker.read(path for one in records for path in one.paths)
    with ledger.transaction() as connection:
        became = record(connection, [maker.whole(one.outcome, one.paths) for one in records])
    done.records += len(records)
    done.accepted += became.accepted
    done.rejected += became.rejected
    done.duplicates += became.duplicates
    done.reruns += became.reruns


def _put_back(connection: Connection, entry: Entry, remarks: list[str]) -> None:
    """Do again what an entry tells of, and write the entry itself."""
    action, version = entry["action"], None
    what = f"entry {entry['audit_id']} of the journal ({action})"
    if action in CHANGES:
        change, missing, returning = changes.put_back(connection, entry)
        version = change.version if change.made else None
        remarks += [f"{what}: batch {batch_id} attempt {attempt} can't come back" for batch_id, attempt in missing]
        remarks += [
            f"{what}: batch {batch_id} was taken out, and comes back when it is judged again, because its rows are gone; then: "
            f"acidwatch quarantine {batch_id} --reason WHY"
            for batch_id in returning
        ]
    elif action in PLANS:
        remarks += [f"{what}: batch {batch_id} is not recorded" for batch_id in plans.put_back(connection, entry)]
    elif action in {"tag", "untag"}:
        version = tags.put_back(connection, entry)
        if version is None and action == "tag":
            remarks.append(
                f"{what}: tag {entry['details']['tag']} named version {entry['version']}; no version has these batches now"
            )
    elif action in {"park", "unpark"}:
        parking.put_back(connection, entry)
    audit.put_back(connection, entry, version)
