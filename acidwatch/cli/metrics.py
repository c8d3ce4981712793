"""`acidwatch metrics`: ask the published statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from acidwatch.cli.output import Limit, RowsFormat, RowsOutput, emit, most, say, say_if_cut
from acidwatch.cli.which import AsOf, version_number

if TYPE_CHECKING:
    from acidwatch.trends.series import Period
    from jobs.spark.postgres import Connection
    from jobs.spark.publish import Run

app = typer.Typer(no_args_is_help=True, help="Ask the statistics that `acidwatch job metrics` published.")

Programme = Annotated[str | None, typer.Option("--programme", "--program", help="only this programme, such as LTM_ME")]
Site = Annotated[str | None, typer.Option("--site", help="only this site, such as 020058")]
Parameter = Annotated[str | None, typer.Option("--parameter", help="only this parameter, such as SO4; NA is sodium")]
Region = Annotated[
    str | None,
    typer.Option("--region", help="Adirondacks, Catskills, 'Central Appalachians', 'New England' or Pennsylvania"),
]
FirstYear = Annotated[int | None, typer.Option("--from", min=1900, max=2100, help="first year; 1990 without it")]
LastYear = Annotated[int | None, typer.Option("--to", min=1900, max=2100, help="last year; 2020 without it")]
Version = Annotated[
    str | None, typer.Option("--version", help="dataset version or a tag; without it the newest that was run")
]

SITE_COLUMNS = ("program_id", "site_id", "parameter", "unit", "n", "mean", "stddev", "min", "q1", "median", "q3", "max",
                "first_date", "last_date")  # fmt: skip
METHOD_COLUMNS = ("program_id", "parameter", "method", "unit", "n", "ambiguous", "mean", "stddev", "median", "first_date",
                  "last_date")  # fmt: skip
CATEGORY_COLUMNS = ("category", "value", "parameter", "unit", "samples", "n", "mean", "median")
TREND_COLUMNS = ("program_id", "site_id", "parameter", "n_years", "slope", "slope_low", "slope_high", "p", "class",
                 "confidence", "reason", "step_year", "method_changes")  # fmt: skip
REGION_COLUMNS = ("region", "parameter", "site_set", "n_sites", "median_slope", "q25_slope", "q75_slope", "improving_percent",
                  "worsening_percent", "direction", "direction_confidence")  # fmt: skip
WINDOW_COLUMNS = ("program_id", "site_id", "parameter", "unit", "first_year", "last_year", "n_years", "slope", "reason")
REGION_WINDOW_COLUMNS = ("region", "parameter", "site_set", "unit", "first_year", "last_year", "n_sites", "median_slope",
                         "q25_slope", "q75_slope")  # fmt: skip

MAY_BE_EMPTY = ("acid_episode", "unit_break", "method_change", "distribution")


@app.command()
def site(
    programme: Programme = None,
    site: Site = None,
    parameter: Parameter = None,
    version: Version = None,
    as_of: AsOf = None,
    limit: Limit = None,
    output: RowsOutput = RowsFormat.table,
) -> None:
    """Mean, spread and quartiles of each parameter at each site."""
    show_table(
        "site",
        SITE_COLUMNS,
        {"program_id": programme, "site_id": site, "parameter": parameter},
        version_number(version, as_of),
        limit,
        output,
    )


@app.command()
def method(
    programme: Programme = None,
    parameter: Parameter = None,
    version: Version = None,
    as_of: AsOf = None,
    limit: Limit = None,
    output: RowsOutput = RowsFormat.table,
) -> None:
    """The same per laboratory method; an empty method: the methods table names none for these measurements."""
    show_table(
        "method",
        METHOD_COLUMNS,
        {"program_id": programme, "parameter": parameter},
        version_number(version, as_of),
        limit,
        output,
    )


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
    as_of: AsOf = None,
    limit: Limit = None,
    output: RowsOutput = RowsFormat.table,
) -> None:
    """How samples and values spread over programmes, kinds of water, states, ecoregions and ANC classes."""
    if programme is not None:
        if (category or "programme").lower() != "programme" or value is not None:
            raise typer.BadParameter("--programme is short for --category programme --value P; give one of the two")
        category, value = "programme", programme
    filters = {"category": category, "value": value, "parameter": parameter}
    show_table("category", CATEGORY_COLUMNS, filters, version_number(version, as_of), limit, output)


@app.command()
def trend(
    programme: Programme = None,
    site: Site = None,
    parameter: Parameter = None,
    first_year: FirstYear = None,
    last_year: LastYear = None,
    variant: Annotated[
        str, typer.Option("--variant", help="of what: annual_mean, annual_median or seasonal (monthly means)")
    ] = "annual_mean",
    trend_class: Annotated[
        str | None,
        typer.Option("--class", help="improving, worsening, rising, falling, no trend or not analysed"),
    ] = None,
    version: Version = None,
    as_of: AsOf = None,
    limit: Limit = None,
    output: RowsOutput = RowsFormat.table,
) -> None:
    """Is it rising or falling, how fast, how sure: each parameter at each site, over 1990 to 2020 or any other years."""
    from acidwatch.trends.site import CLASSES, VARIANTS

    chosen = next((one for one in VARIANTS if one == variant.lower()), None)
    if chosen is None:
        raise typer.BadParameter(f"is one of {', '.join(VARIANTS)}", param_hint="--variant")
    if trend_class is not None and trend_class.lower() not in CLASSES:
        raise typer.BadParameter(f"is one of {', '.join(CLASSES)}", param_hint="--class")
    period = _period(first_year, last_year)
    filters = {"program_id": programme, "site_id": site, "parameter": parameter}

    def rows(connection: Connection, run: Run) -> list[dict[str, Any]]:
        from jobs.spark.periods import trends_over, unit_breaks_in

        found = trends_over(connection, run, period, chosen, filters, trend_class and trend_class.lower())
        series = ((row["program_id"], row["parameter"]) for row in found if row["slope"] is not None)
        _say_unit_breaks(unit_breaks_in(connection, run, period, series))
        return found

    asked = any(filters.values()) or trend_class is not None
    show_rows(
        "trend",
        TREND_COLUMNS,
        rows,
        asked,
        version_number(version, as_of),
        limit,
        output,
        f" of {chosen}, {_years(period)}",
    )


@app.command()
def region(
    region: Region = None,
    parameter: Parameter = None,
    first_year: FirstYear = None,
    last_year: LastYear = None,
    version: Version = None,
    as_of: AsOf = None,
    limit: Limit = None,
    output: RowsOutput = RowsFormat.table,
) -> None:
    """The trends of a region's sites together: slopes, per cent improving, and how sure the direction is."""
    period = _period(first_year, last_year)
    filters = {"region": region, "parameter": parameter}

    def rows(connection: Connection, run: Run) -> list[dict[str, Any]]:
        from jobs.spark.periods import regions_over, unit_breaks_in

        found = regions_over(connection, run, period, filters)
        series = _of_regions((row["region"], row["parameter"]) for row in found if row["n_sites"])
        _say_unit_breaks(unit_breaks_in(connection, run, period, series))
        return found

    show_rows(
        "region",
        REGION_COLUMNS,
        rows,
        any(filters.values()),
        version_number(version, as_of),
        limit,
        output,
        f", {_years(period)}",
    )


