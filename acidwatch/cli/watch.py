"""`acidwatch watch`: live values and alerts in the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acidwatch.cli.durations import seconds_option
from acidwatch.cli.output import Limit, Output, OutputFormat, emit, emit_json, format_value, most, say, table_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from acidwatch.ledger.live import Picture

SITE_COLUMNS = ("program_id", "site_id", "last_sampled_at", "anc", "anc_class", "ph", "so4", "n")
ALERT_COLUMNS = ("raised_at", "kind", "program_id", "site_id", "sampled_at", "message")
QUIET_SECONDS = 60.0  # a live job looks at least once a trigger
ALERTS = 10
EVERY = 1_000_000

Look = Callable[[], "Picture"]


def watch(
    programme: Annotated[
        str | None, typer.Option("--programme", "--program", help="only this programme, such as LTM_ME")
    ] = None,
    site: Annotated[str | None, typer.Option("--site", help="only this site, such as 020058")] = None,
    every: Annotated[float, seconds_option("--every", "how often to look")] = "1s",  # type: ignore[assignment]  # parsed by typer
    once: Annotated[bool, typer.Option("--once", help="print what there is now, and end")] = False,
    limit: Limit = None,
    output: Output = OutputFormat.table,
) -> None:
    """Show each site's last values, its ANC class and the newest alerts, as `acidwatch job live` writes them. Ctrl-C ends it.

    What changed last comes first. Where stdout is no terminal, a line is printed for each site that changes and each alert.
    """
    if output is OutputFormat.json and not once:
        raise typer.BadParameter("json is one picture: give --once too", param_hint="--output")
    if every <= 0:
        raise typer.BadParameter("must be longer than 0", param_hint="--every")
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.live import picture
    from acidwatch.settings import PostgresSettings, load

    ledger = Ledger(load(PostgresSettings), most_connections=1)
    sites, alerts = most(limit, output), limit or (ALERTS if output is OutputFormat.table else most(None, output))

    def look() -> Picture:
        with ledger.transaction() as connection:
            return picture(connection, programme, site, sites, alerts)

    def look_after(alert: int | None) -> Picture:
        """For lines, which leave nothing out but alerts from before the first look."""
        newest = alerts if alert is None else EVERY
        with ledger.transaction() as connection:
            return picture(connection, programme, site, EVERY, newest, alert or 0)

    try:
        if once:
            _print_once(look(), output, filtered=bool(programme or site))
        elif sys.stdout.isatty():
            _show(look, every)
        else:
            _print_lines(look_after, every)
    except KeyboardInterrupt:
        pass
    finally:
        ledger.close()


def _print_once(picture: Picture, output: OutputFormat, *, filtered: bool) -> None:
    if output is OutputFormat.json:
        emit_json(
            {"version": picture.version, "seen_at": picture.seen_at, "sites": picture.sites, "alerts": picture.alerts}
        )
        return
    emit(picture.sites, SITE_COLUMNS, output, "Sites")
    emit(picture.alerts, ALERT_COLUMNS, output, "Newest alerts")
    say(_job(picture))
    if filtered and not picture.sites:
        say("no site matches")


def _show(look: Look, every: float) -> None:
    """A picture that is drawn again and again, in the terminal's own second screen."""
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    console = Console()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        shown: list[RenderableType] = []
        for picture, away in _pictures(look, every):
            if picture is not None:
                rows = max(console.height // 2 - 4, 1)
                shown = [
                    table_of(picture.sites[:rows], SITE_COLUMNS, "Sites, what changed last first"),
                    table_of(picture.alerts[:ALERTS], ALERT_COLUMNS, "Newest alerts"),
                ]
            state = Text(away, style="bold red") if picture is None else Text(_job(picture), style="dim")
            live.update(Group(state, *shown), refresh=True)


def _print_lines(look_after: Callable[[int | None], Picture], every: float) -> None:
    """One line for each site that changed and each new alert; no control codes."""
    seen: dict[tuple[str, str], Any] = {}
    newest: dict[str, int] = {}
    said = ""
    for picture, away in _pictures(lambda: look_after(newest.get("alert")), every):
        if away != said:
            say(away or "PostgreSQL is back")
        said = away
        if picture is None:
            continue
        for row in reversed(picture.sites):
            name = (row["program_id"], row["site_id"])
            if seen.get(name) != row["updated_at"]:
                seen[name] = row["updated_at"]
                typer.echo("site  " + "  ".join(f"{column}={_plain(row[column])}" for column in SITE_COLUMNS))
        for row in reversed(picture.alerts):
            typer.echo("alert  " + "  ".join(_plain(row[column]) for column in ALERT_COLUMNS))
        newest["alert"] = max((row["number"] for row in picture.alerts), default=newest.get("alert", 0))
        sys.stdout.flush()


def _pictures(look: Look, every: float) -> Iterator[tuple[Picture | None, str]]:
    """A picture, or why there is none, again and again."""
    from acidwatch.errors import DependencyAwayError

    while True:
        try:
            yield look(), ""
        except DependencyAwayError as error:
            yield None, f"{error}; trying again"
        time.sleep(every)


def _job(picture: Picture) -> str:
    """What the live job is doing, in a line."""
    if picture.seen_at is None:
        return "the live job never ran here; start it with: acidwatch job live"
    ago = (picture.now - picture.seen_at).total_seconds()
    said = f"dataset version {picture.version}, as of {ago:.0f} s ago"
    if ago < QUIET_SECONDS:
        return said
    return f"{said}: the live job has ended, hangs or waits for a server, see its log; only where there is none: acidwatch job live"


def _plain(value: Any) -> str:
    """A value as it stands in a line: text from workbooks without what a terminal would obey."""
    from acidwatch.contract.outcome import printable

    return printable(value) if isinstance(value, str) else format_value(value)
