"""Files that are not to be used any more: marked first, then deleted. An outcome that names one is run again from raw/."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from acidwatch.ledger.connection import Connection
from acidwatch.ledger.dataset import lock_dataset
from acidwatch.ledger.write import insert

# A clean file is needed when an attempt in it ever was a member, since any version can be restored; a quarantine file when a
# batch in it has a dead letter, since its findings are all there.
_NEEDED = (
    "EXISTS (SELECT FROM ledger.file_batches fb WHERE fb.file_id = f.file_id AND ("
    "(fb.zone = 'clean' AND EXISTS (SELECT FROM ledger.memberships m WHERE m.batch_id = fb.batch_id AND m.attempt = fb.attempt))"
    " OR (fb.zone = 'quarantine' AND EXISTS (SELECT FROM ledger.dead_letters d WHERE d.batch_id = fb.batch_id))))"
)


def needed_or_condemned(connection: Connection, paths: Sequence[str]) -> tuple[set[str], set[str]]:
    """Of these files of clean/ and quarantine/: those that a version or a dead letter needs, and those condemned already."""
    rows = connection.execute(
        f"SELECT f.path, {_NEEDED} AS needed, f.condemned_at IS NOT NULL AS condemned FROM ledger.files f WHERE f.path = ANY(%s)",  # noqa: S608
        (list(paths),),
    ).fetchall()
    condemned = {row["path"] for row in rows if row["condemned"]}
    return {row["path"] for row in rows if row["needed"]} - condemned, condemned


def moved_at(connection: Connection, paths: Sequence[str]) -> dict[str, datetime]:
    """When batches were last moved out of these files, of those from which any were: who listed such a file before may still read it."""
    rows = connection.execute(
        "SELECT path, moved_at FROM ledger.files WHERE path = ANY(%s) AND moved_at IS NOT NULL", (list(paths),)
    )
    return {row["path"]: row["moved_at"] for row in rows}


def condemn(connection: Connection, files: Sequence[tuple[str, int]]) -> list[str]:
    """Mark files as condemned, those that the ledger does not know as well, unless something needs them by now.

    Args:
        files: Path below clean/ or quarantine/, and length.

    Returns:
        Paths of those that are condemned now; they may be deleted once this is committed.
    """
    lock_dataset(connection)
    paths = [path for path, _ in files]
    insert(
        connection,
        "INSERT INTO ledger.files (path, zone, bytes, sha256, condemned_at) SELECT r.path, r.zone, r.bytes, '', now()"
        " FROM {rows} AS r(path, zone, bytes) ON CONFLICT (path) DO NOTHING",
        ("text", "text", "bigint"),
        [(path, path.split("/")[0], length) for path, length in files],
    )
    connection.execute(
        "UPDATE ledger.files f SET condemned_at = now() WHERE f.path = ANY(%s) AND f.condemned_at IS NULL"  # noqa: S608
        f" AND NOT {_NEEDED}",
        (paths,),
    )
    rows = connection.execute(
        "SELECT path FROM ledger.files WHERE path = ANY(%s) AND condemned_at IS NOT NULL", (paths,)
    )
    return [row["path"] for row in rows]
