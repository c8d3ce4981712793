"""A service killed at each named step of its commit: started again, it ends up where it would have been."""

from __future__ import annotations

import hashlib
import re
import signal
import tomllib
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from acidwatch.workbook.generate import Generated
from tests.faults.conftest import check_exactly_once
from tests.support.deployment import LONG, PROJECT, Deployment
from tests.support.kill_points import KILL_POINTS

# Small groups, so that there are many.
SMALL = {"group_records": "4", "group_seconds": "0.05"}

ALL = [(service, point) for service, points in KILL_POINTS.items() for point in points]
# One of each kind in `make test`: a file, the outcomes, the ledger, a dead letter.
ALWAYS = {
    ("ingestor", "half of a clean file"),
    ("ingestor", "half of the outcomes"),
    ("versioner", "before the transaction commits"),
    ("versioner", "after letters were sent"),
}

numbers = count(1)


LAST = {
    "among the acknowledgements",
    "after the acknowledgement",
    "before the offsets are committed",
    "after the offsets were committed",
}
STEPS = {
    "ingestor": {
        "after judging",
        "half of a raw file",
        "half of a clean file",
        "half of a quarantine file",
        "written and not renamed",
        "after the raw file",
        "after the clean file",
        "after the quarantine file",
        "after all files",
        "half of the outcomes",
        "after all confirmations",
        *LAST,
    },
    "versioner": {
        "before the transaction",
        "before the transaction commits",
        "after the transaction",
        "after letters were read",
        "after letters were sent",
        "after letters were marked",
        "before the acknowledgement",
        *LAST,
    },
}


def test_there_is_a_kill_point_for_every_step() -> None:
    assert {service: set(points) for service, points in KILL_POINTS.items()} == STEPS
    assert set(ALL) > ALWAYS


def test_what_images_install_neither_holds_nor_imports_the_kill_points() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    folders = {pattern.rstrip("*") for pattern in settings["include"]}
    assert "tests" not in folders
    sources = [path for folder in folders for path in (PROJECT / folder).rglob("*.py")]
    assert len(sources) > 100
    assert [
        path
        for path in sources
        if re.search(r"^\s*(from|import) tests\b|import_module\(.tests|os\.kill", path.read_text(), re.M)
    ] == []


@pytest.mark.parametrize(
    ("service", "point"),
    [pytest.param(*each, marks=[] if each in ALWAYS else pytest.mark.slow, id=f"{each[0]} {each[1]}") for each in ALL],
)
def test_a_service_killed_at_a_step_of_its_commit_and_started_again_loses_and_doubles_nothing(
    deployment: Deployment, broken_workbooks: Callable[[int], Generated], service: str, point: str
) -> None:
    made = broken_workbooks(next(numbers))
    deployment.start("versioner" if service == "ingestor" else "ingestor", **SMALL)
    victim = deployment.start(service, kill_at=point, **SMALL)
    deployment.send(made.samples, "--batch-size", "10")
    assert victim.popen.wait(LONG) == -signal.SIGKILL, victim.output[-3000:]
    deployment.expire(service)
    deployment.start(service, **SMALL)
    check_exactly_once(deployment, made)
    check_letter(deployment, made)


def check_letter(deployment: Deployment, made: Generated) -> None:
    """The one dead letter is on the topic where the ledger says, with the bytes that came; a crash may have repeated it."""
    source = hashlib.sha256(made.samples.read_bytes()).hexdigest()
    ((batch_id, sha256, *place),) = deployment.query(
        "SELECT batch_id, value_sha256, letter_topic, letter_partition, letter_offset FROM ledger.dead_letters"
        " JOIN ledger.batches USING (batch_id) JOIN ledger.attempts USING (batch_id, attempt) WHERE source_id = %s",
        source,
    )
    letters = [record for record in deployment.records("ACIDWATCH_TOPIC_LETTERS") if record.key == batch_id.encode()]
    assert place in [[letter.topic, letter.partition, letter.offset] for letter in letters]
    assert {hashlib.sha256(letter.value).hexdigest() for letter in letters} == {sha256}
    assert len(letters) <= 2
    originals: list[Any] = [r for r in deployment.records("ACIDWATCH_TOPIC_BATCHES") if r.key == batch_id.encode()]
    assert {letter.value for letter in letters} == {original.value for original in originals}
