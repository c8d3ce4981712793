"""`acidwatch metrics quality`: rules broken, completeness and flags, distributions, unit breaks, changes of method."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acidwatch.cli.metrics import Parameter, Programme, Site, Version, rows_at_most, show_rows, show_table
from acidwatch.cli.output import Limit, RowsFormat, RowsOutput
from acidwatch.cli.which import AsOf, version_number

if TYPE_CHECKING:
    from jobs.spark.postgres import Connection
    from jobs.spark.publish import Run


class Quality(str, Enum):
    """What is listed."""

    rules = "rules"
    completeness = "completeness"
    distributions = "distributions"
    unit_breaks = "unit-breaks"
    method_changes = "method-changes"


TABLES = {
    Quality.completeness: ("completeness", ("program_id", "site_id", "parameter", "year", "samples", "n", "censored", "good", "suspect",
                                            "fail", "missing", "tests_evaluated", "tests_defined", "outliers")),
    Quality.distributions: ("distribution", ("program_id", "quantity", "site_id", "year", "n", "mean", "p05", "q1", "median", "q3", "p95")),
    Quality.unit_breaks: ("unit_break", ("program_id", "parameter", "first_date", "factor", "sites", "same_sites", "sharpness")),
    Quality.method_changes: ("method_change", ("program_id", "parameter", "change_year", "site_id", "method_before", "method_after",
                                               "n_before", "median_before", "n_after", "median_after", "step", "paired_sites",
                                               "paired_step")),
}  # fmt: skip
FILTERS = {
    "completeness": ("program_id", "site_id", "parameter", "year"),
    "distribution": ("program_id", "site_id", "year"),
    "unit_break": ("program_id", "parameter"),
    "method_change": ("program_id", "site_id", "parameter"),
}
GROUPS = {"programme": "program_id", "site": "site_id", "parameter": "parameter", "year": "year"}
OPTIONS = {column: f"--{name}" for name, column in GROUPS.items()}


def quality(
    list_: Annotated[
        Quality,
        typer.Option(
            "--list",
            help="rules broken, flags and completeness, ion balance, unit breaks, steps at method changes",
        ),
    ] = Quality.rules,
    by: Annotated[
        str | None,
        typer.Option("--by", help="count rules by programme, site, parameter, year: one or several, with commas"),
    ] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="only this rule, such as balance.ions")] = None,
    severity: Annotated[str | None, typer.Option("--severity", help="only hard or soft rules")] = None,
    programme: Programme = None,
    site: Site = None,
    parameter: Parameter = None,
    year: Annotated[int | None, typer.Option("--year", help="only this year")] = None,
    version: Version = None,
    as_of: AsOf = None,
    limit: Limit = None,
    output: RowsOutput = RowsFormat.table,
) -> None:
    """What is wrong or missing in the data: how often each rule is broken, of how many that could be tested."""
    places = {
        "program_id": programme,
        "site_id": site,
        "parameter": parameter,
        "year": None if year is None else str(year),
    }
    if list_ is not Quality.rules:
        table, columns = TABLES[list_]
        wrong = [OPTIONS[name] for name, value in places.items() if value is not None and name not in FILTERS[table]]
        wrong += [
            option for option, value in (("--by", by), ("--rule", rule), ("--severity", severity)) if value is not None
        ]
        if wrong:
            raise typer.BadParameter(f"{wrong[0]} is not for --list {list_.value}")
        show_table(table, columns, places, version_number(version, as_of), limit, output)
        return
    groups = _groups(by)
    filters = {**places, "rule": rule, "severity": severity}

    def rows(connection: Connection, run: Run) -> list[dict[str, Any]]:
        from jobs.spark.quality_results import rules_counted

        return rules_counted(connection, run, groups, filters, rows_at_most(limit, output) + 1)

    shown = [name for name in GROUPS.values() if name in groups or filters[name] is not None]
    show_rows(
        "rule",
        ("rule", "severity", *shown, "n", "checked"),
        rows,
        any(filters.values()),
        version_number(version, as_of),
        limit,
        output,
    )


def _groups(by: str | None) -> list[str]:
    names = [name.strip().lower() for name in (by or "").split(",") if name.strip()]
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(GROUPS)}", param_hint="--by")
    return [GROUPS[name] for name in names]
