"""Reading, comparing, exporting and changing versions, on a real PostgreSQL."""

from __future__ import annotations

import hashlib
import io
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acidwatch.archive.memory import MemoryStore
from acidwatch.archive.store import MissingFileError
from acidwatch.cli.which import parse_time, version_number
from acidwatch.contract.judge import CLEAN_SCHEMA
from acidwatch.errors import PermanentError, UnusableInputError
from acidwatch.history.diff import Diff, diff
from acidwatch.history.export import Export, export
from acidwatch.history.rows import ROWS_SCHEMA, read_rows
from acidwatch.ledger import changes, queries, tags
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.members import Member, members
from acidwatch.ledger.sources import find_source, taken_out
from tests.support.deployment import Deployment
from tests.support.history import History
from tests.unit.contract.makers import make_row


@pytest.fixture
def history(ledger: Ledger) -> History:
    """An empty ledger and an empty store."""
    return History(ledger, MemoryStore())


def sample(month: int, **cells: Any) -> dict[str, Any]:
    """A sound row of a month of 1999."""
    return make_row(**{"DATE_SMP": datetime(1999, month, 1), **cells})


def in_ledger(history: History, version: int) -> list[Member]:
    with history.ledger.transaction() as connection:
        return members(connection, version)


def content(history: History, version: int) -> list[tuple[Any, ...]]:
    """What a version says: batch, attempt, row and sulphate."""
    rows = read_rows(history.store, in_ledger(history, version))
    return sorted(zip(*(rows[name].to_pylist() for name in ("batch_id", "attempt", "row", "SO4_UEQ_L")), strict=True))


def compare(history: History, before: int, after: int) -> Diff:
    return diff(history.ledger, history.store, before, after)


def test_only_the_rows_of_members_are_read_whatever_else_is_in_their_file(history: History) -> None:
    other = History.source_id("other")
    first = history.send("lake.xlsx", [[sample(1), sample(2)], [sample(3)]])
    history.send("more.xlsx", [[sample(4)]], strangers=[(first[0], 1, sample(5)), (other, 1, sample(6))])
    rows = read_rows(history.store, in_ledger(history, 3))
    assert rows.schema.equals(ROWS_SCHEMA)
    assert [value.month for value in rows["DATE_SMP"].to_pylist()] == [1, 2, 3, 4]
    assert rows["batch_index"].to_pylist() == [0, 0, 1, 0]
    assert len(set(rows["source_sent_at"].to_pylist())) == 2
    assert read_rows(history.store, []).num_rows == 0


def test_a_batch_under_another_attempt_in_the_same_file_is_not_read(history: History) -> None:
    ids = history.send("lake.xlsx", [[sample(1)]], strangers=[(identity("lake.xlsx"), 2, sample(9))])
    assert [row[:2] for row in content(history, 1)] == [(ids[0], 1)]


def identity(name: str) -> str:
    from acidwatch.contract.batch import batch_id

    return batch_id(History.source_id(name), "Sheet 1", 2, 1)


def test_a_column_that_an_older_file_lacks_is_null_and_an_unknown_one_is_left_out(history: History) -> None:
    older = CLEAN_SCHEMA.remove(CLEAN_SCHEMA.get_field_index("WTEMP_DEG_C")).append(pa.field("NEWER", pa.string()))
    history.send("lake.xlsx", [[sample(1)]], schema=older)
    rows = read_rows(history.store, in_ledger(history, 1))
    assert rows.schema.equals(ROWS_SCHEMA)
    assert (rows["WTEMP_DEG_C"].to_pylist(), rows["SO4_UEQ_L"].to_pylist()) == ([None], [80.0])


def test_a_file_that_is_gone_changed_or_short_of_rows_is_named(history: History) -> None:
    assert isinstance(history.store, MemoryStore)
    (batch,) = history.send("lake.xlsx", [[sample(1), sample(2)]])
    (member,) = in_ledger(history, 1)
    data = history.store.files[member.path]
    table = pq.read_table(io.BytesIO(data))
    sink = io.BytesIO()
    pq.write_table(table.slice(0, 1), sink)
    history.store.files[member.path] = sink.getvalue()
    with pytest.raises(PermanentError, match=f"{member.path} is not the file that the ledger names"):
        read_rows(history.store, [member])
    short = Member(
        **{
            **{name: getattr(member, name) for name in Member.__slots__},
            "sha256": hashlib.sha256(sink.getvalue()).hexdigest(),
        }
    )
    with pytest.raises(
        PermanentError, match=f"{member.path} holds 1 rows of batch {batch} attempt 1; the ledger says 2"
    ):
        read_rows(history.store, [short])
    del history.store.files[member.path]
    with pytest.raises(MissingFileError, match=member.path):
        read_rows(history.store, [member])


