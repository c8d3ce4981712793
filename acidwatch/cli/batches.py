"""`acidwatch batches`: what came, and what became of it."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from acidwatch.cli.attempts import became
from acidwatch.cli.output import Limit, Output, OutputFormat, emit, emit_json, escape_markup, most, say_if_cut
from acidwatch.contract.headers import file_name

app = typer.Typer(no_args_is_help=True, help="What came, and what became of it.")


class Verdict(str, Enum):
    """What the contract says of a batch."""

    accepted = "accepted"
    rejected = "rejected"


@app.command("list")
def list_batches(
    source: Annotated[
        str | None, typer.Option("--source", help="only those of this workbook: its name, or how its SHA-256 begins")
    ] = None,
    verdict: Annotated[Verdict | None, typer.Option("--verdict", help="only those with this verdict")] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", help="only those that this file on HDFS holds, such as clean/2026-11-24/....parquet"),
    ] = None,
    members: Annotated[bool, typer.Option("--members", help="only those that the newest version has")] = False,
    limit: Limit = None,
    output: Output = OutputFormat.table,
) -> None:
    """List batches, newest first."""
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.queries import batches
    from acidwatch.settings import PostgresSettings, load

    at_most = most(limit, output)
    with Ledger(load(PostgresSettings)).transaction() as connection:
        chosen = verdict.value if verdict else None
        rows = batches(connection, source=source, verdict=chosen, file=file, members=members, limit=at_most + 1)
    if output is OutputFormat.table:
        for row in rows:
            row["findings"] = ", ".join(dict.fromkeys(finding["rule"] for finding in row["findings"]))
    columns = [
        "batch_id",
        "source",
        "batch_index",
        "attempt",
        "verdict",
        "rows",
        "version",
        "partition",
        "offset",
        "findings",
    ]
    emit(rows[:at_most], columns, output)
    say_if_cut(rows, at_most)


@app.command("show")
def show(
    batch_id: Annotated[str, typer.Argument(help="id of the batch, or how it begins", show_default=False)],
    output: Output = OutputFormat.table,
) -> None:
    """Show the life of a batch: attempts and findings, files, deliveries, versions, dead letter."""
    from rich.console import Console

    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.queries import batch
    from acidwatch.settings import PostgresSettings, load

    with Ledger(load(PostgresSettings)).transaction() as connection:
        found = batch(connection, batch_id)
    if output is OutputFormat.json:
        emit_json(found)
        return
    console = Console(soft_wrap=True, highlight=False)
    source = escape_markup(file_name(found["source"]))
    console.print(f"[bold]{found['batch_id']}[/bold]  batch {found['batch_index']} of {source}")
    console.print(f"{escape_markup(found['subject'])}")
    for attempt in found["attempts"]:
        console.print(
            f"\nattempt {attempt['attempt']}: [bold]{attempt['verdict']}[/bold], {attempt['rows']} rows, {attempt['hard']} hard and"
            f" {attempt['soft']} soft findings, {became(attempt, found['attempts'])}"
        )
        console.print(
            f"  from {attempt['topic']}/{attempt['partition']}@{attempt['offset']}, recorded {attempt['recorded_at']:%Y-%m-%d %H:%M:%S}"
        )
        for file in attempt["files"]:
            console.print(f"  {file['zone']:10} {file['path']}  {file['bytes']} bytes")
        for finding in attempt["findings"]:
            place = f"{finding['sheet']}!{finding['cell']}" if finding["cell"] else finding["sheet"] or "record"
            console.print(
                f"  {finding['severity']:4} {finding['rule']:24} {escape_markup(place)}: {escape_markup(finding['message'])}"
            )
    if found["memberships"]:
        console.print()
    for member in found["memberships"]:
        until = f"until version {member['to_version']}, which has it no more" if member["to_version"] else "until now"
        console.print(f"in the dataset from version {member['from_version']} {until} (attempt {member['attempt']})")
    repeats = [delivery for delivery in found["deliveries"] if delivery["kind"] == "duplicate"]
    if repeats:
        places = ", ".join(f"{d['topic']}/{d['partition']}@{d['offset']}" for d in repeats[:10])
        console.print(f"\ncame again {len(repeats)} times, counted as duplicates: {places}")
    letter = found["dead_letter"]
    if letter:
        console.print(
            f"\ndead letter [bold]{letter['state']}[/bold] after {letter['failures']} failures: {escape_markup(letter['message'])}"
        )
