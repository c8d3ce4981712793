"""The series of a region: each year's median of its sites, and the Sen line of the regional Kendall test through it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from acidwatch.report.parameters import Parameter
from acidwatch.report.source import Row, Site, Source
from acidwatch.report.summary import quartile
from acidwatch.trends.series import is_too_censored
from acidwatch.trends.site import class_of


@dataclass(frozen=True, slots=True)
class RegionYear:
    """Annual means of a region's sites in one year: median, quartiles and number of sites."""

    year: int
    n: int
    median: float
    q1: float
    q3: float


@dataclass(frozen=True, slots=True)
class RegionSeries:
    """One small multiple.

    Attributes:
        site_set: `fixed`: the same sites from the beginning of the period to its end; `all` where there are none of these.
        n_sites: How many.
        years: Those of the period with values at half of the sites or more: fewer would show which sites were sampled.
        slope, low, high: Regional Kendall: median of all pairs within sites, and its 95 % interval, unit per year.
        p: Of the regional Kendall test.
        trend_class: Its class, by p < 0.05.
    """

    region: str
    parameter: Parameter
    site_set: str
    n_sites: int
    first_year: int
    last_year: int
    years: tuple[RegionYear, ...]
    slope: float | None
    low: float | None
    high: float | None
    p: float | None
    trend_class: str


def region_series(source: Source, parameters: Sequence[Parameter]) -> list[RegionSeries]:
    """Series of each parameter and region, in the order of `parameters` and by name of the region."""
    published = {(row["region"], row["parameter"], row["site_set"]): row for row in source.tables["region"]}
    wanted = {parameter.key for parameter in parameters}
    analysed: dict[tuple[str, str], dict[Site, bool]] = {}
    for row in source.series():
        if row["parameter"] in wanted and row["region"] is not None and row["slope"] is not None:
            of_region = analysed.setdefault((row["region"], row["parameter"]), {})
            of_region[row["program_id"], row["site_id"]] = row["fixed"]
    values = _by_site(row for row in source.tables["annual"] if row["parameter"] in wanted)
    found = []
    for parameter in parameters:
        for region in sorted(name for name, key in analysed if key == parameter.key):
            members = analysed[region, parameter.key]
            fixed = [site for site, is_fixed in members.items() if is_fixed]
            site_set, sites = ("fixed", fixed) if fixed else ("all", list(members))
            row = published[region, parameter.key, site_set]
            series = [values.get((*site, parameter.key), {}) for site in sites]
            found.append(
                RegionSeries(
                    region=region,
                    parameter=parameter,
                    site_set=site_set,
                    n_sites=len(sites),
                    first_year=row["first_year"],
                    last_year=row["last_year"],
                    years=tuple(_years(series, row["first_year"], row["last_year"])),
                    slope=row["kendall_slope"],
                    low=row["kendall_low"],
                    high=row["kendall_high"],
                    p=row["kendall_p"],
                    trend_class=class_of(row["kendall_s"], row["kendall_p"], parameter.key),
                )
            )
    return found


def _by_site(rows: Iterable[Row]) -> dict[tuple[str, str, str], dict[int, float]]:
    values: dict[tuple[str, str, str], dict[int, float]] = {}
    for row in rows:
        if row["mean"] is None or is_too_censored(row["n"], row["censored"] or 0):
            continue  # as in the trends
        values.setdefault((row["program_id"], row["site_id"], row["parameter"]), {})[row["year"]] = row["mean"]
    return values


def _years(series: Sequence[Mapping[int, float]], first: int, last: int) -> Iterable[RegionYear]:
    for year in range(first, last + 1):
        means = sorted(one[year] for one in series if year in one)
        if means and 2 * len(means) >= len(series):
            low, high = quartile(means, 0.25), quartile(means, 0.75)
            yield RegionYear(year, len(means), median(means), float(low or 0.0), float(high or 0.0))
