"""Prints what was found in a workbook: grouped by cause, and one by one on request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from acidwatch.cli.output import escape_markup, page_width

if TYPE_CHECKING:
    from rich.console import Console

    from acidwatch.checking.causes import Cause
    from acidwatch.contract.outcome import Finding

_MOST_CELLS = 8


def print_causes(console: Console, causes: Sequence[Cause]) -> None:
    """A table with one line a cause."""
    from rich.table import Table

    from acidwatch.checking.report import cells_in_short

    table = Table(header_style="bold")
    for name in ("", "count", "what", "where", "question"):
        table.add_column(name, justify="right" if name == "count" else "left", overflow="fold")
    for cause in causes:
        style = "red" if cause.severity == "hard" else "yellow"
        table.add_row(
            f"[{style}]{cause.severity}[/]",
            str(len(cause.findings)),
            escape_markup(cause.what),
            escape_markup(cells_in_short(cause, _MOST_CELLS)),
            escape_markup(cause.guess),
        )
    console.print(table)


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """One line a finding."""
    for finding in findings:
        place = f"{finding.sheet}!{finding.cell}" if finding.cell else finding.sheet
        console.print(
            f"{finding.severity} {finding.rule:24} {escape_markup(place)}: {escape_markup(finding.message)}",
            soft_wrap=True,
        )


def findings_console(*, stderr: bool = False) -> Console:
    """Where findings are printed."""
    from rich.console import Console

    return Console(stderr=stderr, width=page_width(), highlight=False)
