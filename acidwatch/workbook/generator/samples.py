"""The rows of the samples workbook, one site at a time: days, chemistry, oddities, rounding, empty cells."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from acidwatch.contract.columns import MEASUREMENTS, SAMPLE_NAMES
from acidwatch.workbook.generator.chemistry import Numbers, Water, in_umol, make_water, measure
from acidwatch.workbook.generator.plan import CLOCK_SLOTS, Plan
from acidwatch.workbook.generator.programmes import Programme
from acidwatch.workbook.generator.sites import Site
from acidwatch.workbook.generator.xlsx import Written

Flags = NDArray[np.bool_]

_IONS = ("CA", "MG", "NA", "K", "NH4", "SO4", "NO3", "CL", "F", "ANC")
_DECIMALS = {"PH_EQ": 2, "PH_FLD": 2, "PH_LAB": 2, "PH_STVL": 2, "WTEMP": 1, "SECCHI": 1, "COND": 1, "N_TD": 1}
_USUALLY_BLANK = 0.0005
_MG_SINCE = {"VTSSS": dt.date(2019, 1, 1)}  # SiO2 in umol/L before
_UMOL_SINCE = {"LTM_CAT": dt.date(1991, 4, 1)}  # SiO2 in mg/L before


def sample_rows(plan: Plan, seed: int) -> Iterator[list[Written]]:
    """All samples in workbook order: by programme, site and time; each a list in the contract's order."""
    waters: dict[int, Water] = {}
    for site, count in zip(plan.sites, plan.counts, strict=True):
        # Each site has its own stream of random numbers: its rows don't depend on the sites before it.
        random = np.random.Generator(np.random.PCG64([seed, 3, site.number]))
        if site.lake not in waters:
            waters[site.lake] = make_water(site.programme, np.random.Generator(np.random.PCG64([seed, 4, site.lake])))
        if count:
            yield from _site_rows(site, waters[site.lake], count, random)


def _site_rows(site: Site, water: Water, count: int, random: np.random.Generator) -> Iterator[list[Written]]:
    programme = site.programme
    times = _times(programme, count, random)
    year = np.array([time.year + (time.timetuple().tm_yday - 1) / 366.0 for time in times])
    values = measure(water, year, random)
    _make_odd(values, random)
    _change_unit(programme, values["SIO2"], times)
    columns: dict[str, list[Written]] = {"DATE_SMP": list(times), **_identity(site, count, random)}
    blank = _blanks(programme, count, random)
    for column in MEASUREMENTS:
        rounded = np.round(values[column.parameter], _DECIMALS.get(column.parameter, 2)) + 0.0  # no minus zero
        columns[column.name] = [
            None if empty else value for empty, value in zip(blank[column.name], rounded.tolist(), strict=True)
        ]
    return map(list, zip(*(columns[name] for name in SAMPLE_NAMES), strict=True))