def test_a_correction_that_is_sent_again_shows_its_cells_and_lets_dropped_rows_live_on(history: History) -> None:
    history.send("lake.xlsx", [[sample(1), sample(2)], [sample(3)]])
    history.send("fixed.xlsx", [[sample(1), sample(2, SO4_UEQ_L=81.5)], [sample(4)]])
    found = compare(history, 2, 4)
    (changed,) = found.samples.changed
    assert [(cell.column, cell.before, cell.after) for cell in changed.cells] == [("SO4_UEQ_L", 80.0, 81.5)]
    assert (found.batches[changed.after.batch_id].source, changed.after.row, changed.before.row) == ("fixed.xlsx", 3, 3)
    assert [one.key["DATE_SMP"].month for one in found.samples.added] == [4]
    assert found.samples.removed == []
    assert (len(found.batches_in), len(found.batches_out)) == (2, 0)
    figures = {(one.figure, one.parameter): (one.before, one.after) for one in found.figures}
    assert figures["rows", ""] == (3, 6)
    assert figures["samples", ""] == (3, 4)
    assert figures["batches", ""] == (2, 4)
    assert figures["bytes", ""] == (2000, 4000)


def test_a_correction_in_place_of_the_old_workbook_takes_its_dropped_rows_out_and_the_reverse_is_the_mirror(
    history: History,
) -> None:
    history.send("lake.xlsx", [[sample(1), sample(2)], [sample(3)]])
    before = content(history, 2)
    history.send(
        "fixed.xlsx", [[sample(1), sample(2, SO4_UEQ_L=81.5)], [sample(4)]], replaces=History.source_id("lake.xlsx")
    )
    found, back = compare(history, 2, 4), compare(history, 4, 2)
    assert [one.key["DATE_SMP"].month for one in found.samples.removed] == [3]
    assert back.samples.added == found.samples.removed
    assert back.samples.removed == found.samples.added
    assert (back.batches_in, back.batches_out) == (found.batches_out, found.batches_in)
    assert [(c.before, c.after) for one in back.samples.changed for c in one.cells] == [(81.5, 80.0)]
    assert [(f.before, f.after) for f in back.figures] == [(f.after, f.before) for f in found.figures]
    with history.ledger.transaction() as connection:
        with pytest.raises(UnusableInputError, match="meanwhile 2 versions were made after version 2"):
            changes.restore(connection, 2, "undo it", "kim", newest=2)
        changes.restore(connection, 2, "undo it", "kim", newest=4)
    assert content(history, 5) == before
    same = compare(history, 2, 5)
    assert (same.batches_in, same.batches_out, same.samples.changed) == ([], [], [])
    assert {figure.difference for figure in same.figures} <= {0, None}


def test_a_version_exported_again_has_the_same_bytes_whatever_files_hold_it(history: History, tmp_path: Path) -> None:
    assert isinstance(history.store, MemoryStore)
    history.send("lake.xlsx", [[sample(5), sample(2)], [sample(3)]])
    history.send("fixed.xlsx", [[sample(2, SO4_UEQ_L=81.5)]])
    first = {f: export(history.ledger, history.store, Export(3, tmp_path / f"one-{f}", f)) for f in ("csv", "parquet")}
    # As compaction would: another path, other neighbours, another order.
    paths = sorted({member.path for member in in_ledger(history, 3)})
    tables = [pq.read_table(io.BytesIO(history.store.read(path))) for path in reversed(paths)]
    sink = io.BytesIO()
    pq.write_table(pa.concat_tables(tables), sink)
    history.store.publish("clean/compacted.parquet", sink.getvalue())
    with history.ledger.transaction() as connection:
        connection.execute(
            "INSERT INTO ledger.files (path, zone, bytes, sha256) VALUES ('clean/compacted.parquet', 'clean', %s, %s)",
            (len(sink.getvalue()), hashlib.sha256(sink.getvalue()).hexdigest()),
        )
        connection.execute(
            "UPDATE ledger.file_batches SET file_id = (SELECT file_id FROM ledger.files WHERE path = 'clean/compacted.parquet')"
            " WHERE zone = 'clean'"
        )
    for kind, manifest in first.items():
        again = export(history.ledger, history.store, Export(3, tmp_path / f"two-{kind}", kind))
        assert again == manifest
        for name in ("manifest.json", manifest["files"][0]["path"]):
            assert (tmp_path / f"one-{kind}" / name).read_bytes() == (tmp_path / f"two-{kind}" / name).read_bytes()


