"""The six monitoring programmes, as far as a generated workbook must resemble them.

The shares of rows and of empty cells are rounded from the real release; the levels are typical of the regions. Nothing here is
a measurement.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Programme:
    """One programme.

    Attributes:
        name: PROGRAM_ID.
        row_share, site_share: Its part of the rows and of the sites.
        first, last: First and last day of sampling.
        water: Lake or Stream.
        states: State to counties, the first one has most sites.
        latitude, longitude: Box of its sites, degrees.
        elevation_m: Lowest and highest site.
        regions: Ecoregions as (II, II name, III, III name, IV, IV name).
        so4_ueq_l: Typical sulphate in 1980.
        fall: Part of it that is gone by 2020.
        anc_ueq_l: Median of the sites' ANC in 2020; their spread grows with it.
        cl_ueq_l, no3_ueq_l, doc_mg_l: Typical levels.
        gap: Share of rows in which no ion was measured.
        blank: Column to the share of empty cells; a column that is not named is nearly always filled, 1 is never.
        annual: Share of samples of the type Annual.
        clock: Whether DATE_SMP holds a time of day.
    """

    name: str
    row_share: float
    site_share: float
    first: dt.date
    last: dt.date
    water: str
    states: dict[str, tuple[str, ...]]
    latitude: tuple[float, float]
    longitude: tuple[float, float]
    elevation_m: tuple[float, float]
    regions: tuple[tuple[str, str, str, str, str, str], ...]
    so4_ueq_l: float
    fall: float
    anc_ueq_l: float
    cl_ueq_l: float
    no3_ueq_l: float
    doc_mg_l: float
    gap: float = 0.0
    annual: float = 0.0
    clock: bool = False
    blank: dict[str, float] = field(default_factory=dict)


_MARITIME = ("5.3", "Atlantic Highlands", "5.3.1", "Northern Appalachian And Atlantic Maritime Highlands")
_PLAINS = ("8.1", "Mixed Wood Plains", "8.1.8", "Acadian Plains And Hills")
_RIDGES = ("8", "Ozark/Ouachita-Appalachian Forests", "8.4")
_NEVER = dict.fromkeys(("CHL_A_UG_L", "F_UEQ_L", "N_TD_UEQ_L", "PH_EQ", "PH_STVL", "P_TL_UEQ_L", "SECCHI_M"), 1.0)

PROGRAMMES: tuple[Programme, ...] = (
    Programme(
        "LTM_ALTM", 0.475, 0.337, dt.date(1982, 6, 1), dt.date(2020, 9, 30), "Lake",
        {"New York": ("Hamilton", "Herkimer", "Essex", "Franklin")}, (43.2, 44.6), (-75.2, -73.9), (380, 875),
        ((*_MARITIME, "58aa", "Acid Sensitive Adirondacks"), (*_MARITIME, "58ad", "Central Adirondacks")),
        130, 0.68, 35, 8, 15, 4.5, annual=0.003,
        blank={"CHL_A_UG_L": 0.771, "F_UEQ_L": 0.044, "N_TD_UEQ_L": 1, "PH_EQ": 0.05, "PH_FLD": 0.95, "PH_LAB": 0.05, "PH_STVL": 1,
               "P_TL_UEQ_L": 0.722, "SECCHI_M": 1, "WTEMP_DEG_C": 0.954, "TIME_SMP": 0.05, "SAMPLE_DEPTH": 0.071, "NH4_UEQ_L": 0.006,
               "COND_UM_CM": 0.008},
    ),
    Programme(
        "LTM_CAT", 0.154, 0.029, dt.date(1983, 4, 10), dt.date(2020, 9, 30), "Stream", {"New York": ("Ulster", "Sullivan")},
        (41.9, 42.1), (-74.6, -74.3), (515, 825), (("5", "Atlantic Highlands", "5.3", _MARITIME[3], "58y", "Catskill High Peaks"),),
        140, 0.68, 25, 13, 22, 2.0, clock=True,
        blank={**_NEVER, "SAMPLE_DEPTH": 1, "TIME_SMP": 1, "COND_UM_CM": 0.077, "DOC_MG_L": 0.008, "NH4_UEQ_L": 0.227, "PH_FLD": 0.957,
               "PH_LAB": 0.045, "WTEMP_DEG_C": 0.103},
    ),
    Programme(
        "LTM_ME", 0.035, 0.12, dt.date(1983, 4, 21), dt.date(2020, 10, 24), "Lake", {"Maine": ("Hancock", "Washington", "Piscataquis")},
        (43.9, 46.0), (-71.0, -68.1), (70, 650),
        ((*_PLAINS, "82c", "Upper Montane Downeast Maine"), (*_MARITIME, "58m", "Northern Maine Highlands")),
        62, 0.53, 55, 38, 0.8, 4.5, annual=0.16,
        blank={**_NEVER, "N_TD_UEQ_L": 0.279, "PH_EQ": 0.029, "PH_STVL": 0.046, "P_TL_UEQ_L": 0.392, "SAMPLE_DEPTH": 1, "TIME_SMP": 1,
               "COND_UM_CM": 0.008, "DOC_MG_L": 0.06, "NH4_UEQ_L": 0.94, "PH_FLD": 1, "PH_LAB": 0.162, "SIO2_MG_L": 0.118,
               "WTEMP_DEG_C": 0.485},
    ),
    Programme(
        "LTM_PA", 0.06, 0.029, dt.date(1988, 10, 6), dt.date(2015, 9, 18), "Stream", {"Pennsylvania": ("Somerset", "Fayette", "Clearfield")},
        (40.1, 41.2), (-79.2, -78.0), (430, 655), ((*_RIDGES, "Central Appalachians", "69a", "Forested Hills And Mountains"),),
        200, 0.25, 15, 36, 10, 1.5, gap=0.07,
        blank={**_NEVER, "SAMPLE_DEPTH": 1, "TIME_SMP": 1, "ANC_UEQ_L": 0.014, "COND_UM_CM": 0.068, "DOC_MG_L": 0.076, "PH_FLD": 0.547,
               "PH_LAB": 0.454, "SIO2_MG_L": 0.18, "WTEMP_DEG_C": 1, "NO3_UEQ_L": 0.01},
    ),
    Programme(
        "LTM_VT", 0.04, 0.069, dt.date(1980, 2, 19), dt.date(2020, 11, 4), "Lake", {"Vermont": ("Windham", "Bennington", "Essex")},
        (42.8, 45.0), (-73.1, -71.9), (420, 905), ((*_MARITIME, "58c", "Green Mountains"), (*_MARITIME, "58j", "Upper Montane Zone")),
        105, 0.7, 22, 11, 2.5, 4.0, gap=0.018,
        blank={**_NEVER, "PH_EQ": 0.741, "PH_STVL": 0.713, "P_TL_UEQ_L": 0.768, "SECCHI_M": 0.207, "SAMPLE_DEPTH": 0.015, "TIME_SMP": 0.712,
               "ANC_UEQ_L": 0.033, "CL_UEQ_L": 0.04, "COND_UM_CM": 0.026, "DOC_MG_L": 0.42, "K_UEQ_L": 0.052, "NA_UEQ_L": 0.052,
               "NH4_UEQ_L": 1, "NO3_UEQ_L": 0.13, "PH_FLD": 0.026, "PH_LAB": 1, "SIO2_MG_L": 0.453, "WTEMP_DEG_C": 0.066},
    ),
    Programme(
        "VTSSS", 0.236, 0.417, dt.date(1987, 10, 25), dt.date(2020, 11, 6), "Stream",
        {"Virginia": ("Augusta", "Madison", "Rockbridge", "Page", "Giles")}, (36.6, 38.9), (-81.8, -78.3), (255, 1215),
        ((*_RIDGES, "Blue Ridge", "66a", "Northern Igneous Ridges"), (*_RIDGES, "Ridge And Valley", "67h", "Northern Sandstone Ridges")),
        62, 0.2, 60, 17, 3, 1.5,
        blank={**_NEVER, "SAMPLE_DEPTH": 1, "TIME_SMP": 1, "DOC_MG_L": 0.927, "NH4_UEQ_L": 0.503, "PH_FLD": 1, "WTEMP_DEG_C": 0.094},
    ),
)  # fmt: skip
