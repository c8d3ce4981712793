"""The sites: one line each for the table and the map, and all their series as compact data from which the browser draws a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acidwatch.chemistry.classes import ANC_CLASSES, ANC_UNKNOWN
from acidwatch.contract.parameters import COMPONENTS
from acidwatch.report.figures import compact, day
from acidwatch.report.parameters import Parameter
from acidwatch.report.source import Row, Site, Source
from acidwatch.trends.series import is_too_censored
from acidwatch.trends.site import CLASSES, REASONS

CLASS_NAMES = (*(anc.name for anc in ANC_CLASSES), ANC_UNKNOWN)
NO_SERIES = "not measured"
_FACTS = (
    ("County", "COUNTY", ""), ("State", "STATE", ""), ("Ecoregion", "ECONAME_III", ""), ("Elevation", "SITE_ELEV", "m"),
    ("Lake area", "LAKE_AREA_HA", "ha"), ("Greatest depth", "LAKE_DEPTH_MAX", "m"), ("Watershed", "WSHD_AREA_HA", "ha"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SiteLine:
    """One site in tables and on the map.

    Attributes:
        name: Of the lake or stream; its id where the sites table has none.
        place: (longitude, latitude); None where it is not known.
        anc_class: Class of the median ANC of the last period; `unknown` without one.
        classes: For each headline parameter the class of its trend, or `not measured`.
        slopes: The same of Sen slopes, unit per year.
    """

    programme: str
    site: str
    name: str
    region: str | None
    state: str | None
    place: tuple[float, float] | None
    anc_class: str
    anc: float | None
    classes: Mapping[str, str]
    slopes: Mapping[str, float | None]

    @property
    def key(self) -> str:
        """As in the address of its page."""
        return f"{self.programme}/{self.site}"


def site_lines(source: Source, headline: Sequence[str]) -> list[SiteLine]:
    """The sites of the page, in order of their keys."""
    trends = {(row["program_id"], row["site_id"], row["parameter"]): row for row in source.series()}
    regions = {(row["program_id"], row["site_id"]): row["region"] for row in source.series()}
    acidity = {(row["program_id"], row["site_id"]): row for row in source.tables["acidity_site"]}
    lines = []
    for key in source.site_keys():
        facts, acid = source.sites.get(key, {}), acidity.get(key, {})
        found = {name: trends.get((*key, name)) for name in headline}
        lines.append(
            SiteLine(
                programme=key[0],
                site=key[1],
                name=facts.get("SITE_NAME") or key[1],
                region=regions[key],
                state=facts.get("STATE"),
                place=_place(facts),
                anc_class=acid.get("last_class") or ANC_UNKNOWN,
                anc=acid.get("last_median_anc_ueq_l"),
                classes={name: row["class"] if row else NO_SERIES for name, row in found.items()},
                slopes={name: row["slope"] if row else None for name, row in found.items()},
            )
        )
    return lines


def browser_data(source: Source, parameters: Sequence[Parameter], lines: Sequence[SiteLine]) -> dict[str, Any]:
    """What the script draws the pages of sites from.

    Returns:
        `parameters`: [key, label, meaning, unit, good, coarse]; `classes`, `reasons`, `period`; `sites`: of each `key, name, programme,
        site, region, facts [[label, text]], acidity [[label, text]], series`. A series is [parameter, first year, means, counts, trend]:
        means and counts have an entry for each year, null and 0 where there is none; trend is [class, years, slope, low, high, p, reason,
        caution, step year, years of method changes, unit breaks [[year, factor]]].
    """
    place = {parameter.key: position for position, parameter in enumerate(parameters)}
    annual: dict[tuple[str, str, str], list[Row]] = {}
    for row in source.tables["annual"]:
        if not is_too_censored(row["n"], row["censored"] or 0):  # as in the trends
            annual.setdefault((row["program_id"], row["site_id"], row["parameter"]), []).append(row)
    breaks: dict[tuple[str, str], list[list[float | int | None]]] = {}
    for row in source.tables["unit_break"]:
        found = breaks.setdefault((row["program_id"], row["parameter"]), [])
        found.append([row["first_date"].year, compact(row["factor"], 3)])
    series: dict[Site, list[Any]] = {}
    trends = sorted(source.series(), key=lambda row: (row["program_id"], row["site_id"], place[row["parameter"]]))
    for row in trends:
        key = (row["program_id"], row["site_id"])
        years = annual.get((*key, row["parameter"]), [])
        if years:
            parts = COMPONENTS.get(row["parameter"], ())
            unit_breaks = sorted(one for part in parts for one in breaks.get((key[0], part), []))
            series.setdefault(key, []).append([place[row["parameter"]], *_years(years), _trend(row, unit_breaks)])
    acidity = {(row["program_id"], row["site_id"]): row for row in source.tables["acidity_site"]}
    first = trends[0] if trends else None
    return {
        "period": [first["first_year"], first["last_year"]] if first else [0, 0],
        "parameters": [[p.key, p.label, p.meaning, p.unit, p.good, p.coarse] for p in parameters],
        "classes": list(CLASSES),
        "reasons": list(REASONS),
        "sites": [
            {
                "key": line.key,
                "name": line.name,
                "programme": line.programme,
                "site": line.site,
                "region": line.region,
                "facts": _facts(source.sites.get((line.programme, line.site), {}), line),
                "acidity": _acidity(
                    acidity.get((line.programme, line.site)),
                    any(row["n"] for row in annual.get((line.programme, line.site, "ANC"), [])),
                ),
                "series": series.get((line.programme, line.site), []),
            }
            for line in lines
        ],
    }


def _years(rows: Sequence[Row]) -> tuple[int, list[float | int | None], list[int]]:
    by_year = {row["year"]: row for row in rows}
    first, last = min(by_year), max(by_year)
    span = range(first, last + 1)
    means = [compact(by_year[year]["mean"]) if year in by_year else None for year in span]
    return first, means, [by_year[year]["n"] if year in by_year else 0 for year in span]


def _trend(row: Row, unit_breaks: Sequence[Sequence[float | int | None]]) -> list[Any]:
    return [
        CLASSES.index(row["class"]),
        row["n_years"],
        *(compact(row[name], 3) for name in ("slope", "slope_low", "slope_high", "p")),
        None if row["reason"] is None else REASONS.index(row["reason"]),
        row["caution"],
        row["step_year"] if row["step_p"] is not None and row["step_p"] < 0.05 else None,
        list(row["method_changes"]),
        [one for one in unit_breaks if row["first_year"] <= (one[0] or 0) <= row["last_year"]],
    ]


def _place(facts: Row) -> tuple[float, float] | None:
    for suffix in ("", "_CENTROID"):
        longitude, latitude = facts.get("LONDD" + suffix), facts.get("LATDD" + suffix)
        if longitude is not None and latitude is not None:
            return float(longitude), float(latitude)
    return None


def _facts(facts: Row, line: SiteLine) -> list[list[str]]:
    found = [["Programme", line.programme], ["Site", line.site], ["Region", line.region or "none"]]
    for label, column, unit in _FACTS:
        value = facts.get(column)
        if value is not None:
            found.append([label, str(value) if not unit else f"{compact(float(value))} {unit}"])
    if line.place is not None:
        longitude, latitude = line.place
        north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
        found.append(["Position", f"{abs(latitude):.4f}° {north}, {abs(longitude):.4f}° {east}"])
    return found


def _acidity(row: Row | None, measured_anc: bool) -> list[list[str]]:
    if row is None:
        return []

    def median(period: str) -> str:
        if row[f"{period}_class"] is None:
            return "no ANC"
        return f"{compact(row[f'{period}_median_anc_ueq_l'], 3)} µeq/L, class {row[f'{period}_class']} (n = {row[f'{period}_n']})"

    never = "never" if measured_anc else "no ANC"
    last = never if row["last_acidic_date"] is None else day(row["last_acidic_date"])
    return [
        ["Samples", f"{row['samples']}, {day(row['first_date'])} to {day(row['last_date'])}"],
        ["Median ANC, 1990 to 1994", median("first")],
        ["Median ANC, 2016 to 2020", median("last")],
        ["Last sample with ANC below 0", last],
        ["Acid episodes (ANC below 0 or pH below 5)", str(row["episodes"])],
    ]
