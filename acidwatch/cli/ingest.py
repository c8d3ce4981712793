"""`acidwatch ingest`: whether the ingestors take records; the flood guard pauses them, a person resumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acidwatch.cli.changing import Author, DryRun, Message, Yes, author_or_you, confirm
from acidwatch.cli.durations import seconds_option
from acidwatch.cli.output import Output, OutputFormat, emit_json, say

if TYPE_CHECKING:
    from acidwatch.archive.flood import Flood

app = typer.Typer(no_args_is_help=True, help="Whether the ingestors take records: the flood guard.")

Unguarded = Annotated[
    float,
    seconds_option("--unguarded", "let all that is rejected through for so long, such as 30m; 0 = guard at once"),
]


@app.command("status")
def status(output: Output = OutputFormat.table) -> None:
    """Show whether records are taken; if not, since when, and what was rejected why."""
    from dataclasses import asdict

    from acidwatch.archive.flood import newest_number, read_flood
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.settings import HdfsSettings, load

    store = HdfsStore(load(HdfsSettings))
    state = read_flood(store, newest_number(store))
    if output is OutputFormat.json:
        emit_json(asdict(state))
    else:
        _print(state)


@app.command("pause")
def pause(message: Message, author: Author = None, yes: Yes = False, dry_run: DryRun = False) -> None:
    """Let no ingestor take records until somebody resumes; what is sent meanwhile waits on the topic."""
    _change("paused", message, author, yes, dry_run, 0.0)


@app.command("resume")
def resume(
    message: Message,
    author: Author = None,
    unguarded: Unguarded = "0",  # type: ignore[assignment]  # parsed by typer
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Let the ingestors take records again; the guard counts from zero.

    Correct first what made it trip, such as the reference tables: the batches that were held back are judged anew. Where the data
    really are bad, --unguarded lets them through as dead letters.
    """
    _change("resumed", message, author, yes, dry_run, unguarded)


def _change(state: str, message: str, author: str | None, yes: bool, dry_run: bool, unguarded: float) -> None:
    from datetime import UTC, datetime, timedelta

    from acidwatch.archive.flood import Flood, newest_number, publish_flood, read_flood
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.errors import UnusableInputError
    from acidwatch.settings import HdfsSettings, load

    if not message.strip():
        raise UnusableInputError("--message is empty; say why")
    store = HdfsStore(load(HdfsSettings))
    before = read_flood(store, newest_number(store))
    now = datetime.now(UTC)
    if before.state == state and not unguarded and (before.paused or before.guards(now)):
        typer.echo("ingest is paused already" if before.paused else "ingest is not paused; nothing to do")
        return
    if before.paused:
        say(f"paused since {before.at} by {before.by}: {before.reason}")
    what = "pause all ingestors" if state == "paused" else "let the ingestors take records"
    if before.state == state and not before.paused and not unguarded:
        what = "switch the guard on again"
    if unguarded:
        what += f", unguarded for {unguarded:g} s"
    if dry_run:
        typer.echo(f"would {what}")
        return
    confirm(f"{what[0].upper()}{what[1:]}?", yes)
    until = (now + timedelta(seconds=unguarded)).isoformat() if unguarded else ""
    change = Flood(
        before.number + 1, "paused" if state == "paused" else "resumed", now.isoformat(), author_or_you(author), message,
        unguarded_until=until,
    )  # fmt: skip
    if not publish_flood(store, change):
        raise UnusableInputError("the state was changed by somebody else meanwhile; look at: acidwatch ingest status")
    typer.echo(f"ingest {state}" + (f", unguarded until {until}" if until else ""))


def _print(state: Flood) -> None:
    if state.number == 0:
        typer.echo("ingest      running; never paused")
        return
    typer.echo(f"ingest      {'PAUSED' if state.paused else 'running'}")
    typer.echo(f"since       {state.at}")
    typer.echo(f"by          {state.by}")
    typer.echo(f"reason      {state.reason}")
    if state.unguarded_until:
        typer.echo(f"unguarded   until {state.unguarded_until}")
    if state.batches:
        typer.echo(f"judged by   contract {state.contract_version}, reference version {state.reference_version}")
        for label, counts in (("rules", state.rules), ("sources", state.sources)):
            typer.echo(f"{label:11} " + ", ".join(f"{name} {count}" for name, count in counts.items()))
        for number, example in enumerate(state.examples):
            typer.echo(f"{'' if number else 'examples':11} {example}")
    if state.paused:
        say("correct what is wrong, such as the reference tables, then: acidwatch ingest resume -m WHY")
