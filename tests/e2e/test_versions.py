"""A laboratory corrects its workbook, an analyst looks at what that changed, and either of them undoes it: on real servers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pandas as pd
import pytest

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.contract.columns import NATURAL_KEY, SAMPLE_NAMES, SAMPLES
from acidwatch.settings import HdfsSettings
from acidwatch.workbook.generate import Generated
from acidwatch.workbook.reader import read_table
from tests.support.deployment import Deployment

LETTER = {name: column for column, name in enumerate(SAMPLE_NAMES, 1)}


@dataclass(frozen=True)
class Correction:
    """A corrected workbook, and what was corrected in it.

    Attributes:
        cells: (sheet row of the original, column, before, after).
        dropped, added: Natural keys.
    """

    path: Path
    cells: set[tuple[int, str, Any, Any]]
    dropped: tuple[Any, ...]
    added: tuple[Any, ...]


def correct(made: Generated, path: Path, sulphate: float) -> Correction:
    """Change two cells, empty one, drop the row 250 and add one at the end."""
    book = openpyxl.load_workbook(made.samples)
    sheet = book.worksheets[0]

    def put(row: int, name: str, value: Any) -> tuple[int, str, Any, Any]:
        cell = sheet.cell(row, LETTER[name])
        before, cell.value = cell.value, value
        return row, name, before, value

    def key(row: int) -> tuple[Any, ...]:
        return tuple(plain(sheet.cell(row, LETTER[name]).value) for name in NATURAL_KEY)

    full = next(row for row in range(120, 240) if sheet.cell(row, LETTER["NO3_UEQ_L"]).value is not None)
    cells = {put(10, "SO4_UEQ_L", sulphate), put(11, "TIME_SMP", "0915"), put(full, "NO3_UEQ_L", None)}
    dropped, last = key(250), sheet.max_row
    new = [cell.value for cell in sheet[last]]
    new[LETTER["DATE_SMP"] - 1] += timedelta(days=1)
    sheet.append(new)
    added = key(last + 1)
    sheet.delete_rows(250)
    book.save(path)
    return Correction(path, cells, dropped, added)


def plain(value: Any) -> Any:
    """A value as JSON gives it."""
    return value.isoformat() if isinstance(value, datetime) else value


@pytest.fixture(scope="module")
def made(deployment: Deployment) -> Generated:
    """Four batches in versions 1 to 4."""
    for service in ("ingestor", "versioner"):
        deployment.start(service)
    made = deployment.generate(400, seed=21)
    deployment.load_reference(made)
    deployment.send_and_wait(made.samples)
    return made


def assert_cells(found: dict[str, Any], correction: Correction, source: str) -> None:
    """Exactly the corrected cells, each with the row that it stood in."""
    cells = {
        (one["before"]["row"], cell["column"], cell["before"], cell["after"])
        for one in found["changed"]
        for cell in one["cells"]
    }
    assert cells == correction.cells
    assert {one["before"]["source"] for one in found["changed"]} == {source}
    assert {(one["after"]["source"], one["after"]["sheet"]) for one in found["changed"]} == {
        (correction.path.name, "Sheet 1")
    }
    assert [tuple(one["key"].values()) for one in found["added"]] == [correction.added]


def test_a_correction_sent_as_a_further_workbook_changes_its_cells_and_drops_nothing(
    deployment: Deployment, made: Generated
) -> None:
    correction = correct(made, deployment.folder / "corrected.xlsx", 77.25)
    deployment.send_and_wait(correction.path)
    found = deployment.json("versions", "diff", "4")
    assert (found["before"], found["after"]) == (4, 8)
    assert_cells(found, correction, "samples.xlsx")
    assert found["removed"] == []
    assert (found["counts"]["batches_in"], found["counts"]["batches_out"]) == (4, 0)
    shown = deployment.cli("versions", "diff", "4", "8")
    assert "4 batches in, 0 out; 1 samples added, 0 removed, 3 cells of 3 samples changed" in shown
    assert "corrected.xlsx Sheet 1!10" in shown


def test_a_restore_undoes_it_and_sending_again_says_why_nothing_comes_back(
    deployment: Deployment, made: Generated
) -> None:
    refused = deployment.run("versions", "restore", "4", "-m", "undo")
    assert refused.returncode == 2
    assert "restore version 4: 0 batches come, 4 go: nobody is there to answer; --yes" in refused.stderr
    tried = deployment.json("versions", "restore", "4", "-m", "undo", "--dry-run")
    assert (tried["version"], tried["made"], tried["batches_out"], tried["rows"]) == (9, True, 4, 400)
    assert deployment.json("status")["version"] == 8
    done = deployment.json("versions", "restore", "4", "-m", "undo", "--author", "kim", "--yes")
    assert (done["version"], done["restored_version"]) == (9, 4)
    shown = deployment.json("versions", "show", "9")
    assert (shown["kind"], shown["author"], shown["message"], shown["rows"]) == ("restore", "kim", "undo", 400)
    found = deployment.json("versions", "diff", "4", "9")
    assert {name: count for name, count in found["counts"].items() if count} == {}
    assert {figure["difference"] for figure in found["figures"]} <= {0, None}
    again = deployment.run("send", str(deployment.folder / "corrected.xlsx"), "--interval", "0")
    assert again.returncode == 0
    assert "4 batches of this workbook were taken out of the dataset, the last in version 9" in again.stderr
    deployment.cli("wait", "--timeout", "90s")
    assert deployment.json("status")["version"] == 9


def test_a_correction_in_place_of_the_workbook_takes_all_of_it_out_in_one_version(
    deployment: Deployment, made: Generated
) -> None:
    correction = correct(made, deployment.folder / "in-place.xlsx", 78.5)
    sent = deployment.send(correction.path, "--replaces", "samples.xlsx")
    assert sent["replaces"] == hashlib.sha256(made.samples.read_bytes()).hexdigest()
    deployment.cli("wait", "--source", str(correction.path), "--timeout", "90s")
    versions = deployment.json("versions", "list", "--limit", "4")
    assert [one["details"].get("batches_out", 0) for one in versions] == [4, 0, 0, 0]
    assert versions[0]["rows"] == 400
    found = deployment.json("versions", "diff", "9", "13")
    assert_cells(found, correction, "samples.xlsx")
    assert [tuple(one["key"].values()) for one in found["removed"]] == [correction.dropped]
    assert {one["source"] for one in found["batches_out"]} == {"samples.xlsx"}
    figures = {(one["figure"], one["parameter"]): one["difference"] for one in found["figures"]}
    assert (figures["samples", ""], figures["batches", ""], figures["rows", ""]) == (0, 0, 0)
    missing = deployment.run("send", str(correction.path), "--replaces", "nothing.xlsx", "--dry-run")
    assert missing.returncode == 2
    assert "no workbook is called 'nothing.xlsx'" in missing.stderr


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_tagged_version_exports_as_the_workbook_that_it_came_from(
    deployment: Deployment, made: Generated, kind: str
) -> None:
    if kind == "csv":
        deployment.cli("versions", "tag", "corrected", "13", "-m", "for the report")
        taken = deployment.run("versions", "tag", "corrected", "4")
        assert taken.returncode == 2
        assert "tag corrected names version 13 already; --move" in taken.stderr
        assert deployment.json("versions", "show", "corrected")["tags"] == ["corrected"]
    folder = deployment.folder / f"export-{kind}"
    said = deployment.json("versions", "export", "--version", "corrected", "--to", str(folder), "--format", kind)
    manifest = orjson.loads((folder / "manifest.json").read_bytes())
    assert (said["version"], manifest["version"], manifest["exported_rows"]) == (13, 13, 400)
    path = folder / manifest["files"][0]["path"]
    assert manifest["files"][0]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    text = {column.name: str for column in SAMPLES if column.kind == "text"}
    frame = pd.read_csv(path, dtype=text) if kind == "csv" else pd.read_parquet(path)
    frame["DATE_SMP"] = pd.to_datetime(frame["DATE_SMP"], format="ISO8601").astype("datetime64[us]")
    expected = pd.DataFrame(read_table(deployment.folder / "in-place.xlsx", SAMPLES).columns)
    expected["DATE_SMP"] = pd.to_datetime(expected["DATE_SMP"], format="ISO8601").astype("datetime64[us]")
    both = [one[list(SAMPLE_NAMES)].sort_values(list(NATURAL_KEY)).reset_index(drop=True) for one in (frame, expected)]
    pd.testing.assert_frame_equal(*(one.where(one.notna(), None) for one in both), check_dtype=False)


def test_a_batch_is_taken_out_and_comes_back(deployment: Deployment, made: Generated) -> None:
    batch = deployment.json("batches", "list", "--source", "in-place.xlsx", "--limit", "1")[0]["batch_id"]
    done = deployment.json("quarantine", batch[:10], "--reason", "wrong bottle", "--yes")
    assert (done["version"], done["batches"], done["batches_out"], done["rows"]) == (14, [batch], 1, 300)
    assert deployment.json("versions", "show", "14")["message"] == "wrong bottle"
    again = deployment.run("quarantine", batch, "--reason", "twice", "--yes")
    assert again.returncode == 2
    assert f"batch {batch} is not in the dataset now" in again.stderr
    deployment.cli("versions", "restore", "corrected", "--yes")
    life = deployment.cli("batches", "show", batch)
    assert "until version 14, which has it no more (attempt 1)" in life
    assert "in the dataset from version 15 until now (attempt 1)" in life
    found = deployment.json("versions", "diff", "corrected", "newest")
    assert (found["after"], found["counts"]["batches_in"], found["counts"]["batches_out"]) == (15, 0, 0)
    assert "nothing to do" in deployment.cli("versions", "restore", "13", "--yes")


def test_every_change_is_in_the_journal_on_hdfs_also_when_that_was_away(
    deployment: Deployment, made: Generated
) -> None:
    away = {"ACIDWATCH_HDFS_URL": "http://127.0.0.1:9", "ACIDWATCH_HDFS_TIMEOUT_SECONDS": "2"}
    done = deployment.run("versions", "tag", "while-away", env=away)
    assert done.returncode == 0
    assert "it is done, but not in the journal on HDFS yet: HDFS is away at http://127.0.0.1:9" in done.stderr
    assert deployment.query("SELECT action FROM ledger.audit WHERE journaled_at IS NULL") == [("tag",)]
    deployment.cli("versions", "tag", "while-away", "--delete")
    rows = deployment.query(
        "SELECT audit_id, action, author, message FROM ledger.audit WHERE journaled_at IS NOT NULL ORDER BY audit_id"
    )
    assert [row[1] for row in rows] == ["restore", "tag", "quarantine", "restore", "tag", "untag"]
    store = HdfsStore(
        HdfsSettings(hdfs_url=deployment.env["ACIDWATCH_HDFS_URL"], hdfs_root=deployment.env["ACIDWATCH_HDFS_ROOT"])
    )
    assert store.names("journal") == [f"{row[0]:08d}.json" for row in rows]
    for number, action, author, message in rows:
        entry = orjson.loads(store.read(f"journal/{number:08d}.json"))
        assert (entry["audit_id"], entry["action"], entry["author"], entry["message"]) == (
            number,
            action,
            author,
            message,
        )
