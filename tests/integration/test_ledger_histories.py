"""Random histories of the dataset against a model of sets, on a real PostgreSQL: every version ever made reads the same at the end.

Its clean files are real ones, in an archive in memory: compaction rewrites them in between, or halfway, and gc removes what it left.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from acidwatch.archive.memory import MemoryStore
from acidwatch.contract.batch import Origin
from acidwatch.contract.outcome import FileRef, Finding, Outcome
from acidwatch.ledger.changes import quarantine, restore
from acidwatch.ledger.checks import members_without_file
from acidwatch.ledger.files import MovedMeanwhileError, needed_files
from acidwatch.ledger.plans import mark_sent, plan_attempts
from acidwatch.ledger.record import record
from acidwatch.ledger.tags import find_version, tag
from acidwatch.proof.compact import Compaction, alike
from acidwatch.proof.gc import find, remove
from tests.support.deployment import Deployment

OPERATIONS = (
    "append", "append", "append", "append to the correction", "append to the correction", "reject", "duplicate", "redeliver", "replay",
    "reprocess", "reprocess", "reprocess what was taken out", "reprocess what was taken out",
    "deliver", "deliver", "deliver rejected", "quarantine", "quarantine", "restore", "restore", "tag",
    "compact", "begin to compact", "end compacting", "collect garbage",
)  # fmt: skip
FINDING = Finding("hard", "range.SO4_UEQ_L", "Sheet 1", "AC3", "SO4_UEQ_L", "2400", "SO4_UEQ_L is 2400")
OLD, CORRECTION = "old", "correction"
CORRECTION_BATCHES = 2
ROWS_PER_FILE = 150
LATER = datetime.now(UTC) + timedelta(days=30)

Key = tuple[str, int]
Row = tuple[int, str, float]

COLUMNS = [
    pa.field("batch_id", pa.string(), nullable=False), pa.field("attempt", pa.int32(), nullable=False), pa.field("row", pa.int32()),
    pa.field("PROGRAM_ID", pa.string()), pa.field("SITE_ID", pa.string()), pa.field("DATE_SMP", pa.timestamp("us")),
    pa.field("SO4_UEQ_L", pa.float64()),
]  # fmt: skip
SCHEMAS = {"1": pa.schema(COLUMNS), "2": pa.schema([*COLUMNS, pa.field("remarks", pa.list_(pa.string()))])}
"""What two versions of the contract write."""


@cache
def clean_bytes(batch: str, attempt: int, rows: int, contract: str) -> bytes:
    """A clean file of one batch; it's the same in every history."""
    lines = [
        {"batch_id": batch, "attempt": attempt, "row": row, "PROGRAM_ID": f"P{rows % 3}", "SITE_ID": site, "DATE_SMP": None,
         "SO4_UEQ_L": value, "remarks": [f"{row}"]}
        for row, site, value in content(batch, attempt, rows)
    ]  # fmt: skip
    sink = io.BytesIO()
    schema = SCHEMAS[contract]
    pq.write_table(pa.Table.from_pylist([{name: line[name] for name in schema.names} for line in lines], schema), sink)
    return sink.getvalue()


def content(batch: str, attempt: int, rows: int) -> list[Row]:
    """Its rows."""
    return [(row, f"{(row * 7 + len(batch)) % 5:04}", attempt * 1000.0 + row) for row in range(rows)]


