"""Trends over any period: as published where it is the published one, otherwise computed from the published annual values."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Literal

from acidwatch.contract.parameters import COMPONENTS
from acidwatch.trends.acceleration import RegionWindow, WindowSlope, region_windows, window_slopes
from acidwatch.trends.series import DEFAULT_PERIOD, Period, Series, series_of
from acidwatch.trends.site import Variant
from jobs.spark.postgres import Connection
from jobs.spark.publish import TABLES, Run
from jobs.spark.results import rows_of
from jobs.spark.trends import region_rows, site_rows

Filters = Mapping[str, str | None]
Row = dict[str, Any]


def trends_over(
    connection: Connection, run: Run, period: Period, variant: Variant, filters: Filters, trend_class: str | None = None
) -> list[Row]:
    """Rows of `trend` of one variant.

    Args:
        filters: Column of metrics.annual and the value it must have, upper or lower case alike; None = any.
        trend_class: Only trends of this class.

    Returns:
        One mapping a series, in the order of its key.
    """
    if period == DEFAULT_PERIOD:
        return rows_of(connection, run, "trend", {**filters, "variant": variant, "class": trend_class})
    rows = [_ordered("trend", row) for row in site_rows(_series(connection, run, filters), period, variant)]
    return [row for row in rows if trend_class in (None, row["class"])]


def regions_over(connection: Connection, run: Run, period: Period, filters: Filters) -> list[Row]:
    """Rows of `region`.

    Args:
        filters: `region`, `parameter` and the value it must have, upper or lower case alike; None = any.

    Returns:
        One mapping for each region, parameter and site set, in this order.
    """
    if period == DEFAULT_PERIOD:
        return rows_of(connection, run, "region", filters)
    of_parameter = _series(connection, run, {"parameter": filters.get("parameter")})
    series = _in_region(of_parameter, filters.get("region"))
    return [_ordered("region", row) for row in region_rows(series, period)]


def slopes_of_windows(
    connection: Connection,
    run: Run,
    period: Period,
    years: int,
    by: Literal["site", "region"],
    filters: Filters,
    limit: int | None = None,
) -> list[Row]:
    """Sen slopes of the moving windows of so many years: of each series, or of the sites of each region.

    Args:
        filters: `region` and columns of metrics.annual, and the value they must have, upper or lower case alike; None = any.
        limit: At most so many rows; of series no more are computed.

    Returns:
        The fields of `WindowSlope` or of `RegionWindow`, in the order of their key.
    """
    of_annual = {column: value for column, value in filters.items() if column != "region"}
    series = _in_region(_series(connection, run, of_annual), filters.get("region"))
    found = (window_slopes(one, period, years) for one in series)
    rows: Iterable[WindowSlope | RegionWindow]
    rows = itertools.chain.from_iterable(found) if by == "site" else region_windows(list(found))
    return [asdict(row) for row in itertools.islice(rows, limit)]


def unit_breaks_in(connection: Connection, run: Run, period: Period, series: Iterable[tuple[str, str]]) -> list[Row]:
    """Unit breaks that trends over a period go across.

    Args:
        series: (program_id, parameter) of the trends; a derived parameter has the breaks of its parts.

    Returns:
        Rows of `unit_break`, in the order of their key.
    """
    parts = {(programme, part) for programme, parameter in series for part in COMPONENTS[parameter]}
    return [
        row
        for row in rows_of(connection, run, "unit_break", {})
        if (row["program_id"], row["parameter"]) in parts
        and period.first_year < row["first_date"].year <= period.last_year
    ]


def _series(connection: Connection, run: Run, filters: Filters) -> list[Series]:
    """The series that the filters let through; the method changes of a derived one are those of its components."""
    sites = connection.execute(
        "SELECT DISTINCT program_id, site_id, region FROM metrics.trend WHERE run_id = %s", [run.run_id]
    ).fetchall()
    regions = {(programme, site): region for programme, site, region in sites}
    parameter = filters.get("parameter")
    if parameter is None:
        return series_of(rows_of(connection, run, "annual", filters), regions)
    name = parameter.upper()
    needed = sorted({name, *COMPONENTS.get(name, ())})
    rows = [row for one in needed for row in rows_of(connection, run, "annual", {**filters, "parameter": one})]
    rows.sort(key=lambda row: (row["program_id"], row["site_id"]))
    return [series for series in series_of(rows, regions) if series.parameter == name]


def _in_region(series: list[Series], region: str | None) -> list[Series]:
    return [one for one in series if not region or (one.region or "").lower() == region.lower()]


def _ordered(table: str, row: Row) -> Row:
    return {column: row[column] for column in TABLES[table]}