def _times(programme: Programme, count: int, random: np.random.Generator) -> list[dt.datetime]:
    """`count` different times, ascending, spread evenly with jitter; whole days where no time of day is kept."""
    days = (programme.last - programme.first).days
    a_day = min(-(-count // days), CLOCK_SLOTS)
    width = days * a_day / count
    # Steps of at least 1 (width >= 1, and jitter takes up the rest) give slots that are all different.
    slots = np.floor(np.arange(count) * width + random.random(count) * (width - 1.0)).astype(np.int64)
    day, slot = np.divmod(slots, a_day)
    minutes = np.zeros(count, dtype=np.int64)
    if programme.clock:
        between = 600 // a_day
        minutes = 420 + slot * between + random.integers(0, between // 5, count) * 5
        # About a fifth came without their time; one a day at most, or their keys would collide.
        minutes[(slot == 0) & (random.random(count) < 0.18)] = 0
    start = dt.datetime.combine(programme.first, dt.time())
    return [start + dt.timedelta(days=d, minutes=m) for d, m in zip(day.tolist(), minutes.tolist(), strict=True)]


def _identity(site: Site, count: int, random: np.random.Generator) -> dict[str, list[Written]]:
    """What says which sample a row is, and how it was taken."""
    programme = site.programme
    location = ["EPI" if programme.water == "Lake" else "Stream"] * count
    water = [programme.water] * count
    if programme.name == "LTM_ALTM":
        draw = random.random(count)
        location = ["IN" if u < 0.06 else "OUT" if u < 0.104 else "EPI" for u in draw]
        water = ["Lake" if where == "EPI" else "Stream" for where in location]
    elif programme.name == "LTM_ME":
        location = ["HYPO" if u < 0.003 else "EPI" for u in random.random(count)]
    shallow = random.random(count) < (0.66 if programme.name == "LTM_ALTM" else 0.08)
    no_depth = random.random(count) < programme.blank.get("SAMPLE_DEPTH", 0.0)
    no_time = random.random(count) < programme.blank.get("TIME_SMP", 0.0)
    minutes = random.integers(9 * 60, 16 * 60, count).tolist()
    annual = random.random(count) < programme.annual
    return {
        "SITE_ID": [site.site_id] * count,
        "PROGRAM_ID": [programme.name] * count,
        "SAMPLE_LOCATION": list(location),
        "SAMPLE_TYPE": ["Annual" if flag else "Regular" for flag in annual],
        "WATERBODY_TYPE": list(water),
        "SAMPLE_DEPTH": [None if empty else 0.0 if top else 1.0 for empty, top in zip(no_depth, shallow, strict=True)],
        "TIME_SMP": [
            None if empty else f"{m // 60:02d}{m % 60:02d}" for empty, m in zip(no_time, minutes, strict=True)
        ],
    }


def _make_odd(values: dict[str, Numbers], random: np.random.Generator) -> None:
    """The oddities of the real data that the soft rules flag and that never reject: each about as often as there."""
    count = len(values["ANC"])

    def some(share: float) -> Flags:
        return random.random(count) < share

    rows = some(0.018)
    values["NH4"][rows] = random.uniform(-4.0, -0.1, count)[rows]  # below the blank
    rows = some(0.003)
    values["NH4"][rows] = random.uniform(31.0, 80.0, count)[rows]
    rows = some(0.012)
    values["CA"][rows] += random.uniform(80.0, 280.0, count)[rows]  # contaminated: the ion balance is off
    rows = some(0.0012)
    values["K"][rows] = 0.0
    rows = some(0.005)
    values["COND"][rows] *= 1.7
    rows = some(0.001)
    values["WTEMP"][rows] = random.choice((-1.0, 29.5), count)[rows]
    acid = some(0.02) & (values["ANC"] < -20.0)
    for name in ("PH_EQ", "PH_LAB", "PH_FLD", "PH_STVL"):
        values[name][acid] = 6.2  # contradicts the ANC


def _change_unit(programme: Programme, sio2: Numbers, times: list[dt.datetime]) -> None:
    """In place: SiO2 in umol/L where the programme reported it so, though the column says mg/L."""
    since_mg, since_umol = _MG_SINCE.get(programme.name), _UMOL_SINCE.get(programme.name)
    umol = np.array(
        [
            (since_mg is not None and time.date() < since_mg) or (since_umol is not None and time.date() >= since_umol)
            for time in times
        ],
        dtype=np.bool_,
    )
    sio2[umol] = in_umol(sio2[umol])


def _blanks(programme: Programme, count: int, random: np.random.Generator) -> dict[str, list[bool]]:
    """Which cells of each measured column are empty."""
    no_ions = random.random(count) < programme.gap
    nothing = random.random(count) < 1 / 15000
    blanks: dict[str, list[bool]] = {}
    for column in MEASUREMENTS:
        empty = random.random(count) < programme.blank.get(column.name, _USUALLY_BLANK)
        if column.parameter in _IONS:
            empty |= no_ions
        blanks[column.name] = (empty | nothing).tolist()
    return blanks
