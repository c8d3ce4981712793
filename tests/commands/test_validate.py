"""`acidwatch validate` and `template`: a workbook judged without any setting or server."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import orjson
import pytest

from acidwatch.checking.workbook import LIST
from acidwatch.contract.columns import SAMPLE_NAMES
from tests.commands.conftest import Done, Run
from tests.commands.test_unusable_input import assert_refused, reference_books
from tests.unit.checking.makers import spoiled, write_rows

SITES = ("--sites", "s.xlsx", "--methods", "m.xlsx")
FAULTS = {4: {"SO4_UEQ_L": 3842.0}, 150: {"SITE_ID": "20058"}}


@pytest.fixture
def validate(run: Run, place: Path) -> Run:
    """`validate("x.xlsx", ...)` with the sites workbook of the sound samples."""
    reference_books(place, ("020058", "LTM_ME"))

    def validate(*arguments: object) -> Done:
        return run("validate", *arguments, *SITES)

    return validate


@pytest.fixture
def bad(place: Path) -> Path:
    return write_rows(place / "bad.xlsx", spoiled(210, FAULTS))


def test_a_sound_workbook_is_accepted_with_exit_code_0(validate: Run, place: Path) -> None:
    write_rows(place / "good.xlsx", spoiled(3, {}))
    done = validate("good.xlsx")
    assert (done.code, done.err) == (0, "")
    assert "good.xlsx, sheet 'Sheet 1': accepted" in done.out


def test_the_table_has_one_line_a_cause_and_details_on_request(validate: Run, bad: Path) -> None:
    done = validate("bad.xlsx")
    assert done.code == 1
    assert "210 rows in 3 batches: 2 of the batches would be rejected" in done.out
    (line,) = (line for line in done.out.splitlines() if "SO4_UEQ_L above 2000 ueq/L" in line)
    assert "AC4" in line
    assert "leading zeros lost: '020058'?" in done.out
    assert "Sheet 1!AC4: SO4_UEQ_L is 3842" not in done.out
    assert "Sheet 1!AC4: SO4_UEQ_L is 3842" in validate("bad.xlsx", "--details").out


@pytest.mark.parametrize("output", ["table", "json", "html", "xlsx"])
def test_notes_about_the_file_are_said_on_stderr_whatever_the_output_is(
    validate: Run, place: Path, output: str
) -> None:
    write_rows(place / "x.xlsx", [row | {"WIND": 5.0} for row in spoiled(3, {})], [*SAMPLE_NAMES, "WIND"])
    done = validate("x.xlsx", "--output", output)
    note = "note: column 'WIND' is not in the contract and is not sent"
    assert (done.code, done.err) == (0, f"{note}\n")
    assert note not in done.out
    if output == "xlsx":
        page = openpyxl.load_workbook(place / "x-checked.xlsx")[LIST]
        assert page["A2"].value == "what else was noticed: from row 5 on"
        assert page["A5"].value == note


def test_json_has_verdict_counts_and_every_finding_by_cell(validate: Run, bad: Path) -> None:
    done = validate("bad.xlsx", "--output", "json")
    said = orjson.loads(done.out)
    assert (done.code, done.err) == (1, "")
    assert (said["verdict"], said["rows"], said["batches"], said["rejected_batches"]) == ("rejected", 210, 3, 2)
    hard = [finding for finding in said["findings"] if finding["severity"] == "hard" and finding["column"]]
    assert [(one["rule"], one["sheet"], one["cell"], one["column"], one["value"]) for one in hard] == [
        ("range.SO4_UEQ_L", "Sheet 1", "AC4", "SO4_UEQ_L", "3842.0"),
        ("reference.site", "Sheet 1", "A150", "SITE_ID", "20058"),
    ]
    assert hard[1]["message"].startswith("site '20058' of programme LTM_ME is not in the sites table; did it lose")
    assert validate("bad.xlsx", "-o", "json", "--batch-size", 10_000).out.count('"rejected_batches": 1') == 1


def test_what_can_not_be_read_is_json_too_with_exit_code_2(validate: Run, place: Path) -> None:
    write_rows(place / "x.xlsx", spoiled(3, {}), [name for name in SAMPLE_NAMES if name != "SO4_UEQ_L"])
    done = validate("x.xlsx", "--output", "json")
    said = orjson.loads(done.out)
    assert (done.code, said["verdict"], said["findings"]) == (2, "unreadable", [])
    assert "lacks the column SO4_UEQ_L" in said["message"]
    assert_refused(validate("x.xlsx"), "lacks the column SO4_UEQ_L")
    (place / "s.xlsx").write_bytes(b"no workbook")
    assert orjson.loads(validate("x.xlsx", "-o", "json").out)["message"].startswith("s.xlsx: not a workbook")


@pytest.mark.parametrize("kind", ["html", "xlsx"])
def test_a_page_and_a_coloured_copy_are_written_and_never_over_another_file(
    validate: Run, bad: Path, place: Path, kind: str
) -> None:
    done = validate("bad.xlsx", "--output", kind)
    assert done.code == 1
    assert done.out.startswith(f"bad-checked.{kind}: 210 rows")
    written = (place / f"bad-checked.{kind}").read_bytes()
    assert_refused(validate("bad.xlsx", "--output", kind), "is there already", "--force")
    assert (place / f"bad-checked.{kind}").read_bytes() == written
    assert validate("bad.xlsx", "--output", kind, "--force").code == 1
    assert validate("bad.xlsx", "--output", kind, "--to", f"named.{kind}").code == 1
    assert (place / f"named.{kind}").exists()
    before = bad.read_bytes()
    assert_refused(validate("bad.xlsx", "--output", kind, "--to", "./bad.xlsx", "--force"), "the workbook itself")
    assert bad.read_bytes() == before
    assert_refused(validate("bad.xlsx", "--output", kind, "--to", f"no/such/folder.{kind}"), "can't be written")
    assert_refused(validate("bad.xlsx", "--to", "x.html"), "--output html")


@pytest.mark.parametrize("name", ["t.ods", "t.xls", "t", "."])
def test_a_workbook_is_written_under_its_own_ending_only(run: Run, place: Path, name: str) -> None:
    says = f"{name}: what is written is an .xlsx; end its name so"
    assert_refused(run("template", "--to", name), says)
    assert_refused(run("validate", "x.xlsx", *SITES, "--output", "xlsx", "--to", name), says)
    assert not [path for path in place.iterdir() if path.name.startswith("t")]


def test_nothing_of_a_workbook_gives_orders_to_a_terminal(validate: Run, place: Path) -> None:
    book = openpyxl.load_workbook(
        write_rows(place / "x.xlsx", spoiled(9, {4: {"SAMPLE_TYPE": "\u009b2J[red]x[/red]"}}))
    )
    book.worksheets[0].title = "A\u202e1"
    book.save(place / "x.xlsx")
    done = validate("x.xlsx", "--details")
    assert done.code == 1
    assert all(line.isprintable() for line in (done.out + done.err).splitlines())
    assert "2J[red]x[/red]" in done.out
    assert all(line.isprintable() for line in validate("x.xlsx", "--sheet", "\u009b2J").err.splitlines())


def test_a_template_is_written_once_and_says_what_to_do_with_it(run: Run, place: Path) -> None:
    done = run("template", "--to", "blank.xlsx")
    assert (done.code, done.out) == (0, "blank.xlsx: a blank workbook of samples\n")
    assert "acidwatch validate blank.xlsx" in done.err
    assert_refused(run("template", "--to", "blank.xlsx"), "is there already", "--force")
    assert run("template", "--to", "blank.xlsx", "--force").code == 0
    assert_refused(run("template", "--to", "no/folder.xlsx"), "can't be written")
