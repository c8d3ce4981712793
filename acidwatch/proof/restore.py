"""A backup put back into the database, and proved equal before anybody sees it."""

from __future__ import annotations

from acidwatch.archive.journal import newest_number
from acidwatch.archive.sealed import DamagedFileError
from acidwatch.archive.store import MissingFileError, Store
from acidwatch.errors import PermanentError, UnusableInputError
from acidwatch.ledger import dump
from acidwatch.ledger.connection import Connection, Ledger
from acidwatch.ledger.revision import revision_of
from acidwatch.proof.backup import Backup, backups, digests, fuller, read_backup, rows_of


def choose(store: Store, stamp: str | None) -> Backup:
    """The backup of a stamp, or the newest one.

    Raises:
        UnusableInputError: There is none, or an older one has more versions than the newest.
        DamagedFileError: Its manifest is not as it was written.
    """
    if stamp is None:
        newest = next(backups(store), None)
        if newest is None:
            raise UnusableInputError("there is no backup on HDFS; make the ledger again with: acidwatch ledger rebuild")
        if isinstance(newest, DamagedFileError):
            raise DamagedFileError(newest.path, f"{newest.reason}; take another backup: acidwatch ledger backups list")
        if fullest := fuller(store, newest):
            raise UnusableInputError(
                f"the newest backup, {newest.stamp}, has version {newest.newest_version}, and {fullest.stamp} has version "
                f"{fullest.newest_version}: say with --backup which one, such as --backup {fullest.stamp} after a loss"
            )
        return newest
    try:
        return read_backup(store, stamp)
    except MissingFileError:
        raise UnusableInputError(f"no backup {stamp}; see: acidwatch ledger backups list") from None


def restore(store: Store, ledger: Ledger, backup: Backup, *, force: bool) -> None:
    """Fill the database with a backup, in one transaction: all of it, proved equal, or nothing.

    Args:
        force: Empty the database first, if something is in it.

    Raises:
        UnusableInputError: The database is not empty, or not at the backup's revision.
        DamagedFileError: A file of the backup is not as it was written.
        PermanentError: What was restored is not what the backup holds.
    """
    with ledger.transaction() as connection:
        dump.for_long(connection)
        check_revision(connection, backup)
        filled = dump.filled_tables(connection)
        if filled and not force:
            raise UnusableInputError(
                f"the database is not empty ({', '.join(filled[:3])}{', ...' if len(filled) > 3 else ''}); restore into a new one "
                "(ACIDWATCH_DATABASE_URL, then: acidwatch ledger migrate), or let --force empty this one first"
            )
        contents = ((dump.Table(table.name, table.columns), rows_of(store, table)) for table in backup.tables)
        dump.replace_all(connection, contents)
        for name, last_value in backup.sequences.items():
            dump.set_sequence(connection, dump.Sequence(name, last_value))
        dump.audit_from(connection, newest_number(store))
        found = digests(connection, backup.tables)
        wrong = [table.name for table in backup.tables if found[table.name] != table.sha256]
        if wrong:
            raise PermanentError(f"not restored: {', '.join(wrong)} would not be what the backup holds")


def check_revision(connection: Connection, backup: Backup) -> None:
    """Whether the database has the tables that the backup has.

    Raises:
        UnusableInputError: It does not.
    """
    revision = revision_of(connection)
    if revision != backup.revision:
        raise UnusableInputError(
            f"backup {backup.stamp} was made at revision {backup.revision}, the database is at {revision or 'none'}; make it ready with: "
            f"acidwatch ledger migrate --to {backup.revision} (in an empty database), and afterwards: acidwatch ledger migrate"
        )
