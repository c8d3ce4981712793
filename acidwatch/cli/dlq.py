"""`acidwatch dlq`: dead letters. What was rejected, why, and the way back."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from acidwatch.cli import dlq_replay, dlq_show, dlq_workbook
from acidwatch.cli.changing import Author, DryRun, Yes, author_or_you, confirm
from acidwatch.cli.letter_options import All, AtMost, Filters, Ids, require_choice, with_filters
from acidwatch.cli.output import Limit, Output, OutputFormat, emit, emit_json, most, say, say_if_cut

app = typer.Typer(no_args_is_help=True, help="Dead letters: batches that were rejected, why, and the way back.")

COLUMNS = ["batch_id", "state", "failures", "reason", "column", "source", "rows", "last_failed_at", "message"]
CAUSE_COLUMNS = [
    "reason",
    "column",
    "source",
    "letters",
    "rows",
    "first_failed_at",
    "last_failed_at",
    "states",
    "example",
]
Why = Annotated[str, typer.Option("--message", "-m", help="why, for whoever reads the history", show_default=False)]


class By(str, Enum):
    """How a list is put together."""

    letter = "letter"
    rule = "rule"


@app.command("list")
@with_filters
def list_letters(
    filters: Filters,
    by: Annotated[
        By, typer.Option("--by", help="rule: what has one cause together (rule, column, source)")
    ] = By.letter,
    limit: Limit = None,
    output: Output = OutputFormat.table,
) -> None:
    """List dead letters that are not resolved, the newest failure first; how many for each reason goes to stderr."""
    from acidwatch.ledger import letter_queries
    from acidwatch.ledger.connection import Ledger
    from acidwatch.settings import PostgresSettings, load

    wanted, at_most = filters.letters(letter_queries.OPEN_STATES), most(limit, output)
    with Ledger(load(PostgresSettings)).transaction() as connection:
        counts = letter_queries.reasons(connection, wanted)
        listing = letter_queries.causes if by is By.rule else letter_queries.letters
        rows = listing(connection, wanted, at_most + 1)
    listed = ", ".join(f"{count} {name}" for name, count in counts.items())
    say(f"{sum(counts.values())} dead letters" + (f": {listed}" if listed else ""))
    if by is By.rule and output is OutputFormat.table:
        for row in rows:
            row["states"] = [f"{count} {name}" for name, count in row["states"].items() if count]
    emit(rows[:at_most], CAUSE_COLUMNS if by is By.rule else COLUMNS, output)
    say_if_cut(rows, at_most)


app.command("show")(dlq_show.show)
app.command("replay")(dlq_replay.replay)


@app.command()
@with_filters
def park(
    message: Why,
    filters: Filters,
    ids: Ids = None,
    everything: All = False,
    limit: AtMost = None,
    author: Author = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: Output = OutputFormat.table,
) -> None:
    """Set letters aside: nothing replays them until somebody names them, says --state parked, or unparks them."""
    require_choice(ids, filters, everything=everything)
    _move("park", ("published", "replayed"), ids, filters, limit, message, author_or_you(author), dry_run, yes, output)


@app.command()
@with_filters
def unpark(
    message: Why,
    filters: Filters,
    ids: Ids = None,
    everything: All = False,
    limit: AtMost = None,
    author: Author = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: Output = OutputFormat.table,
) -> None:
    """Take parked letters up again: they count as published, and the next failure parks them again."""
    require_choice(ids, filters, everything=everything)
    _move("unpark", ("parked",), ids, filters, limit, message, author_or_you(author), dry_run, yes, output)


def _move(
    action: str,
    states: tuple[str, ...],
    ids: list[str] | None,
    filters: Filters,
    limit: int | None,
    message: str,
    author: str,
    dry_run: bool,
    yes: bool,
    output: OutputFormat,
) -> None:
    from dataclasses import replace

    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.cli.journal import flush
    from acidwatch.ledger import letter_queries, letters
    from acidwatch.ledger.connection import Ledger
    from acidwatch.settings import ArchiveSettings, load

    settings = load(ArchiveSettings)
    ledger = Ledger(settings)
    with ledger.transaction() as connection:
        if ids:
            chosen = letter_queries.letters_of(connection, ids)[:limit]
        else:
            wanted = replace(filters.letters(states), published=action == "unpark")
            chosen = letter_queries.letters(connection, wanted, limit, oldest=True)
    batch_ids = [row["batch_id"] for row in chosen]
    if chosen and not dry_run:
        confirm(f"{action} {len(chosen)} dead letters", yes)
        with ledger.transaction() as connection:
            (letters.park if action == "park" else letters.unpark)(connection, batch_ids, message, author)
        flush(ledger, HdfsStore(settings))
    if output is OutputFormat.json:
        emit_json({"action": action, "batches": batch_ids, "dry_run": dry_run})
    else:
        typer.echo(f"{'would ' + action if dry_run else action + 'ed'} {len(chosen)} dead letters")


app.command("export")(dlq_workbook.export)
app.command("resubmit")(dlq_workbook.resubmit)