class OneTransaction:
    """Stands for a pool of connections: what is committed here is undone with the history."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        with self.connection.transaction():
            yield self.connection


@dataclass
class Plan:
    batch: str
    attempt: int
    kind: str
    version: int


@dataclass(frozen=True)
class Snapshot:
    """A version as the model has it: its members, and the version since which the correction stands in place of the old workbook."""

    members: frozenset[Key]
    replaced: int | None


@dataclass
class Model:
    """What the ledger must say, kept in sets and dictionaries."""

    versions: list[Snapshot] = field(default_factory=lambda: [Snapshot(frozenset(), None)])
    source: dict[str, str] = field(default_factory=dict)
    rows: dict[Key, int] = field(default_factory=dict)
    contract: dict[Key, str] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    attempts: dict[str, int] = field(default_factory=dict)
    taken_out: dict[str, int] = field(default_factory=dict)
    plans: list[Plan] = field(default_factory=list)
    recorded: list[Outcome] = field(default_factory=list)
    tags: dict[str, int] = field(default_factory=dict)
    asked: bool = False
    """Whether the correction is to take the old workbook's place: it was sent with that, and no restore has undone it since."""

    @property
    def now(self) -> Snapshot:
        return self.versions[-1]

    def member(self, batch: str) -> int | None:
        return next((attempt for name, attempt in self.now.members if name == batch), None)

    def make(self, members: frozenset[Key], replaced: bool, taken_out: set[str]) -> None:
        since = self.now.replaced if self.now.replaced is not None else len(self.versions)
        self.versions.append(Snapshot(members, since if replaced else None))
        for batch in taken_out:
            self.taken_out[batch] = len(self.versions) - 1

    def record(self, batch: str, attempt: int, accepted: bool, plan: Plan | None) -> None:
        """The outcome of an attempt that was not recorded before."""
        if not accepted:
            return
        first = batch not in self.accepted
        self.accepted.add(batch)
        barred = batch in self.taken_out and (plan is None or plan.version < self.taken_out[batch])
        held, replaced = self.member(batch), self.now.replaced is not None
        if plan is not None and plan.kind == "reprocess":
            of_replaced = replaced and self.source[batch] == OLD
            joins = not barred and (held is None or held < attempt)
            joins = joins and not (of_replaced and plan.version < (self.now.replaced or 0))
        else:
            joins = not barred and first and not (replaced and self.source[batch] == OLD)
        if not joins:
            return
        members = (self.now.members - {(batch, held or 0)}) | {(batch, attempt)}
        if self.source[batch] == CORRECTION and self.is_whole(members) and self.asked and not replaced:
            self.replace(members)
        else:
            self.make(members, replaced, set())

    def is_whole(self, members: frozenset[Key]) -> bool:
        """Whether all of the correction is there."""
        return sum(self.source[name] == CORRECTION for name, _ in members) == CORRECTION_BATCHES

    def replace(self, members: frozenset[Key]) -> None:
        """The correction takes the old workbook's place."""
        old = {name for name, _ in members if self.source[name] == OLD}
        self.make(frozenset(key for key in members if key[0] not in old), True, old)

    def sent_again(self, source: str, attempt: int) -> None:
        """A record came once more, as another delivery: only a first attempt says what its sender means now."""
        if source == CORRECTION and attempt == 1:
            self.asked = True
            if self.is_whole(self.now.members) and self.now.replaced is None:
                self.replace(self.now.members)


