"""Names for versions, and how one is found: by number, name or time."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from acidwatch.errors import UnusableInputError
from acidwatch.ledger.audit import Entry, note
from acidwatch.ledger.connection import Connection
from acidwatch.ledger.dataset import lock_dataset
from acidwatch.ledger.fingerprint import find, fingerprint

NEWEST = "newest"
"""Names the newest version, always, and is no tag."""

_TAG = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")


def tag(connection: Connection, name: str, version: int, message: str, author: str, *, move: bool = False) -> None:
    """Give a version a name.

    Raises:
        UnusableInputError: The name is none or taken (unless `move`), or there is no such version.
    """
    dataset = lock_dataset(connection)
    if not _TAG.fullmatch(name) or name == NEWEST:
        form = f"a letter, then letters, digits and . _ -, at most 64 in all, and not {NEWEST!r}"
        raise UnusableInputError(f"{name!r} is no tag: {form}")
    if not 1 <= version <= dataset.version:
        raise UnusableInputError(f"no version {version}; the newest one is {dataset.version}")
    row = connection.execute("SELECT version FROM ledger.tags WHERE tag = %s", (name,)).fetchone()
    if row is not None and row["version"] == version:
        return
    if row is not None and not move:
        raise UnusableInputError(f"tag {name} names version {row['version']} already; --move lets it name another")
    connection.execute(
        "INSERT INTO ledger.tags (tag, version, author, message) VALUES (%s, %s, %s, %s) ON CONFLICT (tag) DO UPDATE SET"
        " version = excluded.version, author = excluded.author, message = excluded.message, created_at = clock_timestamp()",
        (name, version, author, message),
    )
    details = {"tag": name, "was": row["version"] if row else None, "members": fingerprint(connection, version)}
    note(connection, author, "tag", message, details, version)


def untag(connection: Connection, name: str, message: str, author: str) -> int:
    """Take a name away; returns the version that it named.

    Raises:
        UnusableInputError: There is no such tag.
    """
    lock_dataset(connection)
    row = connection.execute("DELETE FROM ledger.tags WHERE tag = %s RETURNING version", (name,)).fetchone()
    if row is None:
        raise UnusableInputError(f"no tag {name}; see: acidwatch versions list")
    note(connection, author, "untag", message, {"tag": name}, row["version"])
    return int(row["version"])


def put_back(connection: Connection, entry: Entry) -> int | None:
    """Give or take, in another history, the name that an entry of the journal tells of.

    Returns:
        The version that has, or had, the name now; None = no version has the members that the named one had.
    """
    lock_dataset(connection)
    details = entry["details"]
    gone = connection.execute("DELETE FROM ledger.tags WHERE tag = %s RETURNING version", (details["tag"],)).fetchone()
    if entry["action"] == "untag":
        return int(gone["version"]) if gone else None
    version = find(connection, details["members"], entry["version"])
    if version is not None:
        connection.execute(
            "INSERT INTO ledger.tags (tag, version, author, message, created_at) VALUES (%s, %s, %s, %s, %s)",
            (details["tag"], version, entry["author"], entry["message"], entry["at"]),
        )
    return version


def find_version(connection: Connection, text: str) -> int:
    """The version that a number or a tag names; `newest` names the newest one.

    Raises:
        UnusableInputError: There is no such version or tag.
    """
    row = connection.execute("SELECT newest_version FROM ledger.datasets").fetchone()
    newest = int(row["newest_version"]) if row else 0
    if text == NEWEST:
        text = str(newest)
    if text.isascii() and text.isdigit():
        if 1 <= int(text) <= newest:
            return int(text)
        there = f"there are versions 1 to {newest}" if newest else "there are none yet; send a workbook first"
        raise UnusableInputError(f"no version {text}: {there}")
    row = connection.execute("SELECT version FROM ledger.tags WHERE tag = %s", (text,)).fetchone()
    if row is None:
        raise UnusableInputError(f"no version or tag {text!r}; see: acidwatch versions list")
    return int(row["version"])


def version_as_of(connection: Connection, moment: datetime) -> int:
    """The version that was the newest at a moment.

    Raises:
        UnusableInputError: There was none yet.
    """
    row = connection.execute(
        "SELECT max(version) FILTER (WHERE created_at <= %s) AS version, min(created_at) AS first FROM ledger.versions",
        (moment,),
    ).fetchone()
    if row is None or row["first"] is None:
        raise UnusableInputError("there are no versions yet; send a workbook first")
    if row["version"] is None:
        at, first = (f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}" for time in (moment, row["first"]))
        raise UnusableInputError(
            f"there was no version yet at {at} UTC: the first is of {first} UTC; see: acidwatch versions list"
        )
    return int(row["version"])
