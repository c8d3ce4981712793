"""The map: site coordinates and state outlines projected to SVG; it needs no script and no tile server.

Projection: equirectangular with the parallel of the middle of the sites true to scale, which is good enough over ten degrees.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

WIDTH = 560.0
MARGIN_DEGREES = 0.7
SMALLEST_DEGREES = 2.0


@dataclass(frozen=True, slots=True)
class Base:
    """What lies below the sites.

    Attributes:
        width, height: Of the drawing, in its own units.
        outlines: The `d` of a path.
        labels: (text, x, y).
        latitudes, longitudes: Lines of the graticule, as (text, place).
    """

    width: float
    height: float
    outlines: str
    labels: tuple[tuple[str, float, float], ...]
    latitudes: tuple[tuple[str, float], ...]
    longitudes: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Projection:
    """From degrees to the drawing; north is up."""

    west: float
    north: float
    scale: float
    squeeze: float

    def place(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Its x and y."""
        return (
            round((longitude - self.west) * self.squeeze * self.scale, 1),
            round((self.north - latitude) * self.scale, 1),
        )


def base_map(points: Sequence[tuple[float, float]]) -> tuple[Base, Projection]:
    """The map around points.

    Args:
        points: (longitude, latitude), at least one.
    """
    west, east = _around([longitude for longitude, _ in points])
    south, north = _around([latitude for _, latitude in points])
    squeeze = math.cos(math.radians((north + south) / 2))
    projection = Projection(west, north, WIDTH / ((east - west) * squeeze), squeeze)
    height = round((north - south) * projection.scale, 1)
    outlines = _outlines()

    def inside(x: float, y: float, margin: float) -> bool:
        return margin < x < WIDTH - margin and margin < y < height - margin

    labels = [(text, *projection.place(lon, lat)) for text, lon, lat in outlines["labels"]]
    step = 1 if max(east - west, north - south) <= 5 else 2
    latitudes = [(_degrees(at, "N", "S"), projection.place(west, at)[1]) for at in _whole(south, north, step)]
    longitudes = [(_degrees(at, "E", "W"), projection.place(at, north)[0]) for at in _whole(west, east, step)]
    base = Base(
        width=WIDTH,
        height=height,
        outlines="".join(_path(projection, line, height) for line in outlines["lines"]),
        labels=tuple(label for label in labels if inside(label[1], label[2], 8)),
        latitudes=tuple(line for line in latitudes if 20 < line[1] < height - 20),
        longitudes=tuple(line for line in longitudes if line[1] < WIDTH - 40),
    )
    return base, projection


@cache
def _outlines() -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((files("acidwatch.report") / "outlines" / "states.json").read_bytes())
    return found


def _around(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values) - MARGIN_DEGREES, max(values) + MARGIN_DEGREES
    missing = max(0.0, SMALLEST_DEGREES - (high - low)) / 2
    return low - missing, high + missing


def _path(projection: Projection, line: Sequence[Sequence[float]], height: float) -> str:
    """One outline, its points a tenth of a unit exact; nothing where all of it is off the map."""
    points = [projection.place(*point) for point in line]
    if max(x for x, _ in points) < 0 or min(x for x, _ in points) > WIDTH:
        return ""
    if max(y for _, y in points) < 0 or min(y for _, y in points) > height:
        return ""
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def _whole(low: float, high: float, step: int) -> list[int]:
    return [at for at in range(math.ceil(low), math.floor(high) + 1) if at % step == 0]


def _degrees(at: int, positive: str, negative: str) -> str:
    return f"{abs(at)}° {positive if at >= 0 else negative}"