class History:
    """Runs operations on the ledger and on the model."""

    def __init__(self, connection: Any) -> None:
        self.connection, self.model, self.offset = connection, Model(), 0
        self.store, self.ledger = MemoryStore(), OneTransaction(connection)
        self.compaction = Compaction(
            self.store, self.ledger, lambda: datetime.now(UTC), "me", "", ROWS_PER_FILE  # type: ignore[arg-type]
        )  # fmt: skip
        self.begun: list[Any] = []

    def outcome(self, batch: str, attempt: int, accepted: bool) -> Outcome:
        self.offset += 1
        value = f"{batch} {attempt}".encode()
        zone = "clean" if accepted else "quarantine"
        correction = self.model.source[batch] == CORRECTION
        rows = self.model.rows.setdefault((batch, attempt), 1 + self.offset % 100)
        contract = self.model.contract.setdefault((batch, attempt), "12"[self.offset % 5 == 0])
        data = clean_bytes(batch, attempt, rows, contract) if accepted else b"1"
        sha256 = self.store.publish(f"{zone}/{self.offset}", data)
        return Outcome(
            batch_id=batch, attempt=attempt, verdict="accepted" if accepted else "rejected",
            origin=Origin("t", 0, self.offset, 1_700_000_000_000 + self.offset),
            source_id=self.model.source[batch], source="lake.xlsx", source_time="2026-11-01T00:00:00+00:00",
            batch_index=0, batch_count=CORRECTION_BATCHES if correction else 99, subject="S!A2:B3",
            rows=rows, hard=int(not accepted), soft=0,
            findings=() if accepted else (FINDING,), value_sha256=hashlib.sha256(value).hexdigest(), value_bytes=len(value),
            contract_version=contract, reference_version=1, service_version="0", judged_at="2026-11-01T00:00:00+00:00",
            files=(FileRef("raw", f"raw/{self.offset}", 1, "0"), FileRef(zone, f"{zone}/{self.offset}", len(data), sha256)),
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
        self.model.asked |= source == CORRECTION
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
            if operation == "duplicate":
                model.sent_again(model.source[old.batch_id], old.attempt)
        elif operation == "replay" and (rejected := [name for name in batches if name not in model.accepted]):
            self.plan("replay", rejected[number % len(rejected)])
        elif operation == "reprocess" and model.accepted:
            self.plan("reprocess", sorted(model.accepted)[number % len(model.accepted)])
        elif operation == "reprocess what was taken out" and (
            out := sorted(model.accepted - {name for name, _ in members})
        ):
            self.plan("reprocess", out[number % len(out)])
        elif operation in ("deliver", "deliver rejected"):
            self.deliver(number, operation == "deliver")
        elif operation == "quarantine" and members:
            out = members[number % len(members)]
            quarantine(self.connection, [out[0]], "bad", "me")
            model.make(model.now.members - {out}, model.now.replaced is not None, {out[0]})
        elif operation == "restore":
            self.restore(number % len(model.versions))
        elif operation == "tag" and len(model.versions) > 1:
            version = 1 + number % (len(model.versions) - 1)
            tag(self.connection, f"t{number}", version, "", "me", move=True)
            model.tags[f"t{number}"] = version
        elif operation == "compact":
            self.compact()
        elif operation == "begin to compact":
            for group in self.compaction.plan():
                held = self.compaction.ask(group)
                self.begun += [
                    (self.compaction.write(parts), parts, held) for parts in alike(self.compaction.read(held, []))
                ]
        elif operation == "end compacting":
            for file, parts, held in self.begun:
                # Another compaction came in between, or gc took the new file.
                with contextlib.suppress(MovedMeanwhileError):
                    self.compaction.move(file, parts, held)
            self.begun = []
        elif operation == "collect garbage":
            garbage = find(self.store, self.ledger, LATER, timedelta(days=7))  # type: ignore[arg-type]
            remove(self.store, self.ledger, garbage, "me", "")  # type: ignore[arg-type]

    def compact(self) -> None:
        done = self.compaction.run(self.compaction.plan(), lambda done, total: None)
        assert (done.faults, done.given_up) == ([], [])
        assert self.compaction.plan() == []
        files = needed_files(self.connection, 10**6)
        small = Counter(file.contract_version for file in files if file.rows < ROWS_PER_FILE / 2)
        assert all(count == 1 for count in small.values())

    def restore(self, version: int) -> None:
        model = self.model
        then, now = model.versions[version], model.now
        change = restore(self.connection, version, "back", "me")
        assert change.made == (then.members != now.members or (then.replaced is None) != (now.replaced is None))
        if change.made:
            changed = {batch for batch, _ in then.members ^ now.members}
            model.asked &= now.replaced is None or then.replaced is not None
            model.make(then.members, then.replaced is not None, changed)

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
        assert members_without_file(self.connection) == []
        self.check_files()
        assert dataset["rows"] == (made[len(made)]["rows"] if made else 0)
        for name, version in model.tags.items():
            assert find_version(self.connection, name) == version

    def check_files(self) -> None:
        """The file that the ledger names for a member of any version is there, holds its rows, and has the columns of its contract."""
        named: dict[tuple[str, str], list[Key]] = defaultdict(list)
        for row in self.connection.execute(
            "SELECT DISTINCT f.path, f.sha256, m.batch_id, m.attempt FROM ledger.memberships m"
            " JOIN ledger.file_batches fb ON fb.batch_id = m.batch_id AND fb.attempt = m.attempt AND fb.zone = 'clean'"
            " JOIN ledger.files f USING (file_id)"
        ):
            named[row["path"], row["sha256"]].append((row["batch_id"], row["attempt"]))
        for (path, sha256), keys in named.items():
            data = self.store.read(path)
            assert hashlib.sha256(data).hexdigest() == sha256
            table = pq.read_table(io.BytesIO(data))
            held: dict[Key, list[Row]] = defaultdict(list)
            for row in table.to_pylist():
                held[row["batch_id"], row["attempt"]].append((row["row"], row["SITE_ID"], row["SO4_UEQ_L"]))
            for key in keys:
                assert sorted(held[key]) == content(*key, self.model.rows[key])
                assert table.schema.equals(SCHEMAS[self.model.contract[key]])


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
