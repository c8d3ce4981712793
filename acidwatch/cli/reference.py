"""`acidwatch reference load`: put the methods and sites workbooks on HDFS as a new reference version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acidwatch.cli.output import Output, OutputFormat, emit_json

if TYPE_CHECKING:
    import pyarrow as pa

    from acidwatch.contract.columns import Column

app = typer.Typer(no_args_is_help=True, help="The methods and sites that samples refer to.")


@app.callback()
def _group() -> None:
    pass


@app.command()
def load(
    sites: Annotated[Path, typer.Option("--sites", help="workbook of sites", show_default=False)],
    methods: Annotated[Path, typer.Option("--methods", help="workbook of methods", show_default=False)],
    author: Annotated[str | None, typer.Option("--author", help="who loads it; you, when not given")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="read and check them, and load nothing")] = False,
    output: Output = OutputFormat.table,
) -> None:
    """Load the sites and methods workbooks as a new reference version; a running ingestor picks it up by itself."""
    import getpass
    from datetime import UTC, datetime

    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.archive.reference import publish_reference
    from acidwatch.contract.columns import METHODS, SITES
    from acidwatch.settings import HdfsSettings
    from acidwatch.settings import load as load_settings

    settings = load_settings(HdfsSettings)
    tables = {"sites": _typed(sites, SITES, ("SITE_ID", "PROGRAM_ID")), "methods": _typed(methods, METHODS, ())}
    counts = f"{tables['sites'].num_rows} sites, {tables['methods'].num_rows} methods"
    if dry_run:
        typer.echo(f"would load {counts}")
        return
    workbooks = {"sites.xlsx": sites.read_bytes(), "methods.xlsx": methods.read_bytes()}
    pointer, new = publish_reference(
        HdfsStore(settings), tables, workbooks, author or getpass.getuser(), datetime.now(UTC)
    )
    if output is OutputFormat.json:
        emit_json({**pointer, "new": new})
    else:
        typer.echo(
            f"reference version {pointer['version']}: {counts}"
            + ("" if new else " (the same as before; no new version)")
        )


def _typed(path: Path, columns: tuple[Column, ...], unique: tuple[str, ...]) -> pa.Table:
    """Read and type a reference workbook; every fault in it at once, one line each."""
    import pyarrow as pa

    from acidwatch.contract.typed import Misfit, type_cells
    from acidwatch.errors import UnusableInputError
    from acidwatch.workbook.reader import read_table

    table = read_table(path, columns)
    faults: list[str] = []
    arrays = {}
    for column in columns:
        misfits: list[Misfit] = []
        cells = list(table.columns[column.name])
        arrays[column.name] = array = type_cells(column, cells, misfits)
        place = f"{path.name}: {table.sheet}!{table.letters[column.name]}"
        faults += [
            f"{place}{table.row_numbers[m.row]}: {column.name} is {str(m.value)[:60]!r}; it must be {column.kind}"
            for m in misfits
        ]
        if column.required:
            empty = [row for row, cell in enumerate(cells) if cell is None]
            faults += [f"{place}{table.row_numbers[row]}: {column.name} is empty" for row in empty]
        del array
    if unique:
        seen: dict[tuple[object, ...], int] = {}
        for row, key in enumerate(zip(*(table.columns[name] for name in unique), strict=True)):
            if key in seen:
                faults.append(
                    f"{path.name}: rows {seen[key]} and {table.row_numbers[row]} have the same {', '.join(unique)}: {key}"
                )
            seen.setdefault(key, table.row_numbers[row])
    if faults:
        more = [f"... and {len(faults) - 20} more"] if len(faults) > 20 else []
        raise UnusableInputError("\n".join(faults[:20] + more))
    return pa.table(arrays)
