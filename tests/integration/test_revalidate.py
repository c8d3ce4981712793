"""What the rules and reference tables of today would reject of the dataset: told from the raw bytes, with nothing changed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import openpyxl
import pytest

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.contract.columns import CONTRACT_VERSION
from acidwatch.settings import HdfsSettings
from acidwatch.workbook.generate import Generated
from tests.support.deployment import Deployment

BATCHES = 12


@pytest.fixture(scope="module")
def sent(deployment: Deployment) -> Generated:
    """A workbook whose batches are members; one more of it was rejected."""
    services = [deployment.start("ingestor"), deployment.start("versioner")]
    made = deployment.generate(BATCHES * 100, seed=61, broken=("range@3",))
    deployment.load_reference(made)
    deployment.send_and_wait(made.samples)
    assert [service.stop() for service in services] == [0, 0]
    return made


def rows_of(made: Generated) -> list[dict[str, Any]]:
    """The samples."""
    sheet = openpyxl.load_workbook(made.samples, read_only=True).worksheets[0]
    names, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(names, row, strict=False)) for row in rows]  # empty cells at a row's end are left out


def state(deployment: Deployment) -> tuple[Any, ...]:
    """Everything that a change would show in."""
    hdfs = HdfsSettings(hdfs_url=deployment.env["ACIDWATCH_HDFS_URL"], hdfs_root=deployment.env["ACIDWATCH_HDFS_ROOT"])
    store = HdfsStore(hdfs)
    folders = [f"{zone}/{day}" for zone in ("raw", "clean", "quarantine", "journal") for day in store.names(zone)]
    files = sorted(f"{folder}/{name}" for folder in folders for name in store.names(folder))
    tables = ("datasets", "versions", "attempts", "deliveries", "memberships", "planned_attempts", "audit")
    return files, *(deployment.query(f"SELECT * FROM ledger.{table} ORDER BY 1, 2") for table in tables)


def test_a_version_that_fits_the_contract_has_nothing_to_reject(deployment: Deployment, sent: Generated) -> None:
    before = state(deployment)
    found = deployment.json("revalidate", "--dry-run")
    assert (found["version"], found["batches"], found["rows"]) == (BATCHES - 1, BATCHES - 1, 100 * (BATCHES - 1))
    assert (found["rejected"], found["rules"], found["refused"]) == (0, {}, [])
    assert (found["contract_version"], found["reference_version"]) == (CONTRACT_VERSION, 1)
    assert state(deployment) == before


def test_it_names_the_batches_and_cells_that_newer_reference_tables_would_reject(
    deployment: Deployment, sent: Generated
) -> None:
    samples = rows_of(sent)
    site, _ = Counter((row["PROGRAM_ID"], row["SITE_ID"]) for row in samples).most_common()[-1]
    book = openpyxl.load_workbook(sent.sites)
    sheet = book.worksheets[0]
    names = [cell.value for cell in sheet[1]]
    for row in range(sheet.max_row, 1, -1):
        values = dict(zip(names, (cell.value for cell in sheet[row]), strict=True))
        if (values["PROGRAM_ID"], values["SITE_ID"]) == site:
            sheet.delete_rows(row)
    fewer = deployment.folder / "fewer-sites.xlsx"
    book.save(fewer)
    deployment.cli("reference", "load", "--sites", str(fewer), "--methods", str(sent.methods))
    wrong = [number for number, row in enumerate(samples) if (row["PROGRAM_ID"], row["SITE_ID"]) == site]
    expected = {number // 100: f"A{number + 2}" for number in reversed(wrong) if number // 100 != 3}
    assert expected

    before = state(deployment)
    found = deployment.json("revalidate", "--dry-run", "--version", str(BATCHES - 1))
    assert (found["batches"], found["rejected"]) == (BATCHES - 1, len(expected))
    assert found["rules"] == {"reference.site": len(expected)}
    assert found["reference_version"] == 2
    indexes = dict(deployment.query("SELECT batch_id, batch_index FROM ledger.batches"))
    cells = {indexes[refused["batch_id"]]: refused["findings"][0]["cell"] for refused in found["refused"]}
    assert cells == expected
    assert {refused["source"] for refused in found["refused"]} == {sent.samples.name}

    shown = deployment.cli("revalidate", "--dry-run", "--limit", "1")
    assert f"{len(expected)} of {BATCHES - 1} batches of version {BATCHES - 1} would be rejected by contract" in shown
    assert "reference.site" in shown
    assert state(deployment) == before


def test_an_earlier_version_is_judged_as_it_was(deployment: Deployment, sent: Generated) -> None:
    assert deployment.json("revalidate", "--dry-run", "--version", "2")["batches"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "to judge a batch again in earnest: acidwatch reprocess BATCH"),
        (["--dry-run", "--version", "99"], "no version 99: there are versions 1 to 11"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(
    deployment: Deployment, sent: Generated, arguments: list[str], message: str
) -> None:
    done = deployment.run("revalidate", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
