"""`acidwatch versions`: the history of the dataset."""

from __future__ import annotations

from typing import Annotated

import typer

from acidwatch.cli.output import Limit, Output, OutputFormat, emit, emit_json, format_value, most

app = typer.Typer(no_args_is_help=True, help="The history of the dataset.")


@app.command("list")
def list_versions(limit: Limit = None, output: Output = OutputFormat.table) -> None:
    """List versions, newest first."""
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.queries import versions
    from acidwatch.settings import PostgresSettings, load

    with Ledger(load(PostgresSettings)).transaction() as connection:
        rows = versions(connection, most(limit, output))
    emit(rows, ["version", "kind", "created_at", "author", "message", "batch_rows", "batch_bytes", "rows"], output)


@app.command("show")
def show(
    version: Annotated[int, typer.Argument(help="number of the version", show_default=False)],
    output: Output = OutputFormat.table,
) -> None:
    """Show one version: what it added, and how much it holds."""
    from acidwatch.ledger import queries
    from acidwatch.ledger.connection import Ledger
    from acidwatch.settings import PostgresSettings, load

    with Ledger(load(PostgresSettings)).transaction() as connection:
        found = queries.version(connection, version)
    if output is OutputFormat.json:
        emit_json(found)
        return
    for name, value in found.items():
        typer.echo(f"{name.replace('_', ' '):12} {format_value(value)}")
