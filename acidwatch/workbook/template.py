"""A blank workbook for a laboratory: the contract's columns with number formats, drop-downs and hints, and a sheet of notes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from acidwatch.contract.columns import CONTRACT_VERSION, NATURAL_KEY, SAMPLES, Column
from acidwatch.contract.headers import column_letters
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.comments import AUTHOR
from acidwatch.workbook.fix import cell_at, put_text

_SHEET, _NOTES = "Samples", "Notes"
_LAST_ROW = 1_048_576
_FORMATS = {"text": "@", "datetime": "yyyy-mm-dd", "number": "General", "integer": "0"}
_LONGEST_PROMPT = 255
_NEEDED = PatternFill("solid", fgColor="FFCFE2F3")
_ADVICE = (
    "One row is one sample. Keep the column names in row 1 of the sheet 'Samples' as they are; write from row 2 on.",
    "Columns with a blue header must be filled in every row.",
    "A parameter that was not measured stays empty; a value below the detection limit is written as <0.5.",
    "SITE_ID is text and keeps its leading zeros; (PROGRAM_ID, SITE_ID) must be in the sites table.",
    "DATE_SMP is a date, or a date with its time of day.",
    f"A sample is told by ({', '.join(NATURAL_KEY)}); the same one twice in a batch of 100 rows is refused.",
    "Check the workbook before you send it: acidwatch validate WORKBOOK --sites SITES --methods METHODS",
)


def write_template(path: Path) -> None:
    """Write the workbook.

    Raises:
        UnusableInputError: It can't be written there.
    """
    book = Workbook()
    _write_samples(book.worksheets[0])
    _write_notes(book.create_sheet(_NOTES))
    try:
        book.save(path)
    except OSError as error:
        raise UnusableInputError(f"{path}: can't be written ({error.strerror or error})") from error


def _write_samples(page: Worksheet) -> None:
    page.title = _SHEET
    for number, column in enumerate(SAMPLES, start=1):
        letters = column_letters(number)
        header = cell_at(page, 1, number)
        put_text(header, column.name)
        header.font = Font(name="Calibri", size=11, bold=True)
        header.comment = Comment(_hint(column), AUTHOR, height=90, width=260)
        if column.required:
            header.fill = _NEEDED
        # The format is of the whole column, so that a SITE_ID typed later keeps its zeros.
        page.column_dimensions[letters].number_format = _FORMATS[column.kind]
        page.column_dimensions[letters].width = max(len(column.name) + 4, 11)
        validation = _validation(column)
        if validation is not None:
            validation.add(f"{letters}2:{letters}{_LAST_ROW}")
            page.add_data_validation(validation)
    page.freeze_panes = "A2"


def _validation(column: Column) -> DataValidation | None:
    """What a spreadsheet program checks while one types: words are enforced, ranges and dates are."""
    if column.domain:
        validation = DataValidation(type="list", formula1=f'"{",".join(column.domain)}"')
    elif column.kind == "datetime":
        validation = DataValidation(type="date", operator="greaterThanOrEqual", formula1="DATE(1979,1,1)")
    elif column.low is not None and column.high is not None:
        validation = DataValidation(
            type="decimal", operator="between", formula1=f"{column.low:g}", formula2=f"{column.high:g}",
            errorStyle="warning",  # a value below a limit is a text, <0.5
        )  # fmt: skip
    else:
        return None
    validation.allow_blank = not column.required
    validation.promptTitle, validation.prompt = column.name, _hint(column)[:_LONGEST_PROMPT]
    limit = ", or a limit such as <0.5" if column.parameter else ""
    validation.errorTitle, validation.error = column.name, f"must be {_allowed(column)}{limit}"
    validation.showInputMessage = validation.showErrorMessage = True
    return validation


def _hint(column: Column) -> str:
    needed = "needed in every row" if column.required else "may be empty"
    return f"{column.meaning}; {_allowed(column)}; {needed}"


def _allowed(column: Column) -> str:
    if column.domain:
        return f"one of {', '.join(column.domain)}"
    if column.kind == "datetime":
        return "a date from 1979-01-01 to today"
    if column.low is not None and column.high is not None:
        return f"{column.low:g} to {column.high:g} {column.unit}"
    return column.kind


def _write_notes(page: Worksheet) -> None:
    row = 0
    for row, line in enumerate(_ADVICE, start=1):
        put_text(cell_at(page, row, 1), line)
    row = _write_line(page, row + 2, ("column", "type", "unit", "allowed", "needed", "meaning"), bold=True)
    for column in SAMPLES:
        needed = "yes" if column.required else ""
        row = _write_line(page, row, (column.name, column.kind, column.unit, _allowed(column), needed, column.meaning))
    put_text(cell_at(page, row + 1, 1), f"Made from the data contract, version {CONTRACT_VERSION}.")
    for letters, width in zip("ABCDEF", (20, 10, 8, 34, 8, 70), strict=True):
        page.column_dimensions[letters].width = width


def _write_line(page: Worksheet, row: int, texts: Sequence[str], *, bold: bool = False) -> int:
    for number, text in enumerate(texts, start=1):
        cell = cell_at(page, row, number)
        put_text(cell, text)
        cell.font = Font(name="Calibri", size=11, bold=bold)
        cell.alignment = Alignment(vertical="top")
    return row + 1
