"""`acidwatch send` looks before it sends: what is certain to be rejected is said, and nothing is sent of it unless forced."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from acidwatch.contract.columns import SAMPLE_NAMES
from tests.commands.conftest import Run
from tests.unit.checking.makers import spoiled, write_rows

KAFKA = {"ACIDWATCH_KAFKA_BOOTSTRAP": "127.0.0.1:1", "ACIDWATCH_KAFKA_TIMEOUT_SECONDS": "0.2"}
HDFS_AWAY = {"ACIDWATCH_HDFS_URL": "http://127.0.0.1:1"}


@pytest.fixture
def bad(place: Path) -> Path:
    return write_rows(place / "bad.xlsx", spoiled(210, {150: {"SO4_UEQ_L": 3842.0}}))


def test_what_is_certain_to_be_rejected_is_told_and_nothing_is_sent(run: Run, bad: Path) -> None:
    done = run("send", "bad.xlsx", **KAFKA)
    assert (done.code, done.out) == (1, "nothing of bad.xlsx was sent\n")
    assert "210 rows in 3 batches: 1 of the batches would be rejected" in done.err
    assert "SO4_UEQ_L above 2000 ueq/L" in done.err
    assert "Kafka is away" not in done.err
    assert done.err.splitlines()[-1].endswith("or send all of it as it is with --force")
    said = orjson.loads(run("send", "bad.xlsx", "-o", "json", **KAFKA).out)
    assert (said["certain_rejections"], said["sent"], said["checked_against"]) == ([1], 0, None)


def test_forced_it_is_told_and_sent_all_the_same(run: Run, bad: Path) -> None:
    done = run("send", "bad.xlsx", "--force", "--dry-run", **KAFKA)
    assert (done.code, done.out) == (0, "would send 3 batches (210 rows) of bad.xlsx to water-quality\n")
    assert "SO4_UEQ_L above 2000 ueq/L" in done.err
    done = run("send", "bad.xlsx", "--force", **KAFKA)
    assert (done.code, done.out) == (3, "")
    assert "Kafka is away" in done.err


def test_only_the_batches_that_are_about_to_be_sent_are_judged(run: Run, bad: Path) -> None:
    done = run("send", "bad.xlsx", "--dry-run", "--from-batch", 2, **KAFKA)
    assert (done.code, done.out) == (0, "would send 1 batches (10 rows) of bad.xlsx to water-quality\n")


@pytest.mark.parametrize(
    ("settings", "why"), [({}, "ACIDWATCH_HDFS_URL is not set"), (HDFS_AWAY, "HDFS is away at http://127.0.0.1:1")]
)
def test_without_hdfs_all_but_the_sites_is_checked_and_said_so(
    run: Run, place: Path, settings: dict[str, str], why: str
) -> None:
    write_rows(place / "x.xlsx", spoiled(3, {3: {"SITE_ID": "nowhere", "PROGRAM_ID": "LTM_XX"}}))
    done = run("send", "x.xlsx", "--dry-run", **KAFKA, **settings)
    assert (done.code, done.out) == (0, "would send 1 batches (3 rows) of x.xlsx to water-quality\n")
    (line,) = done.err.splitlines()
    assert line.startswith("note: SITE_ID and PROGRAM_ID are not checked before sending: ")
    assert why in line


def test_a_file_that_is_sent_with_a_locale_is_waited_for_with_it(run: Run, place: Path) -> None:
    (row,) = spoiled(1, {})
    texts = ("" if row[name] is None else str(row[name]).replace(".", ",") for name in SAMPLE_NAMES)
    (place / "fr.csv").write_text(";".join(SAMPLE_NAMES) + "\n" + ";".join(texts) + "\n")
    url = {"ACIDWATCH_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    assert "say --locale fr" in run("wait", "--source", "fr.csv", **KAFKA, **url).err
    done = run("wait", "--source", "fr.csv", "--locale", "fr", **KAFKA, **url)
    assert (done.code, "is away" in done.err) == (3, True)
