"""Versions that a person makes: batches taken out, an earlier version brought back. Nothing is rewritten; each can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from acidwatch.errors import UnusableInputError
from acidwatch.ledger.audit import note
from acidwatch.ledger.connection import Connection
from acidwatch.ledger.dataset import Dataset, lock_dataset, save_dataset
from acidwatch.ledger.state import Key
from acidwatch.ledger.write import begin_memberships, end_memberships, insert, mark_taken_out


@dataclass(frozen=True, slots=True)
class Change:
    """What a change did.

    Attributes:
        version: The version that it made; the newest one when there was nothing to do.
        made: Whether it made one.
        batches_in, batches_out: How many members came and went.
        rows: Of the whole version afterwards.
    """

    version: int
    made: bool
    batches_in: int
    batches_out: int
    rows: int


def quarantine(connection: Connection, batch_ids: Sequence[str], reason: str, author: str) -> Change:
    """Take batches out of the dataset, all in one new version. They come back by restore or reprocess only.

    Raises:
        UnusableInputError: One of them is not in the newest version; nothing was changed.
    """
    dataset = lock_dataset(connection)
    members = _open_members(connection)
    wanted = list(dict.fromkeys(batch_ids))
    for batch_id in wanted:
        if batch_id not in members:
            raise UnusableInputError(
                f"batch {batch_id} is not in the dataset now; see: acidwatch batches show {batch_id}"
            )
    out = [members[batch_id] for batch_id in wanted]
    return _change(connection, dataset, "quarantine", reason, author, [], out, {}) if out else _nothing(dataset)


def restore(connection: Connection, version: int, message: str, author: str) -> Change:
    """Make a new version that is equal to an earlier one; nothing to do when the newest one is equal already.

    Raises:
        UnusableInputError: There is no such version.
    """
    dataset = lock_dataset(connection)
    if not 0 <= version <= dataset.version:
        there = f"there are versions 1 to {dataset.version}" if dataset.version else "there are none yet"
        raise UnusableInputError(f"no version {version}: {there}")
    now = set(_open_members(connection).values())
    then = {
        _Member(row["batch_id"], row["attempt"], row["rows"], row["value_bytes"])
        for row in connection.execute(
            "SELECT m.batch_id, m.attempt, a.rows, a.value_bytes FROM ledger.memberships m JOIN ledger.attempts a USING (batch_id, attempt)"
            " WHERE m.from_version <= %(v)s AND (m.to_version IS NULL OR m.to_version > %(v)s)",
            {"v": version},
        )
    }
    if now == then:
        return _nothing(dataset)
    details = {"restored_version": version}
    change = _change(connection, dataset, "restore", message, author, sorted(then - now), sorted(now - then), details)
    _restore_replacements(connection, version, change.version)
    return change


@dataclass(frozen=True, slots=True, order=True)
class _Member:
    batch_id: str
    attempt: int
    rows: int
    bytes: int

    @property
    def key(self) -> Key:
        return self.batch_id, self.attempt


def _open_members(connection: Connection) -> dict[str, _Member]:
    rows = connection.execute(
        "SELECT m.batch_id, m.attempt, a.rows, a.value_bytes FROM ledger.memberships m JOIN ledger.attempts a USING (batch_id, attempt)"
        " WHERE m.to_version IS NULL"
    )
    return {row["batch_id"]: _Member(row["batch_id"], row["attempt"], row["rows"], row["value_bytes"]) for row in rows}


def _change(
    connection: Connection,
    dataset: Dataset,
    kind: str,
    message: str,
    author: str,
    comes: Sequence[_Member],
    goes: Sequence[_Member],
    details: dict[str, int],
) -> Change:
    dataset.version += 1
    dataset.rows += sum(member.rows for member in comes) - sum(member.rows for member in goes)
    dataset.bytes += sum(member.bytes for member in comes) - sum(member.bytes for member in goes)
    details = {"batches_in": len(comes), "batches_out": len(goes), **details}
    only = (comes[0] if comes else goes[0]) if len({m.batch_id for m in (*comes, *goes)}) == 1 else None
    connection.execute(
        "INSERT INTO ledger.versions (version, kind, author, message, batch_id, attempt, batch_rows, batch_bytes, rows, bytes, details)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb)",
        (
            dataset.version, kind, author, message, *(only.key if only else (None, None)),
            sum(m.rows for m in comes) - sum(m.rows for m in goes), sum(m.bytes for m in comes) - sum(m.bytes for m in goes),
            dataset.rows, dataset.bytes, orjson.dumps(details).decode(),
        ),
    )  # fmt: skip
    end_memberships(connection, [(*member.key, dataset.version) for member in goes])
    begin_memberships(connection, [(*member.key, dataset.version, None) for member in comes])
    changed = {member.batch_id for member in (*comes, *goes)}
    mark_taken_out(connection, [(batch_id, dataset.version) for batch_id in changed])
    save_dataset(connection, dataset)
    journal = {"in": [list(member.key) for member in comes], "out": [list(member.key) for member in goes], **details}
    note(connection, author, kind, message, journal, dataset.version)
    return Change(dataset.version, True, len(comes), len(goes), dataset.rows)


def _nothing(dataset: Dataset) -> Change:
    return Change(dataset.version, False, 0, 0, dataset.rows)


def _restore_replacements(connection: Connection, version: int, new_version: int) -> None:
    """Which workbooks stand in place of others is again as it was then."""
    rows = connection.execute(
        "SELECT source_id, replaced_by, to_version IS NULL AS now,"
        " from_version <= %(v)s AND (to_version IS NULL OR to_version > %(v)s) AS then FROM ledger.replacements",
        {"v": version},
    ).fetchall()
    now = {(row["source_id"], row["replaced_by"]) for row in rows if row["now"]}
    then = {(row["source_id"], row["replaced_by"]) for row in rows if row["then"]}
    for source_id, _ in now - then:
        connection.execute(
            "UPDATE ledger.replacements SET to_version = %s WHERE source_id = %s AND to_version IS NULL",
            (new_version, source_id),
        )
    insert(
        connection,
        "INSERT INTO ledger.replacements (source_id, replaced_by, from_version) SELECT * FROM {rows}",
        ("text", "text", "bigint"),
        [(source_id, other, new_version) for source_id, other in sorted(then - now)],
    )
