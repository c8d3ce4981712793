"""Files that are made to harm, or are none that can be read: one clear line each, with limits; nothing is executed or followed."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from acidwatch.contract.columns import Column
from acidwatch.errors import UnreadableNowError, UnusableInputError
from acidwatch.workbook import isolate
from acidwatch.workbook.isolate import read_isolated
from acidwatch.workbook.reader import read_table
from tests.unit.workbook.builders import Error, Extras, Formula, Rows, csvfile, ods, xls, xlsb, xlsx

ROWS: Rows = [["ID", "DAY", "X", "N"], ["a", "1992-06-14", 1.5, 3.0]]
SHEET = "xl/worksheets/sheet1.xml"
BLANK_ROWS = (
    "".join(f'<row r="{n}"/>' for n in range(3, 1_000_003)).encode() + b'<row r="1000003"><c r="F1000003"/></row>'
)


def sheet(cells: bytes, before: bytes = b"") -> dict[str, bytes]:
    head = "".join(
        f'<c r="{letter}1" t="inlineStr"><is><t>{name}</t></is></c>'
        for letter, name in zip("ABCD", ROWS[0], strict=True)
    )
    return {
        SHEET: before
        + f'<worksheet xmlns="{xlsx.MAIN}"><sheetData><row r="1">{head}</row>'.encode()
        + cells
        + b"</sheetData></worksheet>"
    }


def encrypted(path: Path) -> None:
    path.write_bytes(xls.compound({"EncryptedPackage": b"x" * 5000, "EncryptionInfo": b"x"}))


def encrypted_ods(path: Path) -> None:
    ods.build(path, ROWS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("META-INF/manifest.xml", "<manifest:manifest><manifest:encryption-data/></manifest:manifest>")


def truncated(path: Path) -> None:
    xlsx.build(path, [*ROWS, *[["b", "1992-06-14", float(n * 7919), 1.0] for n in range(1000)]])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def linked(path: Path) -> None:
    more = {
        "xl/_rels/workbook.xml.rels": xlsx.relations(
            (
                ("r1", "worksheet", "worksheets/sheet1.xml"),
                ("r2", "styles", "styles.xml"),
                ("r9", "externalLink", "externalLinks/externalLink1.xml"),
            )
        ).encode(),
        "xl/externalLinks/externalLink1.xml": b"<externalLink/>",
    }
    xlsx.build(path, [*ROWS, ["b", "1992-06-14", Formula("[1]Sheet1!$A$1", 4.0), 1.0]], Extras(), more)


ENTITIES = (
    b'<!DOCTYPE x [<!ENTITY a "'
    + b"a" * 1000
    + b'"><!ENTITY b "'
    + b"&a;" * 1000
    + b'"><!ENTITY c "'
    + b"&b;" * 1000
    + b'">]>'
)
ENTITY_CELL = b'<row r="2"><c r="A2" t="str"><f>1</f><v>&c;</v></c></row>'
EXTERNAL = b'<!DOCTYPE x [<!ENTITY c SYSTEM "file:///etc/passwd">]>'

FILEPASS = xls.record(0x2F, bytes(6))
CELL = 'office:value-type="float" office:value="1"/></table:table-row>'
REPEATED = f'<table:table-row table:number-rows-repeated="90000000"><table:table-cell table:number-columns-repeated="9000" {CELL}'
LONE = (
    '<table:table-row table:number-rows-repeated="1000000"><table:table-cell/></table:table-row><table:table-row>'
    f'<table:table-cell table:number-columns-repeated="900"/><table:table-cell {CELL}'
)

HOSTILE: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "a password": (".xlsx", encrypted, "protected by a password"),
    "a password of an .ods": (".ods", encrypted_ods, "protected by a password"),
    "a password of an .xls": (".xls", lambda path: xls.build(path, ROWS, globals_more=FILEPASS), "protected by a password"),
    "cut off": (".xlsx", truncated, "damaged"),
    "a zip bomb": (".xlsx", lambda path: xlsx.build(path, ROWS, Extras(), sheet(b" " * (80 << 20))), "times its size"),
    "entities": (".xlsx", lambda path: xlsx.build(path, ROWS, Extras(), sheet(ENTITY_CELL, ENTITIES)), "declares entities"),
    "an entity from a file": (".xlsx", lambda path: xlsx.build(path, ROWS, Extras(), sheet(ENTITY_CELL, EXTERNAL)), "declares entities"),
    "entities in an .ods": (".ods", lambda path: ods.build(path, [[""]], before=ENTITIES.decode()), "declares entities"),
    "values of other workbooks": (".xlsx", linked, "values from other workbooks (first in C3)"),
    "values of other files in an .ods": (
        ".ods",
        lambda path: ods.build(path, [*ROWS, ["b", None, Formula("'file:///etc/passwd'#$Sheet1.A1", 4.0)]]),
        "values from other files",
    ),
    "macros": (".xlsx", lambda path: xlsx.build(path, ROWS, Extras(), {"xl/vbaProject.bin": b"x"}), "carries macros"),
    "macros in an .xlsm": (".xlsm", lambda path: xlsx.build(path, ROWS, Extras(), {"xl/vbaProject.bin": b"x"}), "carries macros"),
    "macros in an .xls": (".xls", lambda path: xls.build(path, ROWS, streams=("_VBA_PROJECT",)), "carries macros"),
    "a path out of the zip": (".xlsx", lambda path: xlsx.build(path, ROWS, Extras(), {"../../etc/x": b"x"}), "points out of the file"),
    "a million blank rows": (".xlsx", lambda path: xlsx.build(path, ROWS, Extras(), sheet(BLANK_ROWS)), "delete the rows"),
    "a cell of 32 KB": (".xlsx", lambda path: xlsx.build(path, [*ROWS, ["x" * 32_767]]), "32,767 characters in row 3"),
    "a cell of 32 KB in a .csv": (".csv", lambda path: csvfile.build(path, [*ROWS, ["x" * 32_767]]), "field larger than field limit"),
    "a picture": (".xlsx", lambda path: _bytes(path, b"\x89PNG\r\n\x1a\n" + bytes(99)), "a picture"),
    "a web page": (".xls", lambda path: _bytes(path, b"\xef\xbb\xbf<html><table><tr><td>ID"), "a web page"),
    "a text file": (".xlsx", lambda path: csvfile.build(path, ROWS), "not a workbook"),
    "an .xlsx under the name .xls": (".xls", lambda path: xlsx.build(path, ROWS), "is a workbook .xlsx under the name .xls"),
    "an .xls under the name .xlsx": (".xlsx", lambda path: xls.build(path, ROWS), "is a workbook .xls under the name .xlsx"),
    "an .xlsx under the name .csv": (".csv", lambda path: xlsx.build(path, ROWS), "is a workbook .xlsx under the name .csv"),
    "an unknown ending": (".dat", lambda path: xlsx.build(path, ROWS), "files named .dat are not taken"),
    "a repeated cell": (
        ".ods",
        lambda path: ods.build(
            path, ROWS, more=REPEATED
        ),
        "repeated more often than a sheet has cells",
    ),
    "a cell beyond the sheet in an .xlsb": (
        ".xlsb",
        lambda path: xlsb.build(path, ROWS, sheet_more=xlsb.row_record(9) + xlsb.record(5, struct.pack("<IId", 99_999_999, 0, 1.0))),
        "outside any sheet",
    ),
    "a lone far cell in an .xlsb": (
        ".xlsb",
        lambda path: xlsb.build(path, ROWS, sheet_more=xlsb.row_record(1_048_575) + xlsb.record(5, struct.pack("<IId", 16_383, 0, 1.0))),
        "stray cell",
    ),
    "a lone far cell in an .ods": (
        ".ods",
        lambda path: ods.build(
            path, ROWS, more=LONE
        ),
        "stray cell",
    ),
    "sectors in a circle": (".xls", lambda path: _bytes(path, _circle(path)), "in a circle"),
}  # fmt: skip


def _bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _circle(path: Path) -> bytes:
    xls.build(path, ROWS)
    data = bytearray(path.read_bytes())
    table = 512 * 3
    data[table : table + 8] = struct.pack("<II", 1, 0)  # the directory's second sector leads back to its first
    return bytes(data)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_one_clear_line(name: str, tmp_path: Path, columns: tuple[Column, ...]) -> None:
    suffix, build, says = HOSTILE[name]
    path = tmp_path / f"samples{suffix}"
    build(path)
    with pytest.raises(UnusableInputError) as caught:
        read_table(path, columns)
    message = str(caught.value)
    assert says in message
    assert str(path) in message
    assert "\n" not in message
    assert len(message) < len(str(path)) + 400


def test_a_pipe_and_a_device_are_no_files(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    os.mkfifo(tmp_path / "samples.xlsx")
    for path in (tmp_path / "samples.xlsx", Path("/dev/zero")):
        with pytest.raises(UnusableInputError, match="no regular file"):
            read_table(path, columns)


def test_links_that_no_cell_uses_are_only_reported(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / "samples.xlsx"
    linked(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[SHEET] = parts[SHEET].replace(b"<f>[1]Sheet1!$A$1</f>", b"")
    xlsx.build(path, ROWS, Extras(), parts)
    assert "refers to other workbooks, which are not looked at" in read_table(path, columns).notes[0]


def test_the_child_reads_what_the_process_itself_reads(tmp_path: Path) -> None:
    path = tmp_path / "samples.xlsx"
    rows: Rows = [*ROWS, ["é\u2028", Error("#N/A"), 1e300, None]]
    xlsx.build(path, rows, Extras(hidden=frozenset({2}), merged=((3, 1, 4, 1),), comments=((2, 3, "limit"),)))
    book = read_isolated(path, path.read_bytes(), None)
    (found,) = book.sheets
    assert (book.names, found.hidden, found.merged, found.comments) == (["S"], {2}, [(2, 0, 3, 0)], {(1, 2): "limit"})
    assert found.grid[2] == ["é\u2028", "#N/A", 1e300, None]


def test_a_refusal_comes_out_of_the_child_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "samples.xlsx"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(UnusableInputError, match=f"^{path}: the workbook is damaged"):
        read_isolated(path, b"PK\x03\x04", None)


def test_a_sheet_that_lies_about_its_size_aborts_the_child_and_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "samples.xls"
    xls.build(path, ROWS)
    true = xls.record(0x200, struct.pack("<IIHHH", 0, 2, 0, 4, 0))
    huge = xls.record(0x200, struct.pack("<IIHHH", 0, 0x7FFFFFFF, 0, 0xFFF0, 0))
    data = path.read_bytes()
    assert true in data
    with pytest.raises(UnusableInputError, match="of memory: it is damaged or too large"):
        read_isolated(path, data.replace(true, huge), None)


def test_a_few_bytes_that_lay_out_millions_of_cells_are_refused_before_they_reach_the_process_that_asks(
    tmp_path: Path,
) -> None:
    path = tmp_path / "samples.ods"
    cells = f'<table:table-cell table:number-columns-repeated="30" {CELL}'
    ods.build(path, [[""]], more=f'<table:table-row table:number-rows-repeated="1000000">{cells}')
    with pytest.raises(UnusableInputError, match="of memory: it is damaged or too large"):
        read_isolated(path, path.read_bytes(), None)


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_child_that_was_stopped_from_outside_says_nothing_about_the_file(
    number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        f"import os, signal; signal.signal(signal.{number}, signal.SIG_DFL); os.kill(os.getpid(), signal.{number})"
    )
    monkeypatch.setattr(isolate, "_COMMAND", ("-c", program))
    with pytest.raises(UnreadableNowError, match="stopped from outside; try again") as caught:
        read_isolated(tmp_path / "samples.xlsx", b"x", None)
    assert not caught.value.until_restart


def test_a_file_larger_than_any_workbook_is_refused_without_being_read(
    tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    path = tmp_path / "samples.csv"
    with path.open("wb") as file:
        file.truncate(6 << 30)
    with pytest.raises(UnusableInputError, match="has 6144 MiB, more than 256 MiB is refused"):
        read_table(path, columns)


def test_a_name_that_no_system_takes_is_refused_in_one_line(columns: tuple[Column, ...]) -> None:
    with pytest.raises(UnusableInputError, match="can't be read"):
        read_table(Path("x" * 300 + ".csv"), columns)


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("import os; os.abort()", "ended its reader"),
        ("raise MemoryError", "MiB of memory"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", "s of work"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "no memory left"),
        ("import ctypes; ctypes.string_at(0)", "ended its reader"),
    ],
)
def test_a_child_that_ends_badly_is_a_refusal(
    program: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolate, "_COMMAND", ("-c", program))
    with pytest.raises(UnusableInputError) as caught:
        read_isolated(tmp_path / "samples.xlsx", b"x", None)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_child_has_the_limits_that_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    show = (
        "import resource as r, sys; from acidwatch.workbook.isolate import _limit; _limit(*map(int, sys.argv[1:3]));"
        "sys.exit(str([r.getrlimit(kind)[0] for kind in (r.RLIMIT_AS, r.RLIMIT_CPU)]))"
    )
    monkeypatch.setattr(isolate, "_COMMAND", ("-c", show))
    with pytest.raises(UnusableInputError, match=r"\[805306432, 8\]"):
        read_isolated(tmp_path / "samples.xlsx", b"x", None)


@pytest.mark.parametrize(
    ("given", "mib"),
    [
        ("max\n", 768),
        (str(1 << 30), 768),
        (str(700 << 20), 444),
        (str(300 << 20), 256),
        (str(1 << 62), 768),
        (None, 768),
    ],
)
def test_the_child_may_never_take_so_much_that_a_container_ends_its_parent_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, mib: int
) -> None:
    limit = tmp_path / "memory.max"
    if given is not None:
        limit.write_text(given)
    monkeypatch.setattr(isolate, "_OF_CONTAINER", (tmp_path / "none", limit))
    monkeypatch.setattr(isolate, "_COMMAND", ("-c", "import sys; sys.exit(sys.argv[1])"))
    with pytest.raises(UnusableInputError, match=f"[^0-9]{mib << 20}[^0-9]"):
        read_isolated(tmp_path / "samples.xlsx", b"", None)
