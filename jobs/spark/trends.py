"""Trends of a run: from its annual values, which are few, to the rows of metrics.trend and metrics.region."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from acidwatch.contract.regions import region_of
from acidwatch.trends.region import region_trends
from acidwatch.trends.series import DEFAULT_PERIOD, Period, Series, series_of
from acidwatch.trends.site import VARIANTS, Trend, Variant, trend

Site = tuple[str, str]
Row = dict[str, Any]


def regions_of(sites: Iterable[tuple[str, str, str | None]]) -> dict[Site, str | None]:
    """Region of each (program_id, site_id) from (program_id, site_id, state)."""
    return {(programme, site): region_of(programme, state) for programme, site, state in sites}


def trend_tables(
    annual: Iterable[Mapping[str, Any]], regions: Mapping[Site, str | None], beside: Iterable[Mapping[str, Any]] = ()
) -> dict[str, list[Row]]:
    """What a run publishes: rows of `trend`, every variant, and of `region`, for the default period.

    Args:
        annual: Rows of metrics.annual, by site.
        regions: Region of each site.
        beside: Rows of other sites, which count for the regions only.
    """
    series = series_of(annual, regions)
    found = {variant: [trend(one, DEFAULT_PERIOD, variant) for one in series] for variant in VARIANTS}
    others = series_of(beside, regions)
    own = zip(series, found["annual_mean"], strict=True)
    other = ((one, trend(one, DEFAULT_PERIOD, "annual_mean")) for one in others)
    # By their key, as `series_of` has them: sums of doubles depend on the order.
    together = sorted([*own, *other], key=lambda pair: (pair[0].program_id, pair[0].site_id, pair[0].parameter))
    return {
        "trend": [_row(one) for variant in VARIANTS for one in found[variant]],
        "region": _region_rows([one for one, _ in together], [its for _, its in together], DEFAULT_PERIOD),
    }


def site_rows(series: Sequence[Series], period: Period, variant: Variant) -> list[Row]:
    """One row of `trend` for each series."""
    return [_row(trend(one, period, variant)) for one in series]


def region_rows(series: Sequence[Series], period: Period) -> list[Row]:
    """Rows of `region`: both site sets of each region and parameter."""
    return _region_rows(series, [trend(one, period, "annual_mean") for one in series], period)


def _region_rows(series: Sequence[Series], trends: Sequence[Trend], period: Period) -> list[Row]:
    return [asdict(row) for row in region_trends(series, trends, period)]


def _row(found: Trend) -> Row:
    row = asdict(found)
    row["class"] = row.pop("trend_class")
    row["method_changes"] = list(found.method_changes)
    return row
