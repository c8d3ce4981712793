"""`acidwatch metrics acidity`: classes of ANC, how they changed, and acid episodes."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acidwatch.cli.metrics import Programme, Site, Version, rows_at_most, show_rows, show_table
from acidwatch.cli.output import Limit, RowsFormat, RowsOutput
from acidwatch.cli.which import AsOf, version_number

if TYPE_CHECKING:
    from jobs.spark.postgres import Connection
    from jobs.spark.publish import Run


class Acidity(str, Enum):
    """What is listed."""

    sites = "sites"
    years = "years"
    episodes = "episodes"


TABLES = {
    Acidity.sites: ("acidity_site", ("program_id", "site_id", "first_median_anc_ueq_l", "first_class", "last_median_anc_ueq_l",
                                     "last_class", "classes_moved", "last_acidic_date", "days_since_acidic", "episodes")),
    Acidity.years: ("acidity_year", ("program_id", "site_id", "year", "samples", "n", "acidic", "anc_0_50", "anc_50_100",
                                     "anc_100_up", "min_anc_ueq_l", "median_anc_ueq_l", "min_ph", "acid_samples")),
    Acidity.episodes: ("acid_episode", ("program_id", "site_id", "episode", "first_date", "last_date", "samples",
                                        "min_anc_ueq_l", "min_ph", "ended_by")),
}  # fmt: skip
Years = tuple[int, int]


def acidity(
    list_: Annotated[
        Acidity,
        typer.Option("--list", help="sites: change of class; years: samples in each class; episodes: acid runs"),
    ] = Acidity.sites,
    first: Annotated[
        str | None, typer.Option("--first", metavar="YEARS", help="first period of the sites; 1990-1994 without it")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--last", metavar="YEARS", help="last period of the sites; 2016-2020 without it")
    ] = None,
    programme: Programme = None,
    site: Site = None,
    version: Version = None,
    as_of: AsOf = None,
    limit: Limit = None,
    output: RowsOutput = RowsFormat.table,
) -> None:
    """How acid each site is: class of its median ANC then and now, days since it was last acidic, acid episodes."""
    table, columns = TABLES[list_]
    filters: dict[str, str | None] = {"program_id": programme, "site_id": site}
    if first is None and last is None:
        show_table(table, columns, filters, version_number(version, as_of), limit, output)
        return
    if list_ is not Acidity.sites:
        raise typer.BadParameter("--first and --last are of --list sites")
    periods = (_years(first or "1990-1994", "--first"), _years(last or "2016-2020", "--last"))

    def rows(connection: Connection, run: Run) -> list[dict[str, Any]]:
        from jobs.spark.quality_results import class_changes, sites_between
        from jobs.spark.results import rows_of

        found = rows_of(connection, run, table, filters, rows_at_most(limit, output) + 1)
        return sites_between(found, class_changes(connection, run, *periods))

    what = f", {periods[0][0]} to {periods[0][1]} against {periods[1][0]} to {periods[1][1]}"
    show_rows(table, columns, rows, any(filters.values()), version_number(version, as_of), limit, output, what)


def _years(text: str, option: str) -> Years:
    match = re.fullmatch(r"(\d{4})(?:-(\d{4}))?", text)
    if match is None or int(match[1]) > int(match[2] or match[1]):
        raise typer.BadParameter(f"{text!r} is not a period of years such as 1990-1994", param_hint=option)
    return int(match[1]), int(match[2] or match[1])
