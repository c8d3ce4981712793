"""A fingerprint of a version's members: the same members give the same one, whatever the version's number and how it came about."""

from __future__ import annotations

import hashlib
from collections import defaultdict

from acidwatch.ledger.connection import Connection
from acidwatch.ledger.state import Key


def fingerprint(connection: Connection, version: int) -> str:
    """Number of members, and the exclusive or of their SHA-256."""
    rows = connection.execute(
        "SELECT batch_id, attempt FROM ledger.memberships WHERE from_version <= %(v)s AND (to_version IS NULL OR to_version > %(v)s)",
        {"v": version},
    ).fetchall()
    digest = 0
    for row in rows:
        digest ^= _digest((row["batch_id"], row["attempt"]))
    return _text(len(rows), digest)


def find(connection: Connection, wanted: str, rather: int) -> int | None:
    """A version with this fingerprint: `rather` if it has it, else the newest one that does."""
    changes: dict[int, list[tuple[Key, int]]] = defaultdict(list)
    for row in connection.execute("SELECT batch_id, attempt, from_version, to_version FROM ledger.memberships"):
        key = row["batch_id"], row["attempt"]
        changes[row["from_version"]].append((key, 1))
        if row["to_version"] is not None:
            changes[row["to_version"]].append((key, -1))
    members, digest, found = 0, 0, None
    for row in connection.execute("SELECT version FROM ledger.versions ORDER BY version").fetchall():
        for key, more in changes[row["version"]]:
            members += more
            digest ^= _digest(key)
        if _text(members, digest) == wanted:
            found = row["version"]
            if found == rather:
                break
    return found


def _digest(key: Key) -> int:
    return int.from_bytes(hashlib.sha256(f"{key[0]} {key[1]}".encode()).digest())


def _text(members: int, digest: int) -> str:
    return f"{members}:{digest:064x}"
