"""Invented sites: ids with the traps of the real ones, places inside the programmes' regions."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from acidwatch.contract.columns import SITES
from acidwatch.workbook.generator.programmes import PROGRAMMES, Programme
from acidwatch.workbook.generator.xlsx import Written

FEWEST_SITES, MOST_SITES = 12, 175
_ROWS_A_SITE = 200
_SHARED_SHARE = 6 / 175  # lakes that are in LTM_ALTM and in LTM_ME
_UPDATED = dt.datetime(2021, 3, 1, 9, 30, 0)  # noqa: DTZ001 - a sheet knows no time zone
_FIRST = (
    "Amber", "Birch", "Cinder", "Drift", "Ember", "Fallow", "Grouse", "Hollow", "Ivory",
    "Juniper", "Kestrel", "Lantern", "Moss", "Nettle", "Osprey", "Pewter", "Quill", "Russet",
)  # fmt: skip
_SECOND = ("fern", "glass", "horn", "light", "mere", "needle", "quarry", "reed", "shadow", "thorn", "veil", "wing")
_LAKES, _STREAMS = ("Lake", "Pond"), ("Brook", "Run", "Creek")


@dataclass(frozen=True, slots=True)
class Site:
    """One (PROGRAM_ID, SITE_ID) pair; the natural key of the sites table.

    Attributes:
        site_id: Text, often with leading zeros.
        programme: Its programme.
        number: Position in the sites table, from 0; the seed of what is measured there.
        lake: Number of the water body; two pairs of one lake share it.
        row: Its row of the sites workbook.
    """

    site_id: str
    programme: Programme
    number: int
    lake: int
    row: tuple[Written, ...]


def site_count(rows: int) -> int:
    """How many (site, programme) pairs a workbook of so many samples has."""
    return min(max(rows // _ROWS_A_SITE, FEWEST_SITES), MOST_SITES)


def make_sites(count: int, seed: int) -> list[Site]:
    """Invent `count` (site, programme) pairs, sorted by programme and site.

    At least one a programme, and at least one lake that is in both LTM_ALTM and LTM_ME.
    """
    random = np.random.Generator(np.random.PCG64([seed, 1]))
    counts = _sites_a_programme(count)
    shared = max(1, round(count * _SHARED_SHARE))
    sites: list[Site] = []
    twins: list[Site] = []
    for programme in PROGRAMMES:
        own = counts[programme.name]
        if programme.name == "LTM_ME":
            for twin in twins:
                row = (twin.site_id, programme.name, *twin.row[2:])
                sites.append(Site(twin.site_id, programme, len(sites), twin.lake, row))
            own -= len(twins)
        for number in range(own):
            place = len(sites)
            site_id = _site_id(programme.name, number)
            sites.append(Site(site_id, programme, place, place, _attributes(site_id, programme, place, random)))
        if programme.name == "LTM_ALTM":
            twins = sites[: min(shared, own, counts["LTM_ME"] - 1)]
    return sites


def _sites_a_programme(count: int) -> dict[str, int]:
    # LTM_ME needs two: one of its own besides the one it shares.
    counts = {
        programme.name: max(2 if programme.name == "LTM_ME" else 1, int(programme.site_share * count))
        for programme in PROGRAMMES
    }
    counts["LTM_ALTM"] += count - sum(counts.values())
    return counts


def _site_id(programme: str, number: int) -> str:
    """Ids in the manner of each programme, none of which any real site has."""
    match programme:
        case "LTM_ALTM":
            return f"{90011 + 7 * number:06d}"  # leading zero
        case "LTM_CAT":
            return f"{1988025 + 36 * number:08d}"  # as long as a gauge number, looks like one
        case "LTM_ME":
            return f"8E{number // 10 + 1}-{11 + 13 * number:03d}"
        case "LTM_PA":
            return "".join("BDGKLMPQRTVZ"[(number * step + start) % 12] for step, start in ((5, 0), (7, 3), (1, 7)))
        case "LTM_VT":
            return f"7C{number // 10 + 1}-{21 + 17 * number:03d}"
        case _:
            return f"{'QX' if number % 3 else 'ZR'}{number + 1:02d}"


def _attributes(site_id: str, programme: Programme, place: int, random: np.random.Generator) -> tuple[Written, ...]:
    latitude, longitude = random.uniform(*programme.latitude), random.uniform(*programme.longitude)
    low = random.uniform(*programme.elevation_m)
    rise = random.uniform(20, 300)
    lake = programme.water == "Lake"
    area = float(np.clip(random.lognormal(2.7, 1.2), 0.8, 520))
    depth = float(np.clip(random.lognormal(2.2, 0.6), 1.2, 32))
    watershed = area * random.uniform(4, 30)
    state = next(iter(programme.states))
    region = programme.regions[int(random.integers(len(programme.regions)))]
    comid = float(random.integers(1_700_000, 27_000_000))
    kinds = _LAKES if lake else _STREAMS
    words = f"{_FIRST[place % len(_FIRST)]}{_SECOND[(place // len(_FIRST) + place) % len(_SECOND)]}"
    values: dict[str, Written] = {
        "SITE_ID": site_id,
        "PROGRAM_ID": programme.name,
        "LATDD": round(latitude, 5),
        "LONDD": round(longitude, 5),
        "SITE_NAME": f"{words} {kinds[int(random.integers(len(kinds)))]}",
        "COMID": comid if random.random() > 0.086 else None,
        "FEATUREID": comid + 17,
        "COUNTY": str(random.choice(programme.states[state])),
        "STATE": state,
        # Numbers in text columns, as in the real table.
        "ECOREGION_I": float(region[0][0]),
        "ECOREGION_II": float(region[0]),
        "ECOREGION_III": region[2],
        "ECOREGION_IV": region[4],
        "ECONAME_I": "Northern Forests" if region[0].startswith("5") else "Eastern Temperate Forests",
        "ECONAME_II": region[1],
        "ECONAME_III": region[3],
        "ECONAME_IV": region[5],
        "SITE_ELEV": round(low, 2),
        "WSHD_ELEV_AVG": round(low + 0.4 * rise, 2),
        "WSHD_ELEV_MIN": round(low - 0.5, 2),
        "WSHD_ELEV_MAX": round(low + rise, 2),
        "WSHD_SLOPE_AVG": round(float(random.uniform(3, 28)), 2),
    }
    if lake:
        values |= {
            "LATDD_CENTROID": round(latitude + 0.0005, 5),
            "LONDD_CENTROID": round(longitude - 0.0005, 5),
            "LAKE_DEPTH_MAX": round(depth, 1),
            "LAKE_DEPTH_MEAN": round(depth * 0.42, 1) if random.random() < 0.68 else None,
            "LAKE_AREA_HA": round(area, 1),
            "LAKE_AREA_NHD2": round(area * 1.02, 2),
            "WSHD_AREA_HA": round(float(watershed), 2),
            "UPDATE_DATE": _UPDATED,
        }
    return tuple(values.get(column.name) for column in SITES)
