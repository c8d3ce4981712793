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


def series_of(rows: Iterable[Mapping[str, Any]], regions: Mapping[tuple[str, str], str | None]) -> list[Series]:
    """Group annual values.

    Args:
        rows: One mapping a year: program_id, site_id, parameter, unit, year, n, censored (None where they weren't counted), mean, median
            (None where n is 0), months (12 values, None where a month has none), method (None where none is known). Any order.
        regions: Region of each (program_id, site_id).

    Returns:
        The series, ordered by their key.
    """
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["program_id"], row["site_id"], row["parameter"]), []).append(row)
    for group in groups.values():
        group.sort(key=lambda row: row["year"])
    valued = {key: [row for row in group if row["n"]] for key, group in groups.items()}
    changes = {key: _method_changes(group) for key, group in valued.items()}
    return [
        Series(
            *key,
            unit=group[0]["unit"],
            region=regions.get(key[:2]),
            years=np.array([row["year"] for row in valued[key]], dtype=np.int64),
            counts=np.array([row["n"] for row in valued[key]], dtype=np.int64),
            means=np.array([row["mean"] for row in valued[key]], dtype=np.float64),
            medians=np.array([row["median"] for row in valued[key]], dtype=np.float64),
            months=np.array([row["months"] for row in valued[key]], dtype=np.float64).reshape(-1, 12),
            method_changes=tuple(
                sorted({year for part in COMPONENTS.get(key[2], ()) for year in changes.get((*key[:2], part), ())})
            ),
            censored=tuple((row["year"], row["censored"]) for row in group if row["censored"]),
        )
        for key, group in sorted(groups.items())
    ]


def _method_changes(group: list[Mapping[str, Any]]) -> list[int]:
    """Years with another method than before; a year without a known one says nothing."""
    known = [(row["year"], row["method"]) for row in group if row["method"] is not None]
    return [year for (_, before), (year, method) in itertools.pairwise(known) if method != before]
