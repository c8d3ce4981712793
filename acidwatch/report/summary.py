"""The headline: how many sites improve, in which region, by how much, and how sure that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from acidwatch.report.parameters import Parameter
from acidwatch.report.source import Row, Source
from acidwatch.trends.site import NOT_ANALYSED

ALL = "all"


@dataclass(frozen=True, slots=True)
class Tally:
    """Trends of one parameter at the sites of one region, or of all.

    Attributes:
        region: None = all sites, those of no region too.
        analysed: Sites with a trend, significant or not.
        better, worse: Sites with a significant trend in the good direction, and in the other; of a parameter without a good direction
            rising and falling.
        flat: Sites without a significant trend.
        not_analysed: Number of sites for each reason.
        slope, low, high: Median of the sites' Sen slopes, and the quartiles, unit per year; None where nothing was analysed.
        direction, confidence: Which way most sites of the region move, and how certain that is (0 to 1); None for all.
    """

    parameter: Parameter
    region: str | None
    analysed: int
    better: int
    worse: int
    flat: int
    not_analysed: dict[str, int]
    slope: float | None
    low: float | None
    high: float | None
    direction: str | None
    confidence: float | None

    @property
    def sites(self) -> int:
        """Sites with values of the parameter, analysed or not."""
        return self.analysed + sum(self.not_analysed.values())

    @property
    def better_word(self) -> str:
        """What `better` counts."""
        return "improving" if self.parameter.good else "rising"

    @property
    def worse_word(self) -> str:
        """What `worse` counts."""
        return "worsening" if self.parameter.good else "falling"


def tallies(source: Source, parameters: Sequence[Parameter]) -> dict[str, list[Tally]]:
    """For each parameter the tally of all sites, then of each region.

    Args:
        parameters: Those to count, each once.
    """
    of_region = {(row["region"], row["parameter"]): row for row in source.tables["region"] if row["site_set"] == ALL}
    found: dict[str, list[Tally]] = {}
    for parameter in parameters:
        rows = [row for row in source.series() if row["parameter"] == parameter.key]
        regions = sorted({row["region"] for row in rows if row["region"] is not None})
        found[parameter.key] = [_tally(parameter, None, rows, None)] + [
            _tally(
                parameter, name, [row for row in rows if row["region"] == name], of_region.get((name, parameter.key))
            )
            for name in regions
        ]
    return found


def _tally(parameter: Parameter, region: str | None, rows: Sequence[Row], published: Row | None) -> Tally:
    classes = Counter(row["class"] for row in rows)
    slopes = sorted(row["slope"] for row in rows if row["slope"] is not None)
    better, worse = ("improving", "worsening") if parameter.good else ("rising", "falling")
    return Tally(
        parameter=parameter,
        region=region,
        analysed=len(slopes),
        better=classes[better],
        worse=classes[worse],
        flat=classes["no trend"],
        not_analysed=dict(sorted(Counter(row["reason"] for row in rows if row["class"] == NOT_ANALYSED).items())),
        slope=median(slopes) if slopes else None,
        low=quartile(slopes, 0.25),
        high=quartile(slopes, 0.75),
        direction=published["direction"] if published else None,
        confidence=published["direction_confidence"] if published else None,
    )


def quartile(values: Sequence[float], share: float) -> float | None:
    """Quantile of ascending values, linear interpolation; None of none."""
    if not values:
        return None
    place = share * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)