@app.command()
def acceleration(
    by: Annotated[
        str, typer.Option("--by", help="site: one row a window; region: the sites of each together")
    ] = "site",
    programme: Programme = None,
    site: Site = None,
    region: Region = None,
    parameter: Parameter = None,
    years: Annotated[int, typer.Option("--years", min=5, max=100, help="length of a window")] = 12,
    first_year: FirstYear = None,
    last_year: LastYear = None,
    version: Version = None,
    as_of: AsOf = None,
    limit: Limit = None,
    output: RowsOutput = RowsFormat.table,
) -> None:
    """Does a change become faster or slower: the slope of every 12 years, moving on by one. Descriptive: nothing is tested."""
    chosen: Literal["site", "region"] = "region" if by.lower() == "region" else "site"
    if by.lower() != chosen:
        raise typer.BadParameter("is site or region", param_hint="--by")
    if chosen == "region" and (programme is not None or site is not None):
        raise typer.BadParameter("a region has all of its sites: not with --programme or --site", param_hint="--by")
    period = _period(first_year, last_year)
    if period.length < years:
        raise typer.BadParameter(f"{_years(period)} are fewer than {years} years", param_hint="--years")
    filters = {"program_id": programme, "site_id": site, "region": region, "parameter": parameter}

    def rows(connection: Connection, run: Run) -> list[dict[str, Any]]:
        from jobs.spark.periods import slopes_of_windows, unit_breaks_in

        at_most = rows_at_most(limit, output) + 1
        found = slopes_of_windows(connection, run, period, years, chosen, filters, at_most)
        if chosen == "site":
            series = {(row["program_id"], row["parameter"]) for row in found if row["slope"] is not None}
        else:
            series = _of_regions((row["region"], row["parameter"]) for row in found if row["n_sites"])
        _say_unit_breaks(unit_breaks_in(connection, run, period, series))
        return found

    show_rows(
        f"{chosen} and window",
        REGION_WINDOW_COLUMNS if chosen == "region" else WINDOW_COLUMNS,
        rows,
        any(filters.values()),
        version_number(version, as_of),
        limit,
        output,
        f" of {years} years, {_years(period)}",
    )


