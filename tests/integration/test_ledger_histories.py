"""Random histories of the dataset against a model of sets, on a real PostgreSQL: every version ever made reads the same at the end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from acidwatch.contract.batch import Origin
from acidwatch.contract.outcome import FileRef, Finding, Outcome
from acidwatch.ledger.changes import quarantine, restore
from acidwatch.ledger.files import move_batches
from acidwatch.ledger.plans import mark_sent, plan_attempts
from acidwatch.ledger.record import record
from acidwatch.ledger.tags import find_version, tag
from tests.support.deployment import Deployment

OPERATIONS = (
    "append", "append", "append", "append to the correction", "reject", "duplicate", "redeliver", "replay", "reprocess", "reprocess",
    "deliver", "deliver", "deliver rejected", "quarantine", "quarantine", "restore", "restore", "tag", "compact",
)  # fmt: skip
FINDING = Finding("hard", "range.SO4_UEQ_L", "Sheet 1", "AC3", "SO4_UEQ_L", "2400", "SO4_UEQ_L is 2400")
OLD, CORRECTION = "old", "correction"
CORRECTION_BATCHES = 2

Key = tuple[str, int]


@dataclass
class Plan:
    batch: str
    attempt: int
    kind: str
    version: int


@dataclass(frozen=True)
class Snapshot:
    """A version as the model has it: its members, and whether the correction stands in place of the old workbook."""

    members: frozenset[Key]
    replaced: bool


@dataclass
class Model:
    """What the ledger must say, kept in sets and dictionaries."""

    versions: list[Snapshot] = field(default_factory=lambda: [Snapshot(frozenset(), False)])
    source: dict[str, str] = field(default_factory=dict)
    rows: dict[Key, int] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    attempts: dict[str, int] = field(default_factory=dict)
    taken_out: dict[str, int] = field(default_factory=dict)
    plans: list[Plan] = field(default_factory=list)
    recorded: list[Outcome] = field(default_factory=list)
    tags: dict[str, int] = field(default_factory=dict)

    @property
    def now(self) -> Snapshot:
        return self.versions[-1]

    def member(self, batch: str) -> int | None:
        return next((attempt for name, attempt in self.now.members if name == batch), None)

    def make(self, members: frozenset[Key], replaced: bool, taken_out: set[str]) -> None:
        self.versions.append(Snapshot(members, replaced))
        for batch in taken_out:
            self.taken_out[batch] = len(self.versions) - 1

    def record(self, batch: str, attempt: int, accepted: bool, plan: Plan | None) -> None:
        """The outcome of an attempt that was not recorded before."""
        if not accepted:
            return
        first = batch not in self.accepted
        self.accepted.add(batch)
        barred = batch in self.taken_out and (plan is None or plan.version < self.taken_out[batch])
        held = self.member(batch)
        if plan is not None and plan.kind == "reprocess":
            joins = not barred and (held is None or held < attempt)
        else:
            joins = not barred and first and not (self.now.replaced and self.source[batch] == OLD)
        if not joins:
            return
        members = (self.now.members - {(batch, held or 0)}) | {(batch, attempt)}
        whole = sum(self.source[name] == CORRECTION for name, _ in members) == CORRECTION_BATCHES
        if whole and not self.now.replaced and self.source[batch] == CORRECTION:
            old = {name for name, _ in members if self.source[name] == OLD}
            self.make(frozenset(key for key in members if key[0] not in old), True, old)
        else:
            self.make(members, self.now.replaced, set())


class History:
    """Runs operations on the ledger and on the model."""

    def __init__(self, connection: Any) -> None:
        self.connection, self.model, self.offset = connection, Model(), 0

    def outcome(self, batch: str, attempt: int, accepted: bool) -> Outcome:
        self.offset += 1
        value = f"{batch} {attempt}".encode()
        zone = "clean" if accepted else "quarantine"
        correction = self.model.source[batch] == CORRECTION
        return Outcome(
            batch_id=batch, attempt=attempt, verdict="accepted" if accepted else "rejected",
            origin=Origin("t", 0, self.offset, 1_700_000_000_000 + self.offset),
            source_id=self.model.source[batch], source="lake.xlsx", source_time="2026-11-01T00:00:00+00:00",
            batch_index=0, batch_count=CORRECTION_BATCHES if correction else 99, subject="S!A2:B3",
            rows=self.model.rows.setdefault((batch, attempt), 1 + self.offset % 100), hard=int(not accepted), soft=0,
            findings=() if accepted else (FINDING,), value_sha256=hashlib.sha256(value).hexdigest(), value_bytes=len(value),
            contract_version="1", reference_version=1, service_version="0", judged_at="2026-11-01T00:00:00+00:00",
            files=tuple(FileRef(name, f"{name}/{self.offset}", 1, "0") for name in ("raw", zone)),
            replaces=OLD if correction else "",
        )  # fmt: skip

    def put(self, outcome: Outcome) -> None:
        record(self.connection, [outcome])

    def first(self, source: str, accepted: bool) -> None:
        batch = f"b{len(self.model.source)}"
        self.model.source[batch] = source
        made = self.outcome(batch, 1, accepted)
        self.model.recorded.append(made)
        self.model.attempts[batch] = 1
        self.put(made)
        self.model.record(batch, 1, accepted, None)

    def plan(self, kind: str, batch: str) -> None:
        attempt = self.model.attempts[batch] + 1
        sha256 = hashlib.sha256(f"{batch} {attempt}".encode()).hexdigest()
        assert plan_attempts(self.connection, [(batch, sha256)], kind, "me", "why") == [attempt]  # type: ignore[arg-type]
        mark_sent(self.connection, [(batch, attempt)])
        self.model.attempts[batch] = attempt
        self.model.plans.append(Plan(batch, attempt, kind, len(self.model.versions) - 1))

    def deliver(self, number: int, accepted: bool) -> None:
        if self.model.plans:
            plan = self.model.plans.pop(number % len(self.model.plans))
            made = self.outcome(plan.batch, plan.attempt, accepted)
            self.model.recorded.append(made)
            self.put(made)
            self.model.record(plan.batch, plan.attempt, accepted, plan)

    def run(self, operation: str, number: int) -> None:
        model = self.model
        batches = sorted(model.source)
        members = sorted(model.now.members)
        if operation in ("append", "reject"):
            self.first(OLD, operation == "append")
        elif (
            operation == "append to the correction"
            and sum(s == CORRECTION for s in model.source.values()) < CORRECTION_BATCHES
        ):
            self.first(CORRECTION, True)
        elif operation in ("duplicate", "redeliver") and model.recorded:
            old = model.recorded[number % len(model.recorded)]
            again = (
                self.outcome(old.batch_id, old.attempt, old.verdict == "accepted") if operation == "duplicate" else old
            )
            self.put(again)
            whole = sum(model.source[name] == CORRECTION for name, _ in model.now.members) == CORRECTION_BATCHES
            olds = {name for name, _ in model.now.members if model.source[name] == OLD}
            if (
                operation == "duplicate"
                and model.source[old.batch_id] == CORRECTION
                and whole
                and not model.now.replaced
                and olds
            ):
                # The correction was sent again, with what it replaces, after a restore brought the old one back.
                model.make(frozenset(key for key in model.now.members if key[0] not in olds), True, olds)
        elif operation == "replay" and (rejected := [name for name in batches if name not in model.accepted]):
            self.plan("replay", rejected[number % len(rejected)])
        elif operation == "reprocess" and model.accepted:
            self.plan("reprocess", sorted(model.accepted)[number % len(model.accepted)])
        elif operation in ("deliver", "deliver rejected"):
            self.deliver(number, operation == "deliver")
        elif operation == "quarantine" and members:
            out = members[number % len(members)]
            quarantine(self.connection, [out[0]], "bad", "me")
            model.make(model.now.members - {out}, model.now.replaced, {out[0]})
        elif operation == "restore":
            self.restore(number % len(model.versions))
        elif operation == "tag" and len(model.versions) > 1:
            version = 1 + number % (len(model.versions) - 1)
            tag(self.connection, f"t{number}", version, "", "me", move=True)
            model.tags[f"t{number}"] = version
        elif operation == "compact" and members:
            self.offset += 1
            move_batches(
                self.connection,
                FileRef("clean", f"clean/compact-{self.offset}", 1, "0"),
                members[number % len(members) :],
            )

    def restore(self, version: int) -> None:
        model = self.model
        then, now = model.versions[version], model.now
        change = restore(self.connection, version, "back", "me")
        assert change.made == (then.members != now.members)
        if change.made:
            changed = {batch for batch, _ in then.members ^ now.members}
            model.make(then.members, then.replaced, changed)

    def check(self) -> None:
        """Every version ever made, as it was when it was made."""
        model, ask = self.model, self.connection.execute
        dataset = ask("SELECT newest_version, rows, accepted, rejected FROM ledger.datasets").fetchone()
        assert dataset["newest_version"] == len(model.versions) - 1
        assert (dataset["accepted"], dataset["rejected"]) == (
            len(model.accepted),
            len(model.source) - len(model.accepted),
        )
        made = {row["version"]: row for row in ask("SELECT * FROM ledger.versions")}
        assert sorted(made) == list(range(1, len(model.versions)))
        for number, snapshot in enumerate(model.versions[1:], 1):
            rows = ask("SELECT batch_id, attempt, rows, path FROM ledger.members(%s)", (number,)).fetchall()
            assert sorted((row["batch_id"], row["attempt"]) for row in rows) == sorted(snapshot.members)
            assert (
                sum(row["rows"] for row in rows)
                == made[number]["rows"]
                == sum(model.rows[key] for key in snapshot.members)
            )
        assert dataset["rows"] == (made[len(made)]["rows"] if made else 0)
        for name, version in model.tags.items():
            assert find_version(self.connection, name) == version


@pytest.fixture(scope="module")
def database(deployment: Deployment) -> Iterator[Any]:
    with psycopg.connect(deployment.database_url, row_factory=dict_row) as connection:
        yield connection


HISTORIES = st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 50)), min_size=10, max_size=40)
UNHURRIED: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


def check_history(database: Any, operations: list[tuple[str, int]]) -> None:
    history = History(database)
    try:
        for operation, number in operations:
            history.run(operation, number)
        history.check()
    finally:
        database.rollback()  # each history begins with an empty ledger


@settings(max_examples=60, **UNHURRIED)
@given(operations=HISTORIES)
def test_every_version_ever_made_reads_the_same_at_the_end_of_any_history(
    database: Any, operations: list[tuple[str, int]]
) -> None:
    check_history(database, operations)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(max_examples=1000, **UNHURRIED)
@given(operations=HISTORIES)
def test_every_version_ever_made_reads_the_same_at_the_end_of_a_thousand_histories(
    database: Any, operations: list[tuple[str, int]]
) -> None:
    check_history(database, operations)
