"""`acidwatch ledger`: the database that says what the dataset is."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="The database that says what the dataset is.")


@app.callback()
def _group() -> None:
    pass


@app.command()
def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be done, and change nothing")] = False,
) -> None:
    """Make the tables, or bring them to this version's form; safe to repeat."""
    from acidwatch.ledger.migrate import migrate as run
    from acidwatch.settings import PostgresSettings, load

    before, newest = run(load(PostgresSettings), dry_run=dry_run)
    if before == newest:
        typer.echo(f"the ledger is up to date: {newest}")
    else:
        typer.echo(f"{'would migrate' if dry_run else 'migrated'} the ledger from {before or 'nothing'} to {newest}")
