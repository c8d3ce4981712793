"""Versions that a person makes: batches taken out, an earlier version brought back. Nothing is rewritten; each can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from acidwatch.errors import UnusableInputError
from acidwatch.ledger.audit import Entry, note
from acidwatch.ledger.connection import Connection
from acidwatch.ledger.dataset import Dataset, lock_dataset, save_dataset
from acidwatch.ledger.state import Key
from acidwatch.ledger.write import begin_memberships, end_memberships, insert, insert_versions, mark_taken_out


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
    wanted = list(dict.fromkeys(batch_ids))
    members = _open_members(connection, wanted)
    for batch_id in wanted:
        if batch_id not in members:
            raise UnusableInputError(
                f"batch {batch_id} is not in the dataset now; see: acidwatch batches show {batch_id}"
            )
    out = [members[batch_id] for batch_id in wanted]
    if not out:
        return _nothing(dataset)
    change, journal = _change(connection, dataset, "quarantine", reason, author, [], out, {})
    note(connection, author, "quarantine", reason, journal, change.version)
    return change


def restore(connection: Connection, version: int, message: str, author: str, newest: int | None = None) -> Change:
    """Make a new version that is equal to an earlier one, in its batches and in which workbooks stand in place of others.

    Nothing to do when the newest one is equal already.

    Args:
        newest: The newest version that whoever wants this knows of; what has come since would go unseen. None = whatever it is.

    Raises:
        UnusableInputError: There is no such version, or another one than `newest` is the newest.
    """
    dataset = lock_dataset(connection)
    if newest is not None and dataset.version != newest:
        raise UnusableInputError(
            f"nothing was changed: meanwhile {dataset.version - newest} versions were made after version {newest}, and their batches "
            "would go too; look again"
        )
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
    replaced = _replacements(connection, version)
    if now == then and replaced == _replacements(connection, dataset.version):
        return _nothing(dataset)
    details = {"restored_version": version}
    change, journal = _change(
        connection, dataset, "restore", message, author, sorted(then - now), sorted(now - then), details
    )
    _set_replacements(connection, replaced, change.version)
    note(connection, author, "restore", message, {**journal, "replaced": sorted(replaced)}, change.version)
    return change


def put_back(connection: Connection, entry: Entry) -> tuple[Change, list[Key], list[str]]:
    """Make again, in another history, the version that an entry of the journal tells of: what came and went is named, not which version.

    Returns:
        What it did; attempts that should have come and can not: they are not recorded, or not as accepted; batches that should have gone
        and will come back: their rows are gone, so that they are judged again.
    """
    dataset = lock_dataset(connection)
    details = entry["details"]
    comes, goes = ({(batch_id, attempt) for batch_id, attempt in details[name]} for name in ("in", "out"))
    members = _open_members(connection, [batch_id for batch_id, _ in comes | goes])
    accepted = {
        (row["batch_id"], row["attempt"]): _Member(row["batch_id"], row["attempt"], row["rows"], row["value_bytes"])
        for row in connection.execute(
            "SELECT batch_id, attempt, rows, value_bytes FROM ledger.attempts"
            " JOIN unnest(%s::text[], %s::int[]) AS wanted(batch_id, attempt) USING (batch_id, attempt) WHERE verdict = 'accepted'",
            ([batch_id for batch_id, _ in comes], [attempt for _, attempt in comes]),
        )
    }
    open_keys = {member.key for member in members.values()}
    into = sorted(accepted[key] for key in accepted.keys() - open_keys)
    leaving = {batch_id for batch_id, _ in goes} - {batch_id for batch_id, _ in comes} | {m.batch_id for m in into}
    out = sorted(members[batch_id] for batch_id in leaving if batch_id in members)
    missing = sorted(comes - accepted.keys())
    # Of those that should leave and are not there: which wait to be judged again, as nothing that was recorded.
    away = sorted(leaving - members.keys() - {member.batch_id for member in into})
    reruns = connection.execute(
        "SELECT DISTINCT r.batch_id FROM ledger.reruns r LEFT JOIN ledger.attempts a USING (batch_id, attempt)"
        " WHERE r.batch_id = ANY(%s) AND r.sent_at IS NULL AND a.attempt IS NULL ORDER BY 1",
        (away,),
    )
    returning = [row["batch_id"] for row in reruns]
    open_now = _replacements(connection, dataset.version)
    replaced = {(source_id, other) for source_id, other in details.get("replaced", open_now)}
    if not into and not out and replaced == open_now:
        return _nothing(dataset), missing, returning
    was = {"was_version": entry["version"]}
    change, _ = _change(connection, dataset, entry["action"], entry["message"], entry["author"], into, out, was)
    _set_replacements(connection, replaced, change.version)
    return change, missing, returning


@dataclass(frozen=True, slots=True, order=True)
class _Member:
    batch_id: str
    attempt: int
    rows: int
    bytes: int

    @property
    def key(self) -> Key:
        return self.batch_id, self.attempt


def _open_members(connection: Connection, batch_ids: Sequence[str] | None = None) -> dict[str, _Member]:
    """Members of the newest version by batch id: those of the given batches, or all."""
    rows = connection.execute(
        "SELECT m.batch_id, m.attempt, a.rows, a.value_bytes FROM ledger.memberships m JOIN ledger.attempts a USING (batch_id, attempt)"
        " WHERE m.to_version IS NULL AND (%(ids)s::text[] IS NULL OR m.batch_id = ANY(%(ids)s))",
        {"ids": list(batch_ids) if batch_ids is not None else None},
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
) -> tuple[Change, dict[str, Any]]:
    """Make a version; also what the journal has to say of it."""
    rows = sum(member.rows for member in comes) - sum(member.rows for member in goes)
    size = sum(member.bytes for member in comes) - sum(member.bytes for member in goes)
    dataset.version += 1
    dataset.rows += rows
    dataset.bytes += size
    details = {"batches_in": len(comes), "batches_out": len(goes), **details}
    both = [*comes, *goes]
    only = both[0] if len({member.batch_id for member in both}) == 1 else None
    version = (
        dataset.version, kind, author, message, *(only.key if only else (None, None)), rows, size, dataset.rows, dataset.bytes,
        orjson.dumps(details).decode(),
    )  # fmt: skip
    insert_versions(connection, [version])
    end_memberships(connection, [(*member.key, dataset.version) for member in goes])
    begin_memberships(connection, [(*member.key, dataset.version, None) for member in comes])
    changed = {member.batch_id for member in (*comes, *goes)}
    mark_taken_out(connection, [(batch_id, dataset.version) for batch_id in changed])
    save_dataset(connection, dataset)
    journal = {"in": [list(member.key) for member in comes], "out": [list(member.key) for member in goes], **details}
    return Change(dataset.version, True, len(comes), len(goes), dataset.rows), journal


def _nothing(dataset: Dataset) -> Change:
    return Change(dataset.version, False, 0, 0, dataset.rows)


def _replacements(connection: Connection, version: int) -> set[tuple[str, str]]:
    """Which workbooks (source id) another one (source id) stood in place of, in a version."""
    rows = connection.execute(
        "SELECT source_id, replaced_by FROM ledger.replacements"
        " WHERE from_version <= %(v)s AND (to_version IS NULL OR to_version > %(v)s)",
        {"v": version},
    )
    return {(row["source_id"], row["replaced_by"]) for row in rows}


def _set_replacements(connection: Connection, wanted: set[tuple[str, str]], version: int) -> None:
    """From a version on, these workbooks and no others are replaced. What ends here begins again only when it is asked for again."""
    rows = connection.execute("SELECT source_id, replaced_by FROM ledger.replacements WHERE to_version IS NULL")
    now = {(row["source_id"], row["replaced_by"]) for row in rows}
    for source_id, other in now - wanted:
        connection.execute(
            "UPDATE ledger.replacements SET to_version = %s WHERE source_id = %s AND to_version IS NULL",
            (version, source_id),
        )
        connection.execute("UPDATE ledger.sources SET replaces = NULL WHERE source_id = %s", (other,))
    insert(
        connection,
        "INSERT INTO ledger.replacements (source_id, replaced_by, from_version) SELECT * FROM {rows}",
        ("text", "text", "bigint"),
        [(source_id, other, version) for source_id, other in sorted(wanted - now)],
    )
