"""What the ledger records, on a real PostgreSQL: versions without gaps, duplicates told from redeliveries, the first outcome stands."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from acidwatch.contract.batch import Origin, id_from_origin
from acidwatch.contract.outcome import FileRef
from acidwatch.errors import DependencyAwayError, NotMigratedError, UnusableInputError
from acidwatch.ledger import queries
from acidwatch.ledger.accepted import last_good
from acidwatch.ledger.changes import quarantine
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.letter_queries import LetterFilter, letters
from acidwatch.ledger.letters import mark_published, pending
from acidwatch.ledger.migrate import migrate
from acidwatch.settings import PostgresSettings
from tests.support.deployment import Deployment
from tests.support.outcomes import outcome, put
from tests.support.runs import insert_run


def dataset(ledger: Ledger) -> dict[str, Any]:
    with ledger.transaction() as connection:
        return queries.dataset(connection)


def letter(ledger: Ledger, batch: str) -> dict[str, Any] | None:
    with ledger.transaction() as connection:
        return queries.batch(connection, batch)["dead_letter"]


def test_each_accepted_batch_is_one_version_whose_rows_add_up(ledger: Ledger) -> None:
    done = put(ledger, *(outcome(f"b{n}", n) for n in range(5)))
    assert (done.version, done.accepted) == (5, 5)
    with ledger.transaction() as connection:
        versions = queries.versions(connection, 10)
    assert [(row["version"], row["batch_id"], row["rows"], row["bytes"]) for row in versions] == [
        (n + 1, f"b{n}", 100 * (n + 1), 5 * (n + 1)) for n in range(4, -1, -1)
    ]


def test_recording_the_same_outcomes_again_changes_nothing(ledger: Ledger) -> None:
    outcomes = [outcome("a", 0), outcome("b", 1, rejected=True), outcome("a", 2)]
    put(ledger, *outcomes)
    before = dataset(ledger)
    done = put(ledger, *outcomes)
    assert done.redeliveries == 3
    assert dataset(ledger) == before


def test_a_batch_from_another_origin_is_a_duplicate_and_a_redelivery_is_not(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0))
    assert put(ledger, outcome("a", 0)).redeliveries == 1
    assert put(ledger, outcome("a", 7)).duplicates == 1
    assert put(ledger, outcome("a", 7)).redeliveries == 1
    assert (dataset(ledger)["duplicates"], dataset(ledger)["newest_version"]) == (1, 1)


def test_the_same_offset_of_a_topic_made_anew_is_another_origin(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0))
    anew = Origin("water-quality", 0, 0, 1_800_000_000_000)
    assert put(ledger, outcome("b", 0, origin=anew)).accepted == 1
    assert dataset(ledger)["newest_version"] == 2


def test_the_first_recorded_outcome_of_an_attempt_stands(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0, rejected=True))
    done = put(ledger, outcome("a", 1))
    assert (done.duplicates, done.accepted) == (1, 0)
    assert dataset(ledger)["newest_version"] == 0
    found = letter(ledger, "a")
    assert found is not None
    assert found["state"] == "pending"


@pytest.mark.parametrize("together", [True, False])
def test_the_same_id_and_attempt_with_other_bytes_is_a_conflict_under_an_id_of_its_origin(
    ledger: Ledger, together: bool
) -> None:
    first, second = outcome("a", 0), outcome("a", 1, value=b"other")
    if together:
        done = put(ledger, first, second)
    else:
        put(ledger, first)
        done = put(ledger, second)
    assert done.conflicts == 1
    own_id = id_from_origin(second.origin, second.value_sha256)
    with ledger.transaction() as connection:
        (attempt,) = queries.batch(connection, own_id)["attempts"]
        (kept,) = queries.batch(connection, "a")["attempts"]
    assert attempt["findings"][0]["rule"] == "id.conflict"
    assert [file["zone"] for file in attempt["files"]] == ["raw"]
    assert (kept["verdict"], kept["version"]) == ("accepted", 1)
    assert put(ledger, second).redeliveries == 1
    assert (dataset(ledger)["accepted"], dataset(ledger)["rejected"]) == (1, 1)


def test_a_later_attempt_that_is_accepted_becomes_a_version_and_resolves_the_dead_letter(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0, rejected=True))
    done = put(ledger, outcome("a", 1, attempt=2, value=b"repaired"))
    assert (done.version, done.conflicts) == (1, 0)
    found = letter(ledger, "a")
    assert found is not None
    assert found["state"] == "resolved"
    assert (dataset(ledger)["accepted"], dataset(ledger)["rejected"]) == (1, 0)


def test_a_second_accepted_attempt_of_a_member_adds_nothing(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0, rejected=True), outcome("a", 1, attempt=2))
    done = put(ledger, outcome("a", 2, attempt=3))
    assert (done.not_members, done.version) == (1, 1)
    assert dataset(ledger)["rows"] == 100


def test_two_failures_in_one_group_are_two(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0, rejected=True))
    put(ledger, *(outcome("a", n, attempt=n + 1, rejected=True) for n in (1, 2)))
    found = letter(ledger, "a")
    assert found is not None and (found["attempt"], found["failures"]) == (3, 3)


def test_a_rejection_without_a_hard_finding_becomes_a_letter_and_holds_up_no_other(ledger: Ledger) -> None:
    put(ledger, replace(outcome("a", 0, rejected=True), findings=()), outcome("b", 1))
    found = letter(ledger, "a")
    assert found is not None and (found["state"], found["reason"]) == ("pending", "unknown")
    assert dataset(ledger)["newest_version"] == 1


def test_a_dead_letter_is_parked_after_three_failures(ledger: Ledger) -> None:
    for attempt in (1, 2, 3):
        put(ledger, outcome("a", attempt, attempt=attempt, rejected=True))
        with ledger.transaction() as connection:
            letters = pending(connection, 10, ["a"])
            assert [(one.batch_id, one.attempt, one.failures) for one in letters] == [("a", attempt, attempt)]
            mark_published(connection, letters, [("dlq", 0, attempt)])
    found = letter(ledger, "a")
    assert found is not None
    assert (found["state"], found["failures"], found["letter_offset"]) == ("parked", 3, 3)
    assert dataset(ledger)["rejected"] == 1


def test_a_pending_letter_names_the_file_that_holds_its_bytes(ledger: Ledger) -> None:
    put(ledger, outcome("a", 4, rejected=True))
    with ledger.transaction() as connection:
        (one,) = pending(connection, 10, ["a"])
    assert (one.raw_path, one.origin.offset, one.rules) == ("raw/4.parquet", 4, ("range.SO4_UEQ_L",))
    assert one.message == "Sheet 1!AC3: SO4_UEQ_L is 2400, outside 0 to 2000 ueq/L"


def test_readers_take_only_the_file_that_the_ledger_names(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0))
    twin = outcome("a", 0, files=(FileRef("raw", "raw/twin", 1, "0"), FileRef("clean", "clean/twin", 1, "0")))
    put(ledger, twin)
    with ledger.transaction() as connection:
        members = connection.execute("SELECT path, batch_id, attempt FROM ledger.members(1)").fetchall()
    assert members == [{"path": "clean/0.parquet", "batch_id": "a", "attempt": 1}]


def test_a_source_keeps_the_time_with_which_it_came_so_that_no_version_changes_what_it_shows(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0, source_time="2026-11-02T00:00:00+00:00"))
    put(ledger, outcome("b", 1, source_time="2026-11-01T12:00:00+00:00"))
    with ledger.transaction() as connection:
        (source,) = queries.sources(connection, 10)
    assert source["first_sent_at"] == datetime(2026, 11, 2, tzinfo=UTC)
    assert (source["recorded"], source["accepted"], source["rejected"]) == (2, 2, 0)


def test_an_ingestors_clock_that_jumps_back_changes_neither_the_order_of_versions_nor_the_life_of_a_letter(
    ledger: Ledger,
) -> None:
    times = ["2026-11-24T10:00:00+00:00", "1970-01-01T00:00:00+00:00", "2100-01-01T00:00:00+00:00"]
    for number, judged_at in enumerate(times):
        put(ledger, outcome(f"b{number}", number, judged_at=judged_at))
        put(ledger, outcome("broken", 10 + number, attempt=number + 1, rejected=True, judged_at=judged_at))
    with ledger.transaction() as connection:
        versions = connection.execute("SELECT version, batch_id, created_at FROM ledger.versions ORDER BY version")
        made = versions.fetchall()
    assert [(row["version"], row["batch_id"]) for row in made] == [(1, "b0"), (2, "b1"), (3, "b2")]
    assert made == sorted(made, key=lambda row: row["created_at"])
    found = letter(ledger, "broken")
    assert found is not None
    assert (found["attempt"], found["failures"]) == (3, 3)
    assert made[0]["created_at"] < found["last_failed_at"]
    assert found["first_failed_at"] < found["last_failed_at"] <= datetime.now(UTC)


def test_writers_at_once_number_versions_without_gap_or_repetition(ledger: Ledger) -> None:
    groups = [[outcome(f"b{writer}-{n}", writer * 100 + n) for n in range(20)] for writer in range(6)]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda group: put(ledger, *group), groups))
    with ledger.transaction() as connection:
        versions = [row["version"] for row in queries.versions(connection, 1000)]
        rows = connection.execute("SELECT rows FROM ledger.versions ORDER BY version").fetchall()
    assert versions == list(range(120, 0, -1))
    assert [row["rows"] for row in rows] == [100 * n for n in range(1, 121)]


def test_a_transaction_that_fails_half_way_leaves_nothing(ledger: Ledger) -> None:
    broken = replace(outcome("b", 1), files=())
    with pytest.raises(StopIteration):
        put(ledger, outcome("a", 0), broken)
    assert dataset(ledger)["newest_version"] == 0
    assert put(ledger, outcome("a", 0)).version == 1


def test_hostile_text_is_recorded_as_text(ledger: Ledger) -> None:
    nasty = "'; DROP TABLE ledger.batches; -- {} %s"
    put(ledger, outcome("a", 0, source=nasty, subject=nasty))
    with ledger.transaction() as connection:
        (batch,) = queries.batches(connection, source=nasty, verdict=None, limit=5)
    assert (batch["source"], batch["subject"]) == (nasty, nasty)


@pytest.mark.parametrize("named", ["my lake.xlsx", "my%20lake.xlsx", "50%"])
def test_the_batches_of_a_workbook_are_found_by_the_name_that_its_file_has(ledger: Ledger, named: str) -> None:
    put(ledger, outcome("a", 0, source="my%20lake.xlsx"), outcome("b", 1, source_id="other", source="other.xlsx"))
    with ledger.transaction() as connection:
        found = [row["batch_id"] for row in queries.batches(connection, source=named, verdict=None, limit=5)]
    assert found == ([] if named == "50%" else ["a"])


@pytest.mark.parametrize("source", ["", " "])
def test_an_empty_name_of_a_workbook_is_refused_and_does_not_mean_all_of_them(ledger: Ledger, source: str) -> None:
    put(ledger, outcome("a", 0))
    with ledger.transaction() as connection:
        for find in (
            lambda: queries.batches(connection, source=source, verdict=None, limit=5),
            lambda: letters(connection, LetterFilter(source=source)),
            lambda: last_good(connection, source),
        ):
            with pytest.raises(UnusableInputError, match="--source is empty"):
                find()


def test_the_batches_of_a_file_are_found_by_its_path(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0), outcome("b", 1, rejected=True), outcome("c", 2))
    with ledger.transaction() as connection:
        found = {
            path: [
                row["batch_id"] for row in queries.batches(connection, source=None, verdict=None, limit=5, file=path)
            ]
            for path in ("clean/2.parquet", "quarantine/1.parquet", "clean/1.parquet")
        }
    assert found == {"clean/2.parquet": ["c"], "quarantine/1.parquet": ["b"], "clean/1.parquet": []}


def test_the_batches_that_the_dataset_has_are_listed_without_rejected_ones_and_those_taken_out(ledger: Ledger) -> None:
    put(ledger, outcome("a", 0), outcome("b", 1, rejected=True), outcome("c", 2))
    with ledger.transaction() as connection:
        quarantine(connection, ["c"], "wrong bottle", "test")
        found = queries.batches(connection, source=None, verdict=None, limit=5, members=True)
    assert [row["batch_id"] for row in found] == ["a"]


def test_migrating_twice_or_at_once_is_the_same_as_once(deployment: Deployment) -> None:
    settings = PostgresSettings(database_url=SecretStr(deployment.database_url))
    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(lambda _: migrate(settings), range(2)))
    assert {before for before, _ in results} == {newest for _, newest in results}


def test_a_database_does_not_go_back_to_an_older_revision(deployment: Deployment) -> None:
    settings = PostgresSettings(database_url=SecretStr(deployment.database_url))
    with pytest.raises(UnusableInputError, match="already, and there is no way back to 0002_metrics; use an empty one"):
        migrate(settings, target="0002_metrics")


def test_results_are_behind_since_the_oldest_version_that_no_run_of_the_newest_has_read(ledger: Ledger) -> None:
    def hours() -> float:
        with ledger.transaction() as connection:
            return round(queries.results_behind_seconds(connection) / 3600, 2)

    def publish(run_id: int, version: int, *, newest: bool) -> None:
        with ledger.transaction() as connection:
            insert_run(connection, run_id, version, newest=newest)

    with ledger.transaction() as connection:
        connection.execute("TRUNCATE metrics.runs CASCADE")
    assert hours() == 0
    put(ledger, outcome("a", 0), outcome("b", 1))
    with ledger.transaction() as connection:
        connection.execute("UPDATE ledger.versions SET created_at = now() - (8 - 3 * version) * interval '1 hour'")
    assert hours() == 5
    publish(1, 1, newest=True)
    assert hours() == 2
    publish(2, 2, newest=False)
    assert hours() == 2
    publish(3, 2, newest=True)
    assert hours() == 0
    with ledger.transaction() as connection:
        connection.execute("TRUNCATE metrics.runs CASCADE")


@pytest.fixture
def of_a_newer_release(ledger: Ledger) -> Iterator[None]:
    """The database is at a revision that nobody here knows."""
    with ledger.transaction() as connection:
        (known,) = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        connection.execute("UPDATE alembic_version SET version_num = '9999_tomorrow'")
    yield
    with ledger.transaction() as connection:
        connection.execute("UPDATE alembic_version SET version_num = %(version_num)s", known)


@pytest.mark.usefixtures("of_a_newer_release")
def test_a_database_that_a_newer_release_migrated_is_not_migrated(deployment: Deployment) -> None:
    settings = PostgresSettings(database_url=SecretStr(deployment.database_url))
    with pytest.raises(UnusableInputError, match="9999_tomorrow, which this acidwatch does not know"):
        migrate(settings)


@pytest.mark.usefixtures("of_a_newer_release")
@pytest.mark.parametrize("command", ["job metrics", "job live --once", "job compact", "gc --yes"])
def test_what_writes_results_or_removes_files_leaves_the_database_of_a_newer_release_alone(
    deployment: Deployment, command: str
) -> None:
    done = deployment.run(*command.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].endswith(
        "is at revision 9999_tomorrow, which this acidwatch does not know: a newer one migrated it. "
        "Nothing was changed; use that one, or another database"
    )


def test_a_version_or_batch_that_is_not_there_is_said_in_one_line(ledger: Ledger) -> None:
    with ledger.transaction() as connection, pytest.raises(UnusableInputError, match="there are none yet"):
        queries.version(connection, 1)
    with ledger.transaction() as connection, pytest.raises(UnusableInputError, match="no batch begins with 'zz'"):
        queries.batch(connection, "zz")


def test_a_database_that_is_away_is_named_without_its_password() -> None:
    away = Ledger(
        PostgresSettings(database_url=SecretStr("postgresql://me:hunter2@127.0.0.1:9/db"), database_timeout_seconds=2)
    )
    with (
        pytest.raises(DependencyAwayError, match=r"PostgreSQL is away at 127\.0\.0\.1:9/db") as caught,
        away.transaction(),
    ):
        pass
    away.close()
    assert "hunter2" not in str(caught.value)


def test_a_database_without_tables_says_how_to_make_them(deployment: Deployment, stack: Any) -> None:
    bare = Ledger(PostgresSettings(database_url=SecretStr(stack.database_url)))
    with pytest.raises(NotMigratedError, match="acidwatch ledger migrate"), bare.transaction() as connection:
        queries.dataset(connection)
    bare.close()
