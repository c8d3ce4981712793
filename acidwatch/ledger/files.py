"""Which file holds a batch: separate from which version holds it, so that moving rows between files changes no version."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from acidwatch.contract.outcome import FileRef
from acidwatch.errors import RetryableError
from acidwatch.ledger.connection import Connection
from acidwatch.ledger.dataset import lock_dataset
from acidwatch.ledger.state import Key

# A clean file is needed when an attempt in it ever was a member, since any version can be read.
_NEEDED = "SELECT n.file_id FROM ledger.file_batches n JOIN ledger.memberships m USING (batch_id, attempt) WHERE n.zone = 'clean'"


class MovedMeanwhileError(RetryableError):
    """Batches are not where they were read, or the new file is condemned: nothing was moved.

    Attributes:
        path: The file that was to hold them; nothing names it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"the files that {path} was made from changed meanwhile; nothing was moved to it")


@dataclass(frozen=True, slots=True)
class NeededFile:
    """A clean file that versions need.

    Attributes:
        contract_version: That its batches were judged with; were there several, separated by blanks.
        batches, rows: That the ledger names in it, members or not.
    """

    path: str
    contract_version: str
    batches: int
    rows: int


def needed_files(connection: Connection, fewer_than: int) -> list[NeededFile]:
    """The clean files that versions need and that have fewer rows than that, by contract version and path."""
    rows = connection.execute(
        "SELECT f.path, string_agg(DISTINCT a.contract_version, ' ' ORDER BY a.contract_version) AS contract_version,"  # noqa: S608
        " count(*) AS batches, sum(a.rows)::bigint AS rows FROM ledger.file_batches fb JOIN ledger.files f USING (file_id)"
        f" JOIN ledger.attempts a USING (batch_id, attempt) WHERE fb.zone = 'clean' AND f.file_id IN ({_NEEDED})"
        " GROUP BY f.file_id HAVING sum(a.rows) < %s ORDER BY 2, 1",
        (fewer_than,),
    )
    return [NeededFile(**row) for row in rows]


def count_needed_files(connection: Connection) -> int:
    """How many clean files versions need."""
    row = connection.execute(f"SELECT count(*) AS files FROM ({_NEEDED} GROUP BY 1) AS needed").fetchone()  # noqa: S608
    return int(row["files"]) if row else 0


@dataclass(slots=True)
class Held:
    """What the ledger says of a clean file: its checksum, and how many rows it holds of each (batch, attempt)."""

    sha256: str
    rows: dict[Key, int] = field(default_factory=dict)


def held_by(connection: Connection, paths: Sequence[str]) -> dict[str, Held]:
    """What these clean files hold; one of which the ledger names nothing is left out."""
    rows = connection.execute(
        "SELECT f.path, f.sha256, fb.batch_id, fb.attempt, a.rows FROM ledger.files f"
        " JOIN ledger.file_batches fb ON fb.file_id = f.file_id AND fb.zone = 'clean'"
        " JOIN ledger.attempts a USING (batch_id, attempt) WHERE f.path = ANY(%s) ORDER BY f.path, fb.batch_id, fb.attempt",
        (list(paths),),
    )
    found: dict[str, Held] = {}
    for row in rows:
        found.setdefault(row["path"], Held(row["sha256"])).rows[row["batch_id"], row["attempt"]] = row["rows"]
    return found


def move_batches(connection: Connection, file: FileRef, held: Mapping[str, Collection[Key]]) -> None:
    """Say that a published file holds these (batch, attempt)s from now on, if each still is in the file that it was read from.

    Args:
        held: Path to what was read from it; that file is left to gc, which gives it its grace time.

    Raises:
        MovedMeanwhileError: One of them is not there any more, or gc took the new file for garbage. Nothing is changed once the caller's
            transaction is rolled back.
    """
    lock_dataset(connection)
    row = connection.execute(
        "INSERT INTO ledger.files (path, zone, bytes, sha256) VALUES (%s, %s, %s, %s) ON CONFLICT (path) DO NOTHING RETURNING file_id",
        (file.path, file.zone, file.bytes, file.sha256),
    ).fetchone()
    if row is None:
        raise MovedMeanwhileError(file.path)
    triples = [(batch_id, attempt, path) for path, keys in held.items() for batch_id, attempt in keys]
    moved = connection.execute(
        "UPDATE ledger.file_batches fb SET file_id = %s"
        " FROM unnest(%s::text[], %s::int[], %s::text[]) AS r(batch_id, attempt, path) JOIN ledger.files f USING (path)"
        " WHERE fb.batch_id = r.batch_id AND fb.attempt = r.attempt AND fb.file_id = f.file_id AND fb.zone = %s",
        (row["file_id"], *([list(column) for column in zip(*triples, strict=True)] or [[], [], []]), file.zone),
    ).rowcount
    if moved != len(triples):
        raise MovedMeanwhileError(file.path)
    connection.execute("UPDATE ledger.files SET moved_at = now() WHERE path = ANY(%s)", (list(held),))
