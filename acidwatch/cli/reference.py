"""`acidwatch reference load`: put the methods and sites workbooks on HDFS as a new reference version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acidwatch.cli.output import Output, OutputFormat, emit_json

app = typer.Typer(no_args_is_help=True, help="The methods and sites that samples refer to.")


@app.callback()
def _group() -> None:
    pass


@app.command()
def load(
    sites: Annotated[Path, typer.Option("--sites", help="workbook of sites", show_default=False)],
    methods: Annotated[Path, typer.Option("--methods", help="workbook of methods", show_default=False)],
    author: Annotated[str | None, typer.Option("--author", help="who loads it; you, when not given")] = None,
    if_none: Annotated[
        bool, typer.Option("--if-none", help="only when none were loaded yet; newer ones are left alone")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="read and check them, and load nothing")] = False,
    output: Output = OutputFormat.table,
) -> None:
    """Load the sites and methods workbooks as a new reference version; a running ingestor picks it up by itself."""
    import getpass
    from datetime import UTC, datetime

    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.archive.reference import newest_version, publish_reference, read_pointer
    from acidwatch.checking.reference import read_reference_tables
    from acidwatch.settings import HdfsSettings
    from acidwatch.settings import load as load_settings

    store = HdfsStore(load_settings(HdfsSettings))
    if if_none and (there := newest_version(store)):
        if output is OutputFormat.json:
            emit_json({**read_pointer(store, there), "new": False})
        else:
            typer.echo(f"reference version {there} is there: nothing loaded")
        return
    tables = read_reference_tables(sites, methods)
    counts = f"{tables['sites'].num_rows} sites, {tables['methods'].num_rows} methods"
    if dry_run:
        typer.echo(f"would load {counts}")
        return
    workbooks = {"sites.xlsx": sites.read_bytes(), "methods.xlsx": methods.read_bytes()}
    pointer, new = publish_reference(store, tables, workbooks, author or getpass.getuser(), datetime.now(UTC))
    if output is OutputFormat.json:
        emit_json({**pointer, "new": new})
    else:
        typer.echo(
            f"reference version {pointer['version']}: {counts}"
            + ("" if new else " (the same as before; no new version)")
        )
