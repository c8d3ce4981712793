"""Two versions of the dataset compared: batches, samples cell by cell, and the summary figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acidwatch.archive.store import Store
from acidwatch.history.differences import Differences, compare_samples
from acidwatch.history.figures import Figure, figure, sample_figures
from acidwatch.history.resolve import superseded
from acidwatch.history.rows import read_rows
from acidwatch.ledger import queries
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.members import Description, Member, describe, members


@dataclass(frozen=True, slots=True)
class Diff:
    """What is different in version `after`, seen from version `before`.

    Attributes:
        batches_in, batches_out: Members of one of them only, by source and index.
        batches: What every batch that is named here is called, by its id.
        samples: Without rows for whose sample another one speaks.
    """

    before: int
    after: int
    batches_in: list[Member]
    batches_out: list[Member]
    batches: dict[str, Description]
    samples: Differences
    figures: list[Figure]


def diff(ledger: Ledger, store: Store, before: int, after: int) -> Diff:
    """Compare two versions; `before` may be the later one.

    Raises:
        UnusableInputError: There is no such version.
        PermanentError: A file does not hold what the ledger says.
        DependencyAwayError: PostgreSQL or HDFS does not answer.
    """
    with ledger.transaction() as connection:
        old, new = (queries.version(connection, version) for version in (before, after))
        left, right = ({_key(member): member for member in members(connection, v)} for v in (before, after))
    rows = read_rows(store, list((left | right).values()))
    keys = list(zip(rows["batch_id"].to_pylist(), rows["attempt"].to_pylist(), strict=True))
    speak_before, speak_after = (
        ~superseded(rows, np.array([key in side for key in keys], dtype=np.bool_)) for side in (left, right)
    )
    samples = compare_samples(rows, speak_before, speak_after)
    batches_in = [right[key] for key in right.keys() - left.keys()]
    batches_out = [left[key] for key in left.keys() - right.keys()]
    figures = [figure(name, old[name], new[name]) for name in ("batches", "rows", "bytes")]
    with ledger.transaction() as connection:
        batches = describe(connection, _named(batches_in, batches_out, samples))
    for members_ in (batches_in, batches_out):
        members_.sort(key=lambda member: (batches[member.batch_id].source, member.source_id, member.batch_index))
    return Diff(
        before,
        after,
        batches_in,
        batches_out,
        batches,
        samples,
        figures + sample_figures(rows, speak_before, speak_after),
    )


def _key(member: Member) -> tuple[str, int]:
    return member.batch_id, member.attempt


def _named(batches_in: list[Member], batches_out: list[Member], samples: Differences) -> set[str]:
    named = {member.batch_id for member in (*batches_in, *batches_out)}
    named |= {sample.batch_id for sample in (*samples.added, *samples.removed)}
    return named | {sample.batch_id for changed in samples.changed for sample in (changed.before, changed.after)}