def test_an_export_reads_back_as_what_the_version_says(history: History, tmp_path: Path) -> None:
    history.send("lake.xlsx", [[sample(1, SO4_UEQ_L=80.25), sample(2)]])
    corrected, timed = sample(2, SO4_UEQ_L=81.5), sample(3, DATE_SMP=datetime(1999, 3, 1, 9, 30))
    history.send("fixed.xlsx", [[corrected, timed]])
    manifest = export(history.ledger, history.store, Export(2, tmp_path / "csv", "csv"))
    frame = pd.read_csv(tmp_path / "csv" / "samples.csv", dtype={"SITE_ID": str, "TIME_SMP": str})
    assert frame["SITE_ID"].tolist() == ["020058"] * 3
    assert frame["SO4_UEQ_L"].tolist() == [80.25, 81.5, 80.0]
    assert frame["DATE_SMP"].tolist() == ["1999-01-01", "1999-02-01", "1999-03-01T09:30:00"]
    said = orjson.loads((tmp_path / "csv" / "manifest.json").read_bytes())
    assert (said["version"], said["kind"], said["rows"], said["exported_rows"]) == (2, "append", 4, 3)
    assert (said["contract_versions"], said["reference_versions"]) == (["1.0"], [1])
    (file,) = manifest["files"]
    assert file["sha256"] == hashlib.sha256((tmp_path / "csv" / file["path"]).read_bytes()).hexdigest()
    export(history.ledger, history.store, Export(2, tmp_path / "all", "parquet", all_rows=True))
    everything = pd.read_parquet(tmp_path / "all" / "samples.parquet")
    assert everything["superseded"].tolist() == [False, False, True, False]
    assert everything["SO4_UEQ_L"].tolist() == [80.25, 81.5, 80.0, 80.0]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_in_csv_is_never_a_formula_and_numbers_stay_numbers(history: History, tmp_path: Path, start: str) -> None:
    evil = f'{start}HYPERLINK("http://x","a,b")'
    history.send("lake.xlsx", [[sample(1, TIME_SMP=evil, NH4_UEQ_L=-3.5, SITE_ID="-7")]])
    export(history.ledger, history.store, Export(1, tmp_path, "csv"))
    frame = pd.read_csv(tmp_path / "samples.csv", dtype={"SITE_ID": str}, lineterminator=None)
    assert frame["TIME_SMP"].tolist() == ["'" + evil]
    assert frame["SITE_ID"].tolist() == ["'-7"]
    assert frame["NH4_UEQ_L"].tolist() == [-3.5]


