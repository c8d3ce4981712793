"""Backups: what is restored is equal to what was backed up, and nothing is restored that would not be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from pydantic import SecretStr

from acidwatch.archive.memory import MemoryStore
from acidwatch.archive.sealed import DamagedFileError
from acidwatch.errors import PermanentError, UnusableInputError
from acidwatch.ledger import changes, tags
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.dump import filled_tables, tables
from acidwatch.ledger.migrate import migrate
from acidwatch.ledger.queries import not_backed_up_seconds
from acidwatch.proof.backup import Backup, backup, backups, digests, fuller, newest_backup, prune
from acidwatch.proof.gc import find, remove
from acidwatch.proof.newer import newer_than_ledger
from acidwatch.proof.restore import choose, restore
from acidwatch.proof.verify import verify
from acidwatch.settings import PostgresSettings
from tests.support.archived import History, Sent, another_database
from tests.support.deployment import Deployment

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def filled(history: History, deployment: Deployment) -> History:
    """Something in every table that there is."""
    a, bad = Sent("a"), Sent("c", index=2, good=False)
    history.commit(a, Sent("b", index=1, year=2000), bad, a)
    history.publish_letters()
    history.commit(history.again("replay", bad, good=True, year=2010))
    history.commit(Sent("n", source="new lake\t\\N\n", count=1, replaces="lake", year=2020))
    with history.ledger.transaction() as connection:
        changes.restore(connection, 2, "undo: it's \\ \t wrong\n", "ann")
        tags.tag(connection, "good", 2, "before", "ann")
    late = history.judge(Sent("late", index=5))
    remove(
        history.store,
        history.ledger,
        find(history.store, history.ledger, NOW + timedelta(days=900), timedelta(0)),
        "ann",
        "tidy",
    )
    history.record(late)
    with psycopg.connect(deployment.database_url) as connection:
        for statement in (
            "INSERT INTO metrics.runs SELECT 7, 1, 1, 'c', true, now(), now(), 'enriched/run=7', 0, 0, 0, 0, 0, 0, 0, 0, 0",
            "INSERT INTO metrics.site SELECT 7, 'P', 'S', 'NA', 'u', 1, 0.1 + 0.2, NULL, 1e-300, 1, 1, 1, 1, now(), now()",
        ):
            connection.execute(statement)
    return history


def contents(ledger: Ledger, made: Backup) -> dict[str, str]:
    with ledger.transaction() as connection:
        return digests(connection, made.tables)


def make(history: History, now: datetime = NOW) -> Backup:
    return backup(history.store, history.ledger, now)


def test_every_table_is_in_a_backup_with_its_rows(filled: History) -> None:
    made = make(filled)
    with filled.ledger.transaction() as connection:
        assert [table.name for table in made.tables] == [table.name for table in tables(connection)]
        assert set(filled_tables(connection)) - {"ledger.datasets"} == {
            table.name for table in made.tables if table.rows and table.name != "ledger.datasets"
        }
    rows = {table.name: table.rows for table in made.tables}
    assert (rows["ledger.batches"], rows["ledger.tags"], rows["ledger.reruns"], rows["metrics.site"]) == (4, 1, 1, 1)
    assert (made.stamp, made.newest_version) == ("20261124T120000Z", 5)
    assert list(backups(filled.store)) == [made]


def test_what_is_newer_than_the_newest_sound_backup_is_not_backed_up(filled: History) -> None:
    def hours() -> float:
        newest = newest_backup(filled.store)
        with filled.ledger.transaction() as connection:
            return round(not_backed_up_seconds(connection, newest.made_at if newest else None) / 3600, 2)

    now = datetime.now(UTC)
    with filled.ledger.transaction() as connection:
        connection.execute("UPDATE ledger.versions SET created_at = now() - (6 - version) * interval '1 hour'")
    assert hours() == 5, "there is no backup"
    made = make(filled, now - timedelta(hours=2.5))
    assert hours() == 2
    filled.store.delete(f"backup/{made.stamp}/manifest.json")
    assert hours() == 5, "it is not whole"
    make(filled, now)
    assert hours() == 0
    with filled.ledger.transaction() as connection:
        connection.execute("UPDATE ledger.versions SET created_at = now() + version * interval '1 minute'")
    assert hours() == 0, "newer than this moment: a clock that is behind"


def test_a_restored_ledger_is_equal_and_goes_on_as_the_first_would_have(filled: History, other: Ledger) -> None:
    made = make(filled)
    restore(filled.store, other, choose(filled.store, None), force=False)
    assert contents(other, made) == contents(filled.ledger, made) == {table.name: table.sha256 for table in made.tables}
    assert verify(filled.store, other, None, lambda done, total: None).faults == []
    second = History(filled.store, other, filled.offset)
    done = second.commit(Sent("next", source="pond", index=6), Sent("bad", source="pond", index=7, good=False))
    assert (done.version, done.accepted, done.rejected) == (6, 1, 1)
    with other.transaction() as connection:
        tags.tag(connection, "after", 6, "", "ann")
    assert [row["audit_id"] for row in second.query("SELECT audit_id FROM ledger.audit ORDER BY 1")] == [1, 2, 3, 4, 5]
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        second.query("INSERT INTO ledger.tags (tag, version, author, message) VALUES ('x', 99, '', '') RETURNING 1")


def test_a_backup_is_of_one_moment_whatever_is_recorded_meanwhile(filled: History, other: Ledger) -> None:
    store = filled.store

    class Busy(MemoryStore):
        """While each table is written, another batch is recorded."""

        def publish(self, path: str, data: bytes) -> str:
            if path.startswith("backup/") and not path.endswith("manifest.json"):
                filled.commit(Sent(f"busy{filled.offset}", source="busy", index=filled.offset))
            return super().publish(path, data)

    busy = Busy()
    busy.files, busy._written = store.files, store._written  # type: ignore[attr-defined]
    made = backup(busy, filled.ledger, NOW)
    restore(store, other, made, force=False)
    assert made.newest_version == 5
    faults = verify(store, other, None, lambda done, total: None).faults
    assert faults == []


def test_the_journal_is_complete_after_a_backup(filled: History, store: MemoryStore) -> None:
    make(filled)
    assert sorted(path for path in store.files if path.startswith("journal/")) == [
        f"journal/{number:08d}.json" for number in (1, 2, 3, 4)
    ]


def test_entries_after_a_restore_take_no_number_that_the_journal_has(
    filled: History, store: MemoryStore, other: Ledger
) -> None:
    made = make(filled)
    with filled.ledger.transaction() as connection:
        tags.tag(connection, "later", 1, "", "ann")
    filled.flush()
    restore(store, other, made, force=False)
    assert [entry["details"]["tag"] for entry in newer_than_ledger(store, other).entries] == ["later"]
    second = History(store, other)
    with other.transaction() as connection:
        tags.tag(connection, "mine", 1, "", "ann")
    second.flush()
    assert second.query("SELECT audit_id FROM ledger.audit WHERE journaled_at IS NULL") == []
    assert "journal/00000006.json" in store.files


def test_a_database_in_use_is_not_overwritten_unless_forced(filled: History) -> None:
    made = make(filled)
    before = contents(filled.ledger, made)
    filled.commit(Sent("more", source="pond", index=8))
    with pytest.raises(UnusableInputError, match="not empty.*--force") as caught:
        restore(filled.store, filled.ledger, made, force=False)
    assert caught.value.exit_code == 2
    restore(filled.store, filled.ledger, made, force=True)
    assert contents(filled.ledger, made) == before
    assert [record.outcome.batch_id for record in newer_than_ledger(filled.store, filled.ledger).records] == ["more"]


def test_a_damaged_backup_is_not_restored_and_the_database_stays_as_it_was(filled: History, store: MemoryStore) -> None:
    made = make(filled)
    before = contents(filled.ledger, made)
    path = next(table.path for table in made.tables if table.name == "ledger.versions")
    sound = store.files[path]
    store.files[path] = sound[:-9] + bytes([sound[-9] ^ 1]) + sound[-8:]
    with pytest.raises(DamagedFileError, match="ledger.versions"):
        restore(store, filled.ledger, made, force=True)
    assert contents(filled.ledger, made) == before
    manifest = f"backup/{made.stamp}/manifest.json"
    store.files[path] = sound
    store.files[manifest] = store.files[manifest].replace(b'"newest_version": 5', b'"newest_version": 6')
    with pytest.raises(DamagedFileError, match=r"manifest.json.*take another backup: acidwatch ledger backups list"):
        choose(store, None)
    later = make(filled, NOW + timedelta(hours=1))
    assert choose(store, None) == later, "an old one that is damaged is no obstacle"
    first, second = backups(store)
    assert first == later and isinstance(second, DamagedFileError)
    with pytest.raises(DamagedFileError):
        find(store, filled.ledger, NOW, timedelta(0))  # what it needs is not known


def test_a_backup_whose_rows_say_something_else_is_not_restored(
    filled: History, store: MemoryStore, other: Ledger
) -> None:
    made = make(filled)
    tags_wrong = [replace(one, sha256="00") if one.name == "ledger.tags" else one for one in made.tables]
    with pytest.raises(PermanentError, match="ledger.tags would not be what the backup holds"):
        restore(store, other, replace(made, tables=tuple(tags_wrong)), force=False)
    with other.transaction() as connection:
        assert filled_tables(connection) == []


def test_an_older_backup_needs_a_database_of_its_revision(filled: History, deployment: Deployment) -> None:
    made = make(filled)
    old = Ledger(PostgresSettings(database_url=SecretStr(url := another_database(deployment, migrated=False))))
    with pytest.raises(
        UnusableInputError, match=f"at none; make it ready with: acidwatch ledger migrate --to {made.revision}"
    ):
        restore(filled.store, old, made, force=False)
    settings = PostgresSettings(database_url=SecretStr(url))
    migrate(settings, target="0002_metrics")
    with pytest.raises(UnusableInputError, match=f"revision {made.revision}, the database is at 0002_metrics"):
        restore(filled.store, old, made, force=False)
    with pytest.raises(UnusableInputError, match="no revision 9999"):
        migrate(settings, target="9999")
    migrate(settings, target=made.revision)
    restore(filled.store, old, made, force=False)
    assert contents(old, made) == contents(filled.ledger, made)
    old.close()


def test_the_newest_backups_are_kept_and_a_half_made_one_is_none(filled: History, store: MemoryStore) -> None:
    made = [make(filled, NOW + timedelta(hours=hours)) for hours in range(4)]
    half, making = "20261101T000000Z", "20261124T150001Z"
    for stamp in (half, making):
        store.publish(f"backup/{stamp}/ledger.tags.copy.gz", b"")
    assert list(backups(store)) == list(reversed(made))
    assert prune(store, 2, NOW + timedelta(hours=4)) == [half, made[0].stamp, made[1].stamp]
    assert store.names("backup") == [made[2].stamp, made[3].stamp, making]
    with pytest.raises(UnusableInputError, match=f"no backup {made[0].stamp}; see: acidwatch ledger backups list"):
        choose(store, made[0].stamp)
    assert choose(store, None) == made[3]


def test_backups_of_a_database_that_replaced_a_lost_one_take_the_place_of_none_from_before(
    filled: History, other: Ledger, store: MemoryStore
) -> None:
    before = make(filled)
    made = [backup(store, other, NOW + timedelta(hours=hours)) for hours in (1, 2, 3)]
    assert [one.newest_version for one in made] == [0, 0, 0]
    assert prune(store, 2, NOW + timedelta(hours=4)) == [made[0].stamp]
    assert store.names("backup") == [before.stamp, made[1].stamp, made[2].stamp]
    assert (fuller(store, made[2]), fuller(store, before)) == (before, None)
    with pytest.raises(UnusableInputError, match=f"such as --backup {before.stamp} after a loss"):
        choose(store, None)
    restore(store, other, choose(store, before.stamp), force=False)
    again = backup(store, other, NOW + timedelta(hours=5))
    assert fuller(store, again) is None
    assert choose(store, None) == again
    assert prune(store, 2, NOW + timedelta(hours=6)) == [before.stamp, made[1].stamp]


def test_gc_leaves_files_in_which_the_ledger_of_a_backup_has_batches(
    filled: History, other: Ledger, store: MemoryStore
) -> None:
    made = make(filled)
    small = filled.compact().files

    def garbage() -> set[str]:
        return {one.path for one in find(store, filled.ledger, NOW + timedelta(days=900), timedelta(0))}

    assert garbage() == set()
    later = make(filled, NOW + timedelta(hours=1))  # names them too, but has no batch in them
    store.delete(f"backup/{made.stamp}")
    assert {path.split("/")[0] for path in garbage()} == {"clean"} and len(garbage()) == small
    remove(store, filled.ledger, find(store, filled.ledger, NOW + timedelta(days=900), timedelta(0)), "ann", "tidy")
    restore(store, other, later, force=False)
    assert verify(store, other, None, lambda done, total: None).faults == []


def test_gc_takes_what_only_duplicates_name_whatever_backups_there_are(filled: History, store: MemoryStore) -> None:
    filled.commit(Sent("a"))
    make(filled)
    found = find(store, filled.ledger, NOW + timedelta(days=900), timedelta(0))
    assert [one.path.split("/")[0] for one in found] == ["clean"]
