"""`acidwatch validate`: what would become of a workbook, without a server."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acidwatch.cli.output import emit_json, escape_markup, say
from acidwatch.cli.samples import BatchSize, Locale, Samples, SheetName

if TYPE_CHECKING:
    from acidwatch.checking.report import Report
    from services.producer.plan import Plan


class CheckFormat(str, Enum):
    """How the findings are given."""

    table = "table"
    json = "json"
    html = "html"
    xlsx = "xlsx"


def validate(
    workbook: Samples,
    sites: Annotated[Path, typer.Option("--sites", help="workbook of sites", show_default=False)],
    methods: Annotated[Path, typer.Option("--methods", help="workbook of methods", show_default=False)],
    sheet: SheetName = None,
    locale: Locale = None,
    batch_size: BatchSize = 100,
    output: Annotated[
        CheckFormat,
        typer.Option(
            "--output",
            "-o",
            help="table for people, json for programs, html = a page to mail, xlsx = a copy with cells coloured",
        ),
    ] = CheckFormat.table,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            help="the file to write with html or xlsx; without it a name made of the workbook's, in this folder",
            show_default=False,
        ),
    ] = None,
    details: Annotated[
        bool, typer.Option("--details", help="every finding on a line of its own, below the causes")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="write over a file that is there")] = False,
) -> None:
    """Check a workbook by the rules of the pipeline, without a server: which cell is wrong, and why.

    Nothing is sent and nothing is changed. Exit code 0: every batch would be accepted; 1: some would be rejected;
    2: the workbook can't be read.
    """
    from datetime import UTC, datetime

    from acidwatch.checking.reference import read_reference_tables, reference_of_sites
    from acidwatch.checking.report import unreadable
    from acidwatch.cli.checking import check_batches, report_on
    from acidwatch.contract.outcome import printable
    from acidwatch.errors import UnusableInputError
    from services.producer.plan import plan

    writes = output in (CheckFormat.html, CheckFormat.xlsx)
    if to is not None and not writes:
        raise UnusableInputError(
            "--to is the name of a page or a workbook: give --output html or --output xlsx with it"
        )
    target = (to or Path(f"{workbook.stem}-checked.{output.value}")) if writes else None
    if target is not None:
        if output is CheckFormat.xlsx:
            from acidwatch.workbook.fix import refuse_other_ending

            refuse_other_ending(target)
        _refuse_overwriting(target, workbook, force=force)
    try:
        reference = reference_of_sites(read_reference_tables(sites, methods)["sites"])
        batches = plan(workbook, sheet, batch_size, locale)
    except UnusableInputError as error:
        if output is CheckFormat.json:
            emit_json(unreadable(workbook.name, str(error)))
        raise
    now = datetime.now(UTC)
    report = report_on(batches, check_batches(batches, reference, now), reference, now)
    for note in report.notes:
        say(f"note: {printable(note)}")
    if output is CheckFormat.json:
        emit_json(report.as_json())
    elif target is None:
        _print(report, details=details)
    else:
        _write(report, batches, target, output)
        typer.echo(f"{target}: {report.summary}")
    if report.checked.rejected:
        raise typer.Exit(1)


def _refuse_overwriting(target: Path, workbook: Path, *, force: bool) -> None:
    from acidwatch.errors import UnusableInputError

    try:
        there = target.exists()
        same = there and workbook.exists() and target.samefile(workbook)
    except OSError as error:
        raise UnusableInputError(
            f"{target}: can't be written ({error.strerror}); name another file with --to"
        ) from error
    if same:
        raise UnusableInputError(
            f"{target}: is the workbook itself, which is never changed; name another file with --to"
        )
    if there and not force:
        raise UnusableInputError(f"{target}: is there already; name another file with --to, or give --force")


def _print(report: Report, *, details: bool) -> None:
    from acidwatch.cli.findings import findings_console, print_causes, print_findings

    console = findings_console()
    verdict = f"[bold red]{report.checked.verdict}[/]" if report.checked.rejected else "[bold green]accepted[/]"
    console.print(f"{escape_markup(report.place)}: {verdict}", soft_wrap=True)
    console.print(escape_markup(report.summary), soft_wrap=True)
    if report.causes:
        print_causes(console, report.causes)
    if details:
        print_findings(console, report.checked.findings)
    elif report.causes:
        console.print(
            "every finding: --details; a coloured copy of the workbook: --output xlsx; a page to mail: --output html",
            soft_wrap=True,
        )


def _write(report: Report, batches: Plan, target: Path, output: CheckFormat) -> None:
    from datetime import UTC, datetime

    from acidwatch.errors import UnusableInputError

    if output is CheckFormat.xlsx:
        from acidwatch.checking.workbook import write_checked

        write_checked(target, batches.table, report)
        return
    from acidwatch.checking.html import page

    try:
        target.write_text(page(report, datetime.now(UTC)), encoding="utf-8")
    except OSError as error:
        raise UnusableInputError(f"{target}: can't be written ({error.strerror or error})") from error
