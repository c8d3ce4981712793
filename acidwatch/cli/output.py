"""What every listing prints: a table for people, JSON for programs; data on stdout, all else on stderr."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acidwatch.contract.formula import no_formula
from acidwatch.contract.headers import file_name

if TYPE_CHECKING:
    from rich.table import Table


class OutputFormat(str, Enum):
    """How data is printed."""

    table = "table"
    json = "json"


class RowsFormat(str, Enum):
    """How rows of results are printed."""

    table = "table"
    json = "json"
    csv = "csv"


Output = Annotated[OutputFormat, typer.Option("--output", "-o", help="table for people, json for programs")]
RowsOutput = Annotated[
    RowsFormat, typer.Option("--output", "-o", help="table for people, json for programs, csv for spreadsheets")
]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, help="at most so many; without it a screenful, and far more as JSON")
]


def most(limit: int | None, output: OutputFormat | RowsFormat, screen: int = 20) -> int:
    """How many lines a list has at most: people read a screen, programs want all of any usual archive."""
    return limit or (screen if output.value == "table" else 1_000_000)


def say_if_cut(rows: Sequence[object], at_most: int) -> None:
    """Say that a list goes on; whoever took its rows took one more than are shown."""
    if len(rows) > at_most:
        say(f"only the first {at_most} are shown; --limit N shows more")


def emit(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], output: OutputFormat | RowsFormat, title: str = ""
) -> None:
    """Print a list: `columns` of each row as a table, or every field as JSON or CSV."""
    if output.value == "json":
        emit_json(list(rows))
        return
    if output is RowsFormat.csv:
        emit_csv(rows, list(rows[0]) if rows else columns)
        return
    from rich.console import Console

    Console(width=page_width()).print(table_of(rows, columns, title))


def table_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str = "") -> Table:
    """`columns` of each row as a table for people."""
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", header_style="bold")
    for column in columns:
        numeric = any(isinstance(row.get(column), (int, float)) for row in rows)
        header, is_id = column.replace("_", " "), column.endswith("_id")
        table.add_column(header, justify="right" if numeric else "left", overflow="fold", no_wrap=is_id)
    for row in rows:
        table.add_row(*(_cell(column, row.get(column)) for column in columns))
    return table


def _cell(column: str, value: Any) -> str:
    return format_value(file_name(value) if column == "source" and isinstance(value, str) else value)


def emit_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print `columns` of each row as CSV (RFC 4180, UTF-8), numbers unrounded.

    Text that a spreadsheet would run as a formula gets an apostrophe in front, as OWASP advises.
    """
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_csv_cell(row.get(column)) for column in columns] for row in rows)


def _csv_cell(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return " ".join("" if item is None else str(item) for item in value)
    return no_formula(value) if isinstance(value, str) else value


def page_width() -> int | None:
    """Columns of what is printed: the terminal's, and enough for most tables where there is none."""
    return None if sys.stdout.isatty() else 180


def emit_json(value: Any) -> None:
    """Print one JSON value on stdout."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
    sys.stdout.buffer.write(orjson.dumps(value, option=options, default=str))
    sys.stdout.buffer.flush()


def say(message: str) -> None:
    """Print a line for people on stderr."""
    typer.echo(message, err=True)


def format_value(value: Any) -> str:
    """One cell of a table: six significant digits, blanks for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return escape_markup(", ".join(str(item) for item in value))
    return escape_markup(str(value))


def escape_markup(text: str) -> str:
    """Text that rich prints as it is; what a terminal would obey, such as an escape sequence, is replaced."""
    from rich.markup import escape

    from acidwatch.contract.outcome import printable

    return escape(printable(text))
