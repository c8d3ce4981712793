"""One site's annual values of one parameter, as they are published and as trends are computed from them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acidwatch.contract.parameters import COMPONENTS

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Period:
    """Years, both included."""

    first_year: int
    last_year: int

    @property
    def length(self) -> int:
        """How many years."""
        return self.last_year - self.first_year + 1


DEFAULT_PERIOD = Period(1990, 2020)
MOST_CENSORED = (3, 20)
"""Share of a year's samples up to which its values stand for the year: 15 % (US EPA QA/G-9, 2000, section 4.7). Past it leaving out
those below a limit lifts its mean, and a limit that falls over the years would be a trend of the laboratory."""


@dataclass(frozen=True, slots=True)
class Series:
    """Annual values of a parameter at a site; the arrays have one entry for each year with a value, ascending.

    Attributes:
        program_id, site_id, parameter: The key.
        unit: Of means, medians and months.
        region: Of the contract's table; None where the site is in none.
        years: (n,) calendar years.
        counts: (n,) measurements of the year.
        means, medians: (n,) of all measurements of the year.
        months: (n, 12) means of each month, January first; NaN where it has none.
        method_changes: Years whose method is another than that of the year with a value before.
        censored: Year and number of its censored samples, which are in none of the values; years without a value among them.
    """

    program_id: str
    site_id: str
    parameter: str
    unit: str
    region: str | None
    years: NDArray[np.int64]
    counts: NDArray[np.int64]
    means: Array
    medians: Array
    months: Array
    method_changes: tuple[int, ...] = ()
    censored: tuple[tuple[int, int], ...] = ()

    def usable(self, period: Period) -> NDArray[np.bool_]:
        """(n,) which years are of a period and may be in its trend: see MOST_CENSORED."""
        inside = (self.years >= period.first_year) & (self.years <= period.last_year)
        usable: NDArray[np.bool_] = inside & ~np.isin(self.years, sorted(self._too_censored()))
        return usable

    def too_censored(self, period: Period) -> int:
        """Years of a period that are left out of its trend for their censored samples, those without a value among them."""
        return sum(period.first_year <= year <= period.last_year for year in self._too_censored())

    def _too_censored(self) -> set[int]:
        counts = dict(zip(self.years.tolist(), self.counts.tolist(), strict=True))
        return {year for year, n in self.censored if is_too_censored(counts.get(year, 0), n)}


def is_too_censored(measured: int, censored: int) -> bool:
    """Whether so many of a year's samples are censored that the measured ones do not stand for it."""
    part, whole = MOST_CENSORED
    return whole * censored > part * (measured + censored)


def series_of(rows: Iterable[Mapping[str, Any]], regions: Mapping[tuple[str, str], str | None]) -> list[Series]:
    """Group annual values; a site's rows are forgotten before the next one's are looked at.

    Args:
        rows: One mapping a year: program_id, site_id, parameter, unit, year, n, censored (None where they weren't counted), mean, median
            (None where n is 0), months (12 values, None where a month has none), method (None where none is known). Those of a site stand
            together.
        regions: Region of each (program_id, site_id).

    Returns:
        The series, ordered by their key.

    Raises:
        ValueError: The rows of a site do not stand together.
    """
    found: dict[tuple[str, str], list[Series]] = {}
    for site, of_site in itertools.groupby(rows, lambda row: (row["program_id"], row["site_id"])):
        if site in found:
            raise ValueError(f"rows of {site} come after those of another site")
        found[site] = _series_of_site(site, of_site, regions.get(site))
    return [one for site in sorted(found) for one in found[site]]


def _series_of_site(site: tuple[str, str], rows: Iterable[Mapping[str, Any]], region: str | None) -> list[Series]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["parameter"], []).append(row)
    for group in groups.values():
        group.sort(key=lambda row: row["year"])
    valued = {parameter: [row for row in group if row["n"]] for parameter, group in groups.items()}
    changes = {parameter: _method_changes(group) for parameter, group in valued.items()}
    return [
        Series(
            *site,
            parameter=parameter,
            unit=group[0]["unit"],
            region=region,
            years=np.array([row["year"] for row in valued[parameter]], dtype=np.int64),
            counts=np.array([row["n"] for row in valued[parameter]], dtype=np.int64),
            means=np.array([row["mean"] for row in valued[parameter]], dtype=np.float64),
            medians=np.array([row["median"] for row in valued[parameter]], dtype=np.float64),
            months=np.array([row["months"] for row in valued[parameter]], dtype=np.float64).reshape(-1, 12),
            method_changes=tuple(
                sorted({year for part in COMPONENTS.get(parameter, ()) for year in changes.get(part, ())})
            ),
            censored=tuple((row["year"], row["censored"]) for row in group if row["censored"]),
        )
        for parameter, group in sorted(groups.items())
    ]


def _method_changes(group: list[Mapping[str, Any]]) -> list[int]:
    """Years with another method than before; a year without a known one says nothing."""
    known = [(row["year"], row["method"]) for row in group if row["method"] is not None]
    return [year for (_, before), (year, method) in itertools.pairwise(known) if method != before]
