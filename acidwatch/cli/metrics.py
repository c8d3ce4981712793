"""`acidwatch metrics`: ask the published statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from acidwatch.cli.output import Limit, Output, OutputFormat, emit, say

app = typer.Typer(no_args_is_help=True, help="Ask the statistics that `acidwatch job metrics` published.")

Programme = Annotated[str | None, typer.Option("--programme", "--program", help="only this programme, such as LTM_ME")]
Site = Annotated[str | None, typer.Option("--site", help="only this site, such as 020058")]
Parameter = Annotated[str | None, typer.Option("--parameter", help="only this parameter, such as SO4; NA is sodium")]
Version = Annotated[
    str | None, typer.Option("--version", help="dataset version or a tag; without it the newest that was run")
]

SITE_COLUMNS = ("program_id", "site_id", "parameter", "unit", "n", "mean", "stddev", "min", "q1", "median", "q3", "max",
                "first_date", "last_date")  # fmt: skip
METHOD_COLUMNS = ("program_id", "parameter", "method", "unit", "n", "ambiguous", "mean", "stddev", "median", "first_date",
                  "last_date")  # fmt: skip
CATEGORY_COLUMNS = ("category", "value", "parameter", "unit", "samples", "n", "mean", "median")


@app.command()
def site(
    programme: Programme = None,
    site: Site = None,
    parameter: Parameter = None,
    version: Version = None,
    limit: Limit = None,
    output: Output = OutputFormat.table,
) -> None:
    """Mean, spread and quartiles of each parameter at each site."""
    _show(
        "site", SITE_COLUMNS, {"program_id": programme, "site_id": site, "parameter": parameter}, version, limit, output
    )


@app.command()
def method(
    programme: Programme = None,
    parameter: Parameter = None,
    version: Version = None,
    limit: Limit = None,
    output: Output = OutputFormat.table,
) -> None:
    """The same per laboratory method; an empty method: the methods table names none for these measurements."""
    _show("method", METHOD_COLUMNS, {"program_id": programme, "parameter": parameter}, version, limit, output)


@app.command()
def category(
    category: Annotated[
        str | None,
        typer.Option(
            "--category",
            help="programme, waterbody_type, sample_location, sample_type, state, ecoregion_iii or anc_class",
        ),
    ] = None,
    value: Annotated[
        str | None, typer.Option("--value", help="only this value of the category, such as Vermont")
    ] = None,
    programme: Annotated[
        str | None, typer.Option("--programme", "--program", help="short for --category programme --value P")
    ] = None,
    parameter: Parameter = None,
    version: Version = None,
    limit: Limit = None,
    output: Output = OutputFormat.table,
) -> None:
    """How samples and values spread over programmes, kinds of water, states, ecoregions and ANC classes."""
    if programme is not None:
        if (category or "programme").lower() != "programme" or value is not None:
            raise typer.BadParameter("--programme is short for --category programme --value P; give one of the two")
        category, value = "programme", programme
    filters = {"category": category, "value": value, "parameter": parameter}
    _show("category", CATEGORY_COLUMNS, filters, version, limit, output)


def _show(
    table: str,
    columns: tuple[str, ...],
    filters: Mapping[str, str | None],
    version: str | None,
    limit: int | None,
    output: OutputFormat,
) -> None:
    from acidwatch.cli.which import version_number
    from acidwatch.settings import PostgresSettings, load
    from jobs.spark.postgres import connected
    from jobs.spark.results import find_run, rows_of

    number = version_number(version)

    # A program gets every row of a run; there are some thousands.
    at_most = limit or (50 if output is OutputFormat.table else 1_000_000)
    with connected(load(PostgresSettings), "acidwatch metrics") as connection:
        run = find_run(connection, number)
        rows = rows_of(connection, run, table, filters, at_most + 1)
    title = f"by {table}, dataset version {run.dataset_version}, reference version {run.reference_version}, run {run.run_id}"
    emit(rows[:at_most], columns, output, title)
    if len(rows) > at_most:
        say(f"only the first {at_most} are shown; --limit N shows more, filters show fewer")
    if not rows and any(filters.values()):
        say("nothing matches these filters")
