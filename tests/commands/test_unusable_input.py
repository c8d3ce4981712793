"""What can't be used ends a command with exit code 2 and clear lines, never with a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import openpyxl
import orjson
import pytest

from acidwatch.cli.durations import parse_duration
from acidwatch.contract.columns import METHODS, SAMPLE_NAMES, SITES
from tests.commands.conftest import Done, Run
from tests.unit.contract.makers import make_rows

KAFKA = {"ACIDWATCH_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
HDFS = {"ACIDWATCH_HDFS_URL": "http://127.0.0.1:1"}
DATABASE = {"ACIDWATCH_DATABASE_URL": "postgresql://me:pa55word@127.0.0.1:1/none"}


def book(path: Path, header: list[str], *rows: list[object]) -> Path:
    workbook = openpyxl.Workbook()
    for row in (header, *rows):
        workbook.worksheets[0].append(row)
    workbook.save(path)
    return path


def samples(place: Path, count: int = 3) -> Path:
    return book(
        place / "samples.xlsx", list(SAMPLE_NAMES), *([row[name] for name in SAMPLE_NAMES] for row in make_rows(count))
    )


def assert_refused(done: Done, *parts: str) -> None:
    """Exit code 2, one line that has these parts, nothing on stdout."""
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith("acidwatch: ")
    assert [part for part in parts if part not in line] == []


@pytest.mark.parametrize("command", ["metrics", "live"])
def test_a_job_of_spark_says_where_spark_is_missing(command: str) -> None:
    hide = "import sys; sys.modules['pyspark'] = None; from acidwatch.cli.__main__ import main; sys.argv[1:] = ['job', sys.argv[1]]; main()"
    done = subprocess.run(
        [sys.executable, "-c", hide, command], capture_output=True, text=True, timeout=60, check=False
    )
    assert_refused(Done(done.returncode, done.stdout, done.stderr), "PySpark is not installed here", "acidwatch/spark")


@pytest.mark.parametrize("command", [("send",), ("wait", "--source")])
def test_no_such_file(run: Run, command: tuple[str, ...]) -> None:
    assert_refused(run(*command, "nowhere.xlsx", **KAFKA, **DATABASE), "nowhere.xlsx")


@pytest.mark.parametrize("content", [b"", b"SITE_ID,PROGRAM_ID\n", b"PK\x03\x04 cut off"])
def test_not_a_workbook(run: Run, place: Path, content: bytes) -> None:
    (place / "x.xlsx").write_bytes(content)
    assert_refused(run("send", "x.xlsx", **KAFKA), "x.xlsx")


@pytest.mark.parametrize("command", [("send", "caf\udce9.xlsx"), ("quarantine", "b", "--reason", "na\udcefve")])
def test_an_argument_that_is_not_utf_8(run: Run, command: tuple[str, ...]) -> None:
    done = run(*command)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"acidwatch: argument {len(command)} (")
    assert "is not UTF-8" in done.err


def test_missing_columns_are_all_named(run: Run, place: Path) -> None:
    book(place / "x.xlsx", [name for name in SAMPLE_NAMES if name not in ("SO4_UEQ_L", "DATE_SMP")], ["x"])
    assert_refused(run("send", "x.xlsx", **KAFKA), "lacks the columns DATE_SMP, SO4_UEQ_L")


def test_a_sheet_that_is_not_there(run: Run, place: Path) -> None:
    samples(place)
    assert_refused(run("send", "samples.xlsx", "--sheet", "May", **KAFKA), "'May'")


def test_a_batch_that_is_not_there(run: Run, place: Path) -> None:
    samples(place)
    assert_refused(run("send", "samples.xlsx", "--from-batch", 2, **KAFKA), "has batches 0 to 0")


@pytest.mark.parametrize("duration", ["soon", "-5s", "nan"])
@pytest.mark.parametrize(("command", "option"), [(("send", "x.xlsx"), "--interval"), (("wait",), "--timeout")])
def test_a_bad_duration_says_how_to_write_it(run: Run, command: tuple[str, ...], option: str, duration: str) -> None:
    done = run(*command, f"{option}={duration}", **KAFKA, **DATABASE)
    assert (done.code, done.out) == (2, "")
    assert "is no duration; write it like 10s, 5m, 250ms or 0" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0.0), ("10", 10.0), ("10s", 10.0), (" 5m ", 300.0), ("250ms", 0.25), ("1.5h", 5400.0), ("2 s", 2.0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        (("send", "x.xlsx"), ["KAFKA_BOOTSTRAP"]),
        (("send", "x.xlsx", "--wait"), ["DATABASE_URL", "KAFKA_BOOTSTRAP"]),
        (("wait",), ["DATABASE_URL", "KAFKA_BOOTSTRAP"]),
        (("status",), ["DATABASE_URL", "KAFKA_BOOTSTRAP"]),
        (("topics", "create"), ["KAFKA_BOOTSTRAP"]),
        (("sources", "list"), ["DATABASE_URL"]),
        (("batches", "list"), ["DATABASE_URL"]),
        (("batches", "show", "b"), ["DATABASE_URL"]),
        (("versions", "list"), ["DATABASE_URL"]),
        (("versions", "show", "1"), ["DATABASE_URL"]),
        (("versions", "diff", "1"), ["DATABASE_URL", "HDFS_URL"]),
        (("versions", "export", "--to", "x"), ["DATABASE_URL", "HDFS_URL"]),
        (("versions", "restore", "1"), ["DATABASE_URL", "HDFS_URL"]),
        (("versions", "tag", "t"), ["DATABASE_URL", "HDFS_URL"]),
        (("quarantine", "b", "--reason", "r"), ["DATABASE_URL", "HDFS_URL"]),
        (("metrics", "site", "--version", "a-tag"), ["DATABASE_URL"]),
        (("ledger", "migrate"), ["DATABASE_URL"]),
        (("job", "metrics"), ["DATABASE_URL", "HDFS_URL"]),
        (("metrics", "trend"), ["DATABASE_URL"]),
        (("metrics", "region"), ["DATABASE_URL"]),
        (("metrics", "acceleration"), ["DATABASE_URL"]),
        (("metrics", "acidity", "--first", "1990-1994"), ["DATABASE_URL"]),
        (("metrics", "quality", "--by", "programme,year"), ["DATABASE_URL"]),
        (("reference", "load", "--sites", "s.xlsx", "--methods", "m.xlsx"), ["HDFS_URL"]),
    ],
)
def test_missing_settings_are_named_with_every_place_looked_in(
    run: Run, command: tuple[str, ...], missing: list[str]
) -> None:
    done = run(*command)
    assert (done.code, done.out) == (2, "")
    lines = done.err.splitlines()
    assert [line.split(" (")[0] for line in lines] == [f"acidwatch: ACIDWATCH_{name} is not set" for name in missing]
    assert all("looked in the environment, .env, .local/stack.env and " in line for line in lines)


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("send",), ("send", "x.xlsx", "--batch-size", "0"), ("versions", "show"), ("batches", "list", "--verdict", "x"),
     ("sources", "list", "--limit", "0"), ("sources", "list", "--output", "xml"),
     ("metrics", "category", "--programme", "A", "--value", "B"), ("metrics", "trend", "--variant", "weekly"),
     ("metrics", "trend", "--class", "better"), ("metrics", "trend", "--from", "2001", "--to", "2000"),
     ("metrics", "region", "--from", "2021"), ("metrics", "region", "--output", "xml"), ("status", "--output", "csv"),
     ("metrics", "acceleration", "--by", "state"), ("metrics", "acceleration", "--by", "region", "--site", "1"),
     ("metrics", "acceleration", "--years", "4"),
     ("metrics", "acceleration", "--from", "2010"), ("metrics", "acidity", "--first", "94"), ("metrics", "acidity", "--last", "2020-2016"),
     ("metrics", "acidity", "--list", "years", "--first", "1990"), ("metrics", "quality", "--by", "month"),
     ("metrics", "quality", "--list", "unit-breaks", "--site", "1"), ("metrics", "quality", "--list", "completeness", "--by", "site")],
)  # fmt: skip
def test_wrong_usage(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments, **DATABASE, **KAFKA)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


def test_a_database_that_is_away_is_exit_code_3_and_its_password_is_not_shown(run: Run) -> None:
    done = run("sources", "list", **DATABASE, ACIDWATCH_DATABASE_TIMEOUT_SECONDS="0.2")
    assert (done.code, done.out) == (3, "")
    (line,) = (line for line in done.err.splitlines() if line.startswith("acidwatch: "))
    assert line.startswith("acidwatch: PostgreSQL is away at 127.0.0.1:1/none: ")
    assert "pa55word" not in done.err


def test_a_process_ends_without_a_traceback(place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "acidwatch.cli", "send", "nowhere.xlsx"],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("acidwatch: ACIDWATCH_KAFKA_BOOTSTRAP is not set")


def test_a_dry_run_says_what_would_be_sent_and_needs_no_broker(run: Run, place: Path) -> None:
    samples(place, 5)
    done = run("send", "samples.xlsx", "--dry-run", "--batch-size", 2, "--from-batch", 1, "--output", "json", **KAFKA)
    assert (done.code, done.err.count("\n")) == (0, 1)
    assert done.err.startswith("note: SITE_ID and PROGRAM_ID are not checked before sending: ")
    said = orjson.loads(done.out)
    assert (said["rows"], said["batches"], said["from_batch"], said["sent"], said["dry_run"]) == (5, 3, 1, 0, True)
    assert (
        run("send", "samples.xlsx", "--dry-run").out
        == "would send 1 batches (5 rows) of samples.xlsx to water-quality\n"
    )


def reference_books(place: Path, *sites: tuple[str | None, str], start: object = 1990.0) -> tuple[str, ...]:
    site_names, method_names = [column.name for column in SITES], [column.name for column in METHODS]
    book(
        place / "s.xlsx", site_names, *([site, programme, *[None] * (len(site_names) - 2)] for site, programme in sites)
    )
    book(place / "m.xlsx", method_names, ["LTM_ME", "NA", start, None, "ICP", "x"])
    return "reference", "load", "--sites", "s.xlsx", "--methods", "m.xlsx", "--dry-run"


def test_reference_workbooks_are_counted_in_a_dry_run(run: Run, place: Path) -> None:
    done = run(*reference_books(place, ("020058", "LTM_ME"), ("020058", "LTM_ALTM")), **HDFS)
    assert (done.code, done.out, done.err) == (0, "would load 2 sites, 1 methods\n", "")


def test_every_fault_of_a_reference_workbook_is_said_at_once_by_its_cell(run: Run, place: Path) -> None:
    done = run(*reference_books(place, ("1", "LTM_ME"), (None, "LTM_ME"), ("1", "LTM_ME")), **HDFS)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "acidwatch: s.xlsx: Sheet!A3: SITE_ID is empty",
        "acidwatch: s.xlsx: rows 2 and 4 have the same SITE_ID, PROGRAM_ID: ('1', 'LTM_ME')",
    ]
    done = run(*reference_books(place, ("1", "LTM_ME"), start="early"))
    assert (done.code, done.err) == (2, "acidwatch: m.xlsx: Sheet!C2: START_YEAR is 'early'; it must be integer\n")


def test_a_workbook_in_place_of_another_needs_the_database_and_sends_nothing_without_it(run: Run, place: Path) -> None:
    samples(place)
    done = run("send", "samples.xlsx", "--replaces", "old.xlsx", "--dry-run", **KAFKA)
    assert_refused(done, "ACIDWATCH_DATABASE_URL is not set")
    away = {**DATABASE, "ACIDWATCH_DATABASE_TIMEOUT_SECONDS": "0.2"}
    done = run("send", "samples.xlsx", "--replaces", "old.xlsx", "--dry-run", **KAFKA, **away)
    assert (done.code, done.out) == (3, "")
    assert "PostgreSQL is away" in done.err
    assert "would send 1 batches" in run("send", "samples.xlsx", "--dry-run", **KAFKA, **away).out


def test_a_reason_is_needed_to_take_a_batch_out(run: Run) -> None:
    assert run("quarantine", "b", **DATABASE, **HDFS).code == 2
    assert_refused(run("quarantine", "b", "--reason", " ", **DATABASE, **HDFS), "argument 4 is empty")


@pytest.mark.parametrize(
    "arguments", [("metrics", "site", "--site", ""), ("dlq", "replay", "--rule=", "--yes"), ("watch", "--site", " ")]
)
def test_an_empty_argument_is_no_filter_but_a_variable_that_was_not_set(run: Run, arguments: tuple[str, ...]) -> None:
    assert_refused(run(*arguments, **DATABASE), "is empty: is a variable of your shell not set?")


def test_generate_makes_workbooks_that_send_can_read(run: Run, place: Path) -> None:
    made = run("generate", "--rows", 150, "--seed", 3, "--out", "made", "--broken", "range@1", "--output", "json")
    assert (made.code, made.err) == (0, "")
    (fault,) = orjson.loads(made.out)["faults"]
    assert (fault["kind"], fault["batch"], fault["rule"]) == ("range", 1, "range.SO4_UEQ_L")
    assert "150 rows" in run("send", "made/samples.xlsx", "--dry-run", "--force", **KAFKA).out
    assert "lost-zeros" in run("generate", "--broken", "list").out
    assert_refused(run("generate", "--rows", 10, "--broken", "nonsense"), "nonsense")


def test_the_version_is_printed(run: Run) -> None:
    done = run("--version")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("acidwatch ")