def test_an_export_replaces_nothing_unless_it_is_told_to(history: History, tmp_path: Path) -> None:
    history.send("lake.xlsx", [[sample(1)], [sample(2)]])
    export(history.ledger, history.store, Export(1, tmp_path, "csv"))
    before = (tmp_path / "samples.csv").read_bytes()
    with pytest.raises(UnusableInputError, match=r"manifest\.json is there already"):
        export(history.ledger, history.store, Export(2, tmp_path, "parquet"))
    assert (tmp_path / "samples.csv").read_bytes() == before
    export(history.ledger, history.store, Export(2, tmp_path, "parquet", force=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", "samples.parquet"]
    blocked = tmp_path / "samples.parquet" / "below"
    with pytest.raises(UnusableInputError, match="can't write there"):
        export(history.ledger, history.store, Export(2, blocked, "csv"))


def test_lists_of_versions_name_their_tags_and_what_else_they_did(history: History) -> None:
    ids = history.send("lake.xlsx", [[sample(1)], [sample(2)]])
    with history.ledger.transaction() as connection:
        tags.tag(connection, "paper-2026", 1, "as printed", "kim")
        tags.tag(connection, "a-first", 1, "", "kim")
        changes.quarantine(connection, ids, "wrong lake", "kim")
        found = queries.versions(connection, 10)
        assert [row["tags"] for row in found] == [[], [], ["a-first", "paper-2026"]]
        assert found[0]["details"] == {"batches_in": 0, "batches_out": 2}
        assert queries.version(connection, tags.find_version(connection, "paper-2026"))["tags"] == [
            "a-first",
            "paper-2026",
        ]


@pytest.mark.parametrize("name", ["newest", "3", "", "a b", "-x", "x" * 65, "\u00e9"])
def test_what_could_be_taken_for_something_else_is_no_tag(history: History, name: str) -> None:
    history.send("lake.xlsx", [[sample(1)]])
    with history.ledger.transaction() as connection, pytest.raises(UnusableInputError, match="is no tag"):
        tags.tag(connection, name, 1, "", "kim")


def test_an_option_names_a_version_by_number_or_tag(
    history: History, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.send("lake.xlsx", [[sample(1)], [sample(2)]])
    with history.ledger.transaction() as connection:
        tags.tag(connection, "paper", 1, "", "kim")
    monkeypatch.setenv("ACIDWATCH_DATABASE_URL", deployment.database_url)
    assert [version_number(text) for text in (None, "77", "paper", "newest")] == [None, 77, 1, 2]
    with pytest.raises(UnusableInputError, match="no version or tag 'papers'"):
        version_number("papers")


def test_an_option_names_the_version_that_was_the_newest_at_a_time(
    history: History, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACIDWATCH_DATABASE_URL", deployment.database_url)
    with pytest.raises(UnusableInputError, match="there are no versions yet"):
        version_number(None, parse_time("2026-11-24"))
    history.send("lake.xlsx", [[sample(1)], [sample(2)], [sample(3)]])
    with history.ledger.transaction() as connection:
        for version, at in ((1, "23 09:30:00.4"), (2, "23 09:30:01"), (3, "24 23:59:59.9")):
            connection.execute(
                "UPDATE ledger.versions SET created_at = %s::timestamptz WHERE version = %s",
                (f"2026-11-{at}Z", version),
            )
    asked = {
        "2026-11-23T09:30:00": 1,  # as `versions list` prints it
        "2026-11-23T09:30:00.4": 1,
        "2026-11-23T10:30:01+01:00": 2,
        "2026-11-23": 2,
        "2026-11-24T23:59:58": 2,
        "2026-11-24": 3,
        "2099-01-01": 3,
    }
    assert {text: version_number(None, parse_time(text)) for text in asked} == asked
    for early in ("2026-11-22", "2026-11-23T09:30:00.39"):
        with pytest.raises(
            UnusableInputError, match="there was no version yet at .*: the first is of 2026-11-23 09:30:00"
        ):
            version_number(None, parse_time(early))


def test_what_was_taken_out_is_told_until_it_comes_back(history: History) -> None:
    ids = history.send("lake.xlsx", [[sample(1)], [sample(2)]])
    with history.ledger.transaction() as connection:
        assert taken_out(connection, ids) is None
        changes.quarantine(connection, ids[:1], "wrong", "kim")
        out = taken_out(connection, ids)
        assert out is not None
        assert (out.batches, out.version) == (1, 3)
        changes.restore(connection, 2, "not wrong after all", "kim")
        assert taken_out(connection, ids) is None


def test_a_workbook_is_found_by_name_or_sha_and_several_are_told_apart(history: History) -> None:
    history.send("my%20lake.xlsx", [[sample(1)]])
    first = History.source_id("my%20lake.xlsx")
    with history.ledger.transaction() as connection:
        for text in ("my lake.xlsx", "my%20lake.xlsx", first[:8], first[:8].upper()):
            found = find_source(connection, text, "sent")
            assert (found.source_id, found.members, found.replaced) == (first, 1, False)
        for text in ("other.xlsx", ""):
            with pytest.raises(UnusableInputError, match="no workbook is called"):
                find_source(connection, text, "sent")
        with pytest.raises(UnusableInputError, match="no workbook is called"):
            find_source(connection, "my lake.xlsx", first)
    # An edition of the same name.
    with history.ledger.transaction() as connection:
        connection.execute(
            "INSERT INTO ledger.sources (source_id, name, first_sent_at) VALUES ('abc', 'my%20lake.xlsx', '2026-12-01Z')"
        )
        with pytest.raises(
            UnusableInputError, match=f"2 workbooks are called 'my lake.xlsx'.*\nabc my.*\n{first[:12]} my"
        ):
            find_source(connection, "my lake.xlsx", "sent")
        connection.execute(
            "INSERT INTO ledger.replacements (source_id, replaced_by, from_version) VALUES (%s, 'abc', 1)", (first,)
        )
        assert find_source(connection, "my lake.xlsx", "sent").source_id == "abc"


def test_a_batch_is_found_by_how_its_id_begins(history: History) -> None:
    ids = history.send("lake.xlsx", [[sample(1)], [sample(2)]])
    with history.ledger.transaction() as connection:
        connection.execute(
            "INSERT INTO ledger.batches (batch_id, source_id, batch_index, subject) SELECT i, source_id, 0, '' FROM ledger.sources,"
            " unnest(ARRAY['zoo.1', 'zoo', 'Zoo']) AS i"
        )
        assert queries.whole_id(connection, ids[0][:8]) == ids[0]
        assert queries.whole_id(connection, "zoo") == "zoo"
        assert queries.whole_id(connection, "zoo.") == "zoo.1"
        assert queries.whole_id(connection, "Z") == "Zoo"
        for text in ("zo", "", "%"):
            with pytest.raises(UnusableInputError, match="begin"):
                queries.whole_id(connection, text)
