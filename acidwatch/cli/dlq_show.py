"""`acidwatch dlq show`: everything about one dead letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from acidwatch.cli.attempts import became
from acidwatch.cli.output import Output, OutputFormat, emit_json, escape_markup, format_value, page_width
from acidwatch.contract.headers import file_name

if TYPE_CHECKING:
    from rich.console import Console

_MOST_ROWS, _MOST_FINDINGS, _LONGEST_CELL = 50, 50, 60


def show(
    batch_id: Annotated[
        str, typer.Argument(metavar="ID", help="id of the batch, or how it begins", show_default=False)
    ],
    all_rows: Annotated[bool, typer.Option("--all-rows", help="every row, not only those with findings")] = False,
    output: Output = OutputFormat.table,
) -> None:
    """Show a dead letter: findings, where it came from, all its attempts, and its rows with the bad cells marked."""
    from rich.console import Console

    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.ledger.connection import Ledger
    from acidwatch.recovery.life import letter_life
    from acidwatch.settings import ArchiveSettings, load

    settings = load(ArchiveSettings)
    letter = letter_life(Ledger(settings), HdfsStore(settings), batch_id, all_rows=all_rows)
    if output is OutputFormat.json:
        emit_json(letter)
        return
    console = Console(width=page_width(), soft_wrap=True, highlight=False)
    _print_head(console, letter)
    _print_attempts(console, letter)
    _print_rows(console, letter, all_rows=all_rows)
    if letter["state"] != "resolved":
        console.print(f"\nto repair it: acidwatch dlq export {letter['batch_id']} --to fix.xlsx")
        console.print(f"to send it again: acidwatch dlq replay {letter['batch_id']}")


def _print_head(console: Console, letter: dict[str, Any]) -> None:
    place = letter["provenance"]
    console.print(
        f"[bold]{escape_markup(letter['batch_id'])}[/bold]  [bold]{letter['state']}[/bold], failures: {letter['failures']},"
        f" from {format_value(letter['first_failed_at'])} to {format_value(letter['last_failed_at'])}"
    )
    where = f", {escape_markup(place['subject'])}" if place["subject"] else ""
    console.print(f"batch {letter['batch_index']} of {escape_markup(file_name(place['source']))}{where}")
    console.print(f"from {place['origin']}, {place['value_bytes']} bytes, in {place['archive_path']}\n")
    shown = sorted(letter["findings"], key=lambda finding: finding.severity)[:_MOST_FINDINGS]
    for finding in shown:
        where = f"{finding.sheet}!{finding.cell}" if finding.cell else finding.sheet or "record"
        console.print(
            f"  {finding.severity:4} {escape_markup(finding.rule):24} {escape_markup(where)}: {escape_markup(finding.message)}"
        )
    if len(letter["findings"]) > len(shown):
        console.print(f"  ... and {len(letter['findings']) - len(shown)} more; all of them with --output json")


def _print_attempts(console: Console, letter: dict[str, Any]) -> None:
    console.print()
    for attempt in letter["attempts"]:
        plan = attempt["plan"]
        what = attempt["verdict"] or ("sent, not judged yet" if plan["sent_at"] else "numbered, not confirmed as sent")
        counts = f", {attempt['hard']} hard and {attempt['soft']} soft findings" if attempt["verdict"] else ""
        version = f", {became(attempt, letter['attempts'])}" if attempt["verdict"] == "accepted" else ""
        console.print(f"attempt {attempt['attempt']}: [bold]{what}[/bold]{counts}{version}")
        if plan:
            why = f": {escape_markup(plan['message'])}" if plan["message"] else ""
            console.print(
                f"  {plan['kind']} by {escape_markup(plan['author'])}, {format_value(plan['planned_at'])}{why}"
            )
        for delivery in attempt["deliveries"]:
            place = f"{delivery['topic']}/{delivery['partition']}@{delivery['offset']}"
            console.print(f"  {delivery['kind']:9} {place}, recorded {format_value(delivery['recorded_at'])}")
    for entry in letter["journal"]:
        if entry["action"] in ("park", "unpark", "copy"):
            console.print(
                f"{entry['action']} by {escape_markup(entry['author'])}, {format_value(entry['at'])}: {escape_markup(entry['message'])}"
            )


def _print_rows(console: Console, letter: dict[str, Any], *, all_rows: bool) -> None:
    """The rows as a table: what names the sample, and the columns that have findings."""
    from rich.table import Table

    from acidwatch.recovery.life import SHOWN_KEY

    payload = letter["payload"]
    if payload is None:
        console.print("\nthe value can't be decoded; its bytes: acidwatch dlq export ID --raw --to FILE")
        return
    rows = payload["shown"] if all_rows else payload["shown"][:_MOST_ROWS]
    bad = {finding["column"] for row in payload["shown"] for finding in row["findings"]}
    columns = [name for name in payload["columns"] if name in SHOWN_KEY or name in bad]
    table = Table(header_style="bold", title_justify="left", title=f"{len(rows)} of {payload['rows']} rows")
    table.add_column("row", justify="right")
    for name in columns:
        letters = payload["columns"][name]
        table.add_column(escape_markup(f"{letters} {name[:_LONGEST_CELL]}".strip()), overflow="fold")
    table.add_column("rules of the row", overflow="fold")
    for row in rows:
        severities = {finding["column"]: finding["severity"] for finding in reversed(row["findings"])}
        about_row = [finding["rule"] for finding in row["findings"] if not finding["column"]]
        cells = [_cell(row["cells"][name], severities.get(name)) for name in columns]
        table.add_row(str(row["row"]), *cells, format_value(about_row))
    console.print()
    console.print(table)
    if len(rows) < len(payload["shown"]):
        console.print(
            f"... and {len(payload['shown']) - len(rows)} more rows with findings; --all-rows shows every row"
        )


def _cell(value: object, severity: str | None) -> str:
    """A cell; one with a finding stands between marks, so that it is seen without colours too."""
    from acidwatch.contract.cells import text_of

    text = "" if value is None else text_of(value)
    shown = escape_markup(text[:_LONGEST_CELL] + ("..." if len(text) > _LONGEST_CELL else ""))
    if severity is None:
        return shown
    return f"[{'bold red' if severity == 'hard' else 'yellow'}]»{shown}«[/]"
