"""Which file holds a batch: separate from which version holds it, so that moving rows between files changes no version."""

from __future__ import annotations

from collections.abc import Sequence

from acidwatch.contract.outcome import FileRef
from acidwatch.errors import PermanentError
from acidwatch.ledger.connection import Connection
from acidwatch.ledger.dataset import lock_dataset
from acidwatch.ledger.state import Key


def move_batches(connection: Connection, file: FileRef, keys: Sequence[Key]) -> None:
    """Say that a published file holds these (batch, attempt)s from now on; the files that held them are left to gc.

    Raises:
        PermanentError: One of them is not in a file of that zone, so there is nothing to move.
    """
    lock_dataset(connection)
    row = connection.execute(
        "INSERT INTO ledger.files (path, zone, bytes, sha256) VALUES (%s, %s, %s, %s) RETURNING file_id",
        (file.path, file.zone, file.bytes, file.sha256),
    ).fetchone()
    moved = connection.execute(
        "UPDATE ledger.file_batches f SET file_id = %s FROM unnest(%s::text[], %s::int[]) AS r(batch_id, attempt)"
        " WHERE f.batch_id = r.batch_id AND f.attempt = r.attempt AND f.zone = %s",
        (row["file_id"] if row else None, [key[0] for key in keys], [key[1] for key in keys], file.zone),
    ).rowcount
    if moved != len(keys):
        raise PermanentError(
            f"{file.path} is to hold {len(keys)} batches, but only {moved} of them are in {file.zone}/"
        )
