"""Invented methods with the traps of the real table: overlapping intervals, open ends, programmes without any."""

from __future__ import annotations

from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.workbook.generator.xlsx import Written

_ERAS: dict[str, tuple[tuple[int, int | None], ...]] = {
    # 2010-2014 lies inside 2010-2017: a plain join doubles these measurements.
    "LTM_ALTM": ((1979, 2009), (2010, 2014), (2010, 2017), (2018, None)),
    "LTM_CAT": ((1979, 1991), (1992, None)),
    "LTM_ME": ((1979, 1988), (1989, 1993), (1994, 2001), (2002, 2012), (2013, None)),
    "LTM_VT": ((1979, 1996), (1997, 2008), (2009, None)),
    "VTSSS": ((1979, 2014), (2015, None)),
}  # LTM_PA has none
_NOT_MEASURED: dict[str, frozenset[str]] = {
    "LTM_ALTM": frozenset({"N_TD", "PH_STVL", "SECCHI"}),
    "LTM_CAT": frozenset({"CHL_A", "N_TD", "PH_EQ", "PH_STVL", "P_TL", "SECCHI"}),
    "LTM_ME": frozenset({"CHL_A", "F", "NH4", "PH_FLD", "SECCHI"}),  # NH4 was measured now and then all the same
    "LTM_VT": frozenset({"CHL_A", "F", "NH4", "N_TD", "PH_LAB"}),
    "VTSSS": frozenset({"CHL_A", "F", "N_TD", "PH_EQ", "PH_FLD", "PH_STVL", "P_TL", "SECCHI"}),
}
_EXTRA = ("AL_ORG", "AL_TD")  # in the methods, never in the samples
_TECHNIQUES = {
    "ANC": ("Gran titration", "acidimetric titration with Gran's plot"),
    "COND": ("Bridge", "conductivity bridge at 25 deg C"),
    "DOC": ("UV oxidation", "ultraviolet-promoted oxidation, infrared detection of CO2"),
    "SIO2": ("Molybdate", "colorimetry of the molybdate complex"),
    "WTEMP": ("Thermistor", "read in the field"),
    "SECCHI": ("Disk", "black and white disk, shaded side of the boat"),
    "CHL_A": ("Fluorometry", "acetone extract, fluorometer"),
    "P_TL": ("Ascorbic acid", "persulfate digestion, ascorbic acid"),
    "N_TD": ("Persulfate", "persulfate digestion, cadmium reduction"),
    "NH4": ("Phenate", "automated phenate"),
} | {
    **dict.fromkeys(("SO4", "NO3", "CL", "F"), ("Ion chromatography", "suppressed ion chromatography")),
    **dict.fromkeys(("CA", "MG", "NA", "K"), ("Flame AAS", "atomic absorption in an air-acetylene flame")),
    **dict.fromkeys(
        ("PH_EQ", "PH_FLD", "PH_LAB", "PH_STVL"), ("Glass electrode", "combination electrode for low ionic strength")
    ),
}


def make_methods() -> list[tuple[Written, ...]]:
    """All rows of the methods workbook, in the order of its columns; sodium's PARAMETER is the text NA."""
    rows: list[tuple[Written, ...]] = []
    parameters = [column.parameter for column in MEASUREMENTS]
    for programme, eras in _ERAS.items():
        for start, end in eras:
            for parameter in (*parameters, *_EXTRA):
                if parameter in _NOT_MEASURED[programme]:
                    continue
                name, description = _TECHNIQUES.get(parameter, ("Unknown", None))
                rows.append(
                    (
                        programme,
                        parameter,
                        float(start),
                        None if end is None else float(end),
                        name if name == "Unknown" else f"{name} {start}{'b' if end == 2017 else ''}",
                        description and f"{description}; laboratory manual of {start}",
                    )
                )
    return rows
