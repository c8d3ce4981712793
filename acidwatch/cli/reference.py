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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="read and check them, and load nothing")] = False,
    output: Output = OutputFormat.table,
) -> None:
    """Load the sites and methods workbooks as a new reference version; a running ingestor picks it up by itself."""
    import getpass
    from datetime import UTC, datetime

    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.archive.reference import publish_reference
    from acidwatch.checking.reference import read_reference_tables
    from acidwatch.settings import HdfsSettings
    from acidwatch.settings import load as load_settings

    settings = load_settings(HdfsSettings)
    tables = read_reference_tables(sites, methods)
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
