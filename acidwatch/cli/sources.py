"""`acidwatch sources`: which workbooks came."""

from __future__ import annotations

import typer

from acidwatch.cli.output import Limit, Output, OutputFormat, emit, most, say_if_cut

app = typer.Typer(no_args_is_help=True, help="The workbooks that came.")


@app.callback()
def _group() -> None:
    pass


@app.command("list")
def list_sources(limit: Limit = None, output: Output = OutputFormat.table) -> None:
    """List workbooks, newest first, with what became of their batches."""
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.queries import sources
    from acidwatch.settings import PostgresSettings, load

    at_most = most(limit, output)
    with Ledger(load(PostgresSettings)).transaction() as connection:
        rows = sources(connection, at_most + 1)
    if output is OutputFormat.table:
        for row in rows:
            row["source_id"] = row["source_id"][:12]  # enough to name it in other commands
    columns = ["source", "source_id", "first_sent_at", "batch_count", "recorded", "accepted", "rejected"]
    emit(rows[:at_most], columns, output)
    say_if_cut(rows, at_most)