def _of_regions(series: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """(program_id, parameter) of (region, parameter)."""
    from acidwatch.contract.regions import REGIONS

    programmes = {one.name: one.programmes for one in REGIONS}
    return {(programme, parameter) for region, parameter in series for programme in programmes[region]}


def _say_unit_breaks(breaks: list[dict[str, Any]]) -> None:
    for row in breaks:
        year = row["first_date"].year
        say(
            f"note: {row['parameter']} of {row['program_id']} steps by a factor of {row['factor']:.3g} in {year}, which looks like another"
            " unit: trends across that year are not those of the water; see: acidwatch metrics quality --list unit-breaks"
        )


def _period(first_year: int | None, last_year: int | None) -> Period:
    from acidwatch.trends.series import DEFAULT_PERIOD, Period

    period = Period(
        DEFAULT_PERIOD.first_year if first_year is None else first_year,
        DEFAULT_PERIOD.last_year if last_year is None else last_year,
    )
    if period.length < 1:
        raise typer.BadParameter(f"{period.first_year} is after {period.last_year}", param_hint="--from")
    return period


def _years(period: Period) -> str:
    return f"{period.first_year} to {period.last_year}"


def show_table(
    table: str,
    columns: tuple[str, ...],
    filters: Mapping[str, str | None],
    version: int | None,
    limit: int | None,
    output: RowsFormat,
) -> None:
    """Print rows of a published table."""

    def rows(connection: Connection, run: Run) -> list[dict[str, Any]]:
        from jobs.spark.results import rows_of

        return rows_of(connection, run, table, filters, rows_at_most(limit, output) + 1)

    show_rows(table, columns, rows, any(filters.values()), version, limit, output)


def show_rows(
    table: str,
    columns: tuple[str, ...],
    rows_of_run: Callable[[Connection, Run], list[dict[str, Any]]],
    filtered: bool,
    version: int | None,
    limit: int | None,
    output: RowsFormat,
    what: str = "",
) -> None:
    """Print rows that a function takes from the run that answers."""
    from acidwatch.settings import PostgresSettings, load
    from jobs.spark.postgres import connected
    from jobs.spark.results import find_run

    at_most = rows_at_most(limit, output)
    with connected(load(PostgresSettings), "acidwatch metrics") as connection:
        run = find_run(connection, version)
        rows = rows_of_run(connection, run)
    title = f"by {table}{what}, dataset version {run.dataset_version}, reference version {run.reference_version}, run {run.run_id}"
    emit(rows[:at_most], columns, output, title)
    say_if_cut(rows, at_most)
    if not rows and (filtered or table in MAY_BE_EMPTY):
        say("nothing matches these filters" if filtered else "none were found")
    elif not rows:
        say(f"run {run.run_id} holds none: run `acidwatch job metrics`")


def rows_at_most(limit: int | None, output: RowsFormat) -> int:
    """A program gets every row of a run; there are some thousands."""
    return most(limit, output, screen=50)
