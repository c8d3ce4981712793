"""docs/recovery.md followed as it is written, each section in the situation that it describes, on running services."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.contract.columns import SAMPLE_NAMES
from acidwatch.settings import HdfsSettings
from acidwatch.workbook.generate import Generated
from tests.support.archived import another_database
from tests.support.deployment import PROJECT, Deployment, Process, until
from tests.support.runbook import PAGE, as_script, following, sections

SO4 = SAMPLE_NAMES.index("SO4_UEQ_L") + 1
HERE = ("tests/e2e/test_recovery_runbook.py", "tests/faults/test_recovery_runbook.py", "tests/faults/test_alerts.py")


@pytest.fixture(scope="module")
def services(deployment: Deployment) -> dict[str, Process]:
    return {name: deployment.start(name) for name in ("ingestor", "versioner")}


@pytest.fixture(scope="module")
def made(deployment: Deployment, services: dict[str, Process]) -> Generated:
    """Four batches, three of them rejected for one cause."""
    made = deployment.generate(400, seed=51, broken=("range@0", "range@1", "range@2"))
    deployment.load_reference(made)
    deployment.send_and_wait(made.samples)
    return made


def letters(deployment: Deployment, state: str = "published") -> list[str]:
    return [one["batch_id"] for one in deployment.json("dlq", "list", "--state", state)]


def members(deployment: Deployment) -> list[Any]:
    return deployment.query(
        "SELECT batch_id, attempt, rows FROM ledger.members((SELECT newest_version FROM ledger.datasets)) ORDER BY 1"
    )


def newest(deployment: Deployment) -> int:
    ((version,),) = deployment.query("SELECT newest_version FROM ledger.datasets")
    return int(version)


def start_again(deployment: Deployment, services: dict[str, Process], name: str) -> None:
    services[name] = deployment.start(name)
    services[name].wait_ready()


def test_each_section_with_commands_is_followed_by_a_test() -> None:
    followed = [
        title
        for path in HERE
        if (PROJECT / path).exists()
        for title in re.findall(r'following\(\w+, "([^"]+)"\)', (PROJECT / path).read_text())
    ]
    assert sorted(followed) == sorted(sections(PAGE.read_text()))


def test_a_command_that_ends_otherwise_than_the_page_says_stops_the_block() -> None:
    def code(block: str) -> int:
        return subprocess.run(["bash", "-c", as_script(block)], capture_output=True, check=False).returncode

    assert code("true\n(exit 1) # ends with 1\n") == 0
    assert code("false\ntrue\n") != 0
    assert code("true # ends with 1\n") != 0
    assert code("A=$(false | cat)\n") != 0


def test_first_look(deployment: Deployment, made: Generated) -> None:
    with following(deployment, "First look") as section:
        said = section.follow()
    assert "range.SO4_UEQ_L" in said


def test_a_dead_letter_with_one_wrong_value(deployment: Deployment, made: Generated) -> None:
    batch = letters(deployment)[0]
    with following(deployment, "A dead letter: one value is wrong") as section:
        said = section.follow(BATCH=batch[:12])
    assert "resolved" in said
    assert batch in letters(deployment, "resolved")


@pytest.mark.slow
def test_a_dead_letter_corrected_by_hand(deployment: Deployment, made: Generated) -> None:
    batch = letters(deployment)[0]
    with following(deployment, "A dead letter: corrected by hand") as section:
        section.follow(BATCH=batch[:12])
        _correct(deployment.folder / "fix.xlsx")
        section.follow()
    assert batch in letters(deployment, "resolved")


def _correct(path: Path) -> None:
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    for row in range(2, sheet.max_row + 1):
        value = sheet.cell(row, SO4).value
        if isinstance(value, int | float) and value > 2000:
            sheet.cell(row, SO4).value = 100
    book.save(path)


@pytest.mark.slow
def test_many_dead_letters_with_one_cause(deployment: Deployment, made: Generated) -> None:
    assert letters(deployment)
    with following(deployment, "Many dead letters with one cause") as section:
        section.follow(RULE="range.SO4_UEQ_L", SOURCE=made.samples.name)
    assert letters(deployment) == []


@pytest.mark.slow
def test_a_defective_batch(deployment: Deployment, made: Generated) -> None:
    ((batch, _, _), *others) = members(deployment)
    with following(deployment, "A defective batch") as section:
        said = section.follow(BATCH=batch[:12])
        assert "attempt 2: accepted" in said or "attempt 3: accepted" in said
        section.follow()
        section.follow()
        assert members(deployment) == others
        said = section.follow()
    assert re.search(r"in the dataset from version \d+ until now", said)
    assert [one for one, _, _ in members(deployment)] == sorted([batch, *(one for one, _, _ in others)])


def test_back_to_an_earlier_version(deployment: Deployment, made: Generated) -> None:
    before = newest(deployment)
    wanted = members(deployment)
    deployment.cli("quarantine", wanted[0][0], "--reason", "wrong bottle", "--yes")
    with following(deployment, "Back to an earlier version") as section:
        section.follow(VERSION=str(before))
    assert members(deployment) == wanted


@pytest.mark.slow
def test_a_bad_workbook(deployment: Deployment, made: Generated) -> None:
    before = newest(deployment)
    with following(deployment, "A bad workbook") as section:
        section.follow(SOURCE=made.samples.name)
        assert members(deployment) == []
        deployment.cli("versions", "restore", str(before), "--yes")
        corrected = deployment.folder / "corrected.xlsx"
        book = openpyxl.load_workbook(made.samples)
        book.save(corrected)
        _correct(corrected)
        section.follow(SOURCE=made.samples.name, CORRECTED=corrected.name)
    assert deployment.query(
        "SELECT DISTINCT name FROM ledger.members((SELECT newest_version FROM ledger.datasets)) JOIN ledger.sources USING (source_id)"
    ) == [("corrected.xlsx",)]


def test_outcomes_lost(deployment: Deployment, made: Generated, services: dict[str, Process]) -> None:
    assert services["versioner"].stop() == 0
    more = deployment.generate(200, seed=52)
    deployment.load_reference(more)
    deployment.send(more.samples)
    until(lambda: deployment.json("status")["lag"]["ingestor"] == 0, "all to be judged")
    deployment.skip_outcomes()
    start_again(deployment, services, "versioner")
    count = len(members(deployment))
    with following(deployment, "Outcomes were lost") as section:
        section.follow()
    assert len(members(deployment)) == count + 2


@pytest.mark.slow
def test_the_database_is_lost_and_there_is_a_backup(
    deployment: Deployment, made: Generated, services: dict[str, Process]
) -> None:
    deployment.cli("ledger", "backup")
    deployment.cli("quarantine", members(deployment)[0][0], "--reason", "after the backup", "--yes")
    before = members(deployment)
    assert services["versioner"].stop() == 0
    deployment.env["ACIDWATCH_DATABASE_URL"] = another_database(deployment, migrated=False)
    with following(deployment, "The database is lost, and there is a backup") as section:
        section.follow()
        assert members(deployment) == before
        start_again(deployment, services, "versioner")
        section.follow()
        section.follow()


@pytest.mark.slow
def test_a_file_is_lost(deployment: Deployment, made: Generated) -> None:
    store = HdfsStore(
        HdfsSettings(hdfs_url=deployment.env["ACIDWATCH_HDFS_URL"], hdfs_root=deployment.env["ACIDWATCH_HDFS_ROOT"])
    )
    ((path,), *_) = deployment.query("SELECT path FROM ledger.members((SELECT newest_version FROM ledger.datasets))")
    count = len(members(deployment))
    store.delete(path)
    with following(deployment, "A file is lost or damaged") as section:
        said = section.follow(FILE=path)
    assert path in said.replace("\n", "")
    assert len(members(deployment)) == count


def test_a_new_contract(deployment: Deployment, made: Generated) -> None:
    with following(deployment, "A new contract") as section:
        section.follow()
