"""Record a group of outcomes in the ledger: one transaction, as few statements as tables, whatever the group's size.

Every writer locks the dataset's row first, and ids are given under that lock. Recording the same outcomes again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from acidwatch.contract.batch import id_from_origin
from acidwatch.contract.outcome import Outcome, conflict
from acidwatch.ledger.connection import Connection
from acidwatch.ledger.dataset import Dataset, lock_dataset, save_dataset
from acidwatch.ledger.replacement import Replacements
from acidwatch.ledger.state import BatchState, Member, State
from acidwatch.ledger.write import NewVersion, Writes, write

MOST_FAILURES = 3
"""A dead letter that failed so often is parked: only a person moves it."""


@dataclass(slots=True)
class Recorded:
    """What a group of outcomes became.

    Attributes:
        version: The newest version afterwards.
        accepted, rejected: New attempts by verdict.
        duplicates: Deliveries of an attempt already recorded, from another origin.
        redeliveries: Outcomes of an origin already recorded; they change nothing.
        conflicts: Outcomes of a recorded or planned (batch id, attempt) with other bytes, recorded as rejected under an id of their own.
        outside: Accepted attempts that became no member (batch id, attempt), and why, see `_why_outside`.
        reruns: Outcomes that named a condemned file: not recorded, their records are sent again from raw/.
        joined: Kafka timestamps, ms since 1970, of the records whose batches a version shows by now.
    """

    version: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicates: int = 0
    redeliveries: int = 0
    conflicts: int = 0
    reruns: int = 0
    outside: list[tuple[str, int, str]] = field(default_factory=list)
    joined: list[int] = field(default_factory=list)

    @property
    def not_members(self) -> int:
        """Accepted attempts that became no member."""
        return len(self.outside)


def record(connection: Connection, outcomes: Sequence[Outcome]) -> Recorded:
    """Record outcomes in their order. Call it inside a transaction; the versions it makes are seen when that commits."""
    dataset = lock_dataset(connection)
    state = State(connection, outcomes)
    replacements = Replacements(connection, [outcome for outcome in outcomes if not state.knows(outcome.origin)])
    group = _Group(dataset, state, replacements, Recorded(), Writes())
    for outcome in outcomes:
        group.add(outcome)
    for version in replacements.late(dataset):
        group.writes.versions.append(version)
        group.writes.taken_out += [(batch_id, version.version) for batch_id, _ in version.out]
    group.done.version = dataset.version
    write(connection, group.writes)
    replacements.write(connection)
    save_dataset(
        connection,
        dataset,
        accepted=group.accepted_batches,
        rejected=group.rejected_batches,
        duplicates=group.done.duplicates,
    )
    return group.done


@dataclass(slots=True)
class _Group:
    """A group while it is gone through, outcome by outcome."""

    dataset: Dataset
    state: State
    replacements: Replacements
    done: Recorded
    writes: Writes
    accepted_batches: int = 0
    rejected_batches: int = 0

    def add(self, outcome: Outcome) -> None:
        """Decide what one outcome becomes."""
        state, done, writes = self.state, self.done, self.writes
        if not state.is_new(outcome.origin):
            done.redeliveries += 1
            return
        self.replacements.asked(outcome)
        if state.is_condemned(outcome):
            # gc is deleting a file that it names: the bytes are safe in raw/, so the batch is judged and archived again.
            writes.deliveries.append((outcome, "rerun"))
            writes.reruns.append(outcome)
            done.reruns += 1
            return
        if state.is_conflict(outcome):
            outcome = as_conflict(outcome)
            done.conflicts += 1
        if (outcome.batch_id, outcome.attempt) in state.digests:
            # The first recorded outcome stands, even when a second judgement differs.
            writes.deliveries.append((outcome, "duplicate"))
            done.duplicates += 1
            return
        state.digests[outcome.batch_id, outcome.attempt] = outcome.value_sha256
        batch = state.batches.setdefault(outcome.batch_id, BatchState(outcome.source_id))
        first, was_accepted = batch.attempts == 0, batch.accepted_attempt is not None
        batch.attempts += 1
        version = None
        if outcome.verdict == "accepted":
            done.accepted += 1
            if why := self._why_outside(outcome, batch):
                done.outside.append((outcome.batch_id, outcome.attempt, why))
            else:
                version = self._join(outcome, batch)
                done.joined.append(outcome.origin.timestamp_ms)
            if not was_accepted:
                batch.accepted_attempt = outcome.attempt
                self.accepted_batches += 1
                self.rejected_batches -= 0 if first else 1
                writes.letters.pop(outcome.batch_id, None)
                writes.failures.pop(outcome.batch_id, None)
                writes.resolved.append(outcome.batch_id)
        else:
            done.rejected += 1
            if not was_accepted:
                self.rejected_batches += 1 if first else 0
                writes.letters[outcome.batch_id] = outcome
                writes.failures[outcome.batch_id] += 1
        writes.attempts.append((outcome, version))
        writes.deliveries.append((outcome, "first"))
        writes.batches[outcome.batch_id] = (outcome, batch)

    def _why_outside(self, outcome: Outcome, batch: BatchState) -> str:
        """Why an accepted attempt becomes no member; empty when it does.

        Not when a person took the batch out after the attempt was numbered, nor when another workbook stands in place of its source
        by now. A batch that was accepted before is changed by a reprocess only, and not by an older one than the member; of a workbook
        that was replaced, by a reprocess that was numbered since.
        """
        plan = self.state.plans.get((outcome.batch_id, outcome.attempt))
        again = plan is not None and plan.kind == "reprocess"
        planned = plan.planned_version if plan is not None else -1
        replaced = self.replacements.replaced_in(batch.source_id)
        if batch.taken_out is not None and planned < batch.taken_out:
            return "the batch was taken out after it was numbered"
        if replaced is not None and (not again or planned < replaced):
            return "another workbook stands in place of its own"
        if again and batch.member is not None and batch.member.attempt > outcome.attempt:
            return f"attempt {batch.member.attempt}, numbered after it, is in the dataset"
        if not again and batch.accepted_attempt is not None:
            return f"attempt {batch.accepted_attempt} was accepted before it"
        return ""

    def _join(self, outcome: Outcome, batch: BatchState) -> int:
        """Make the next version, in which the attempt is a member; another attempt of the batch leaves."""
        plan = self.state.plans.get((outcome.batch_id, outcome.attempt))
        dataset, leaving = self.dataset, batch.member
        dataset.version += 1
        dataset.rows += outcome.rows - (leaving.rows if leaving else 0)
        dataset.bytes += outcome.value_bytes - (leaving.bytes if leaving else 0)
        kind = "reprocess" if plan is not None and plan.kind == "reprocess" else "append"
        author = plan.author if plan is not None else outcome.source
        message = (plan.message if plan is not None else "") or f"{outcome.source} {outcome.subject}".strip()
        new = NewVersion(dataset.version, kind, author, message, dataset.rows, dataset.bytes, outcome)
        left = (outcome.batch_id, leaving.attempt) if leaving else None
        batch.member = Member(outcome.attempt, outcome.rows, outcome.value_bytes)
        replaced = self.replacements.joined(outcome, left, dataset, new)
        new.out = [*([left] if left else []), *replaced]
        self.state.take_out(replaced, dataset.version)
        self.writes.versions.append(new)
        self.writes.taken_out += [(batch_id, dataset.version) for batch_id, _ in replaced]
        return dataset.version


def as_conflict(outcome: Outcome) -> Outcome:
    """The outcome of a record that claims an id and attempt which other bytes have: rejected, under an id of its origin."""
    return replace(
        outcome,
        batch_id=id_from_origin(outcome.origin, outcome.value_sha256),
        attempt=1,
        verdict="rejected",
        hard=1,
        soft=0,
        findings=(conflict(outcome.batch_id, outcome.attempt),),
        files=tuple(file for file in outcome.files if file.zone == "raw"),
    )
