"""The six monitoring programmes, as far as a generated workbook must resemble them.

The shares of rows and of empty cells are rounded from the real release; the levels are typical of the regions. Nothing
here is a measurement.
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
        name="LTM_ALTM",
        row_share=0.475,
        site_share=0.337,
        first=dt.date(1982, 6, 1),
        last=dt.date(2020, 9, 30),
        water="Lake",
        states={"New York": ("Hamilton", "Herkimer", "Essex", "Franklin")},
        latitude=(43.2, 44.6),
        longitude=(-75.2, -73.9),
        elevation_m=(380, 875),
        regions=((*_MARITIME, "58aa", "Acid Sensitive Adirondacks"), (*_MARITIME, "58ad", "Central Adirondacks")),
        so4_ueq_l=130,
        fall=0.68,
        anc_ueq_l=35,
        cl_ueq_l=8,
        no3_ueq_l=15,
        doc_mg_l=4.5,
        annual=0.003,
        blank={
            "CHL_A_UG_L": 0.771,
            "F_UEQ_L": 0.044,
            "N_TD_UEQ_L": 1,
            "PH_EQ": 0.05,
            "PH_FLD": 0.95,
            "PH_LAB": 0.05,
            "PH_STVL": 1,
            "P_TL_UEQ_L": 0.722,
            "SECCHI_M": 1,
            "WTEMP_DEG_C": 0.954,
            "TIME_SMP": 0.05,
            "SAMPLE_DEPTH": 0.071,
            "NH4_UEQ_L": 0.006,
            "COND_UM_CM": 0.008,
        },
    ),
    Programme(
        name="LTM_CAT",
        row_share=0.154,
        site_share=0.029,
        first=dt.date(1983, 4, 10),
        last=dt.date(2020, 9, 30),
        water="Stream",
        states={"New York": ("Ulster", "Sullivan")},
        latitude=(41.9, 42.1),
        longitude=(-74.6, -74.3),
        elevation_m=(515, 825),
        regions=(("5", "Atlantic Highlands", "5.3", _MARITIME[3], "58y", "Catskill High Peaks"),),
        so4_ueq_l=140,
        fall=0.68,
        anc_ueq_l=25,
        cl_ueq_l=13,
        no3_ueq_l=22,
        doc_mg_l=2.0,
        clock=True,
        blank={
            **_NEVER,
            "SAMPLE_DEPTH": 1,
            "TIME_SMP": 1,
            "COND_UM_CM": 0.077,
            "DOC_MG_L": 0.008,
            "NH4_UEQ_L": 0.227,
            "PH_FLD": 0.957,
            "PH_LAB": 0.045,
            "WTEMP_DEG_C": 0.103,
        },
    ),
    Programme(
        name="LTM_ME",
        row_share=0.035,
        site_share=0.12,
        first=dt.date(1983, 4, 21),
        last=dt.date(2020, 10, 24),
        water="Lake",
        states={"Maine": ("Hancock", "Washington", "Piscataquis")},
        latitude=(43.9, 46.0),
        longitude=(-71.0, -68.1),
        elevation_m=(70, 650),
        regions=((*_PLAINS, "82c", "Upper Montane Downeast Maine"), (*_MARITIME, "58m", "Northern Maine Highlands")),
        so4_ueq_l=62,
        fall=0.53,
        anc_ueq_l=55,
        cl_ueq_l=38,
        no3_ueq_l=0.8,
        doc_mg_l=4.5,
        annual=0.16,
        blank={
            **_NEVER,
            "N_TD_UEQ_L": 0.279,
            "PH_EQ": 0.029,
            "PH_STVL": 0.046,
            "P_TL_UEQ_L": 0.392,
            "SAMPLE_DEPTH": 1,
            "TIME_SMP": 1,
            "COND_UM_CM": 0.008,
            "DOC_MG_L": 0.06,
            "NH4_UEQ_L": 0.94,
            "PH_FLD": 1,
            "PH_LAB": 0.162,
            "SIO2_MG_L": 0.118,
            "WTEMP_DEG_C": 0.485,
        },
    ),
    Programme(
        name="LTM_PA",
        row_share=0.06,
        site_share=0.029,
        first=dt.date(1988, 10, 6),
        last=dt.date(2015, 9, 18),
        water="Stream",
        states={"Pennsylvania": ("Somerset", "Fayette", "Clearfield")},
        latitude=(40.1, 41.2),
        longitude=(-79.2, -78.0),
        elevation_m=(430, 655),
        regions=((*_RIDGES, "Central Appalachians", "69a", "Forested Hills And Mountains"),),
        so4_ueq_l=200,
        fall=0.25,
        anc_ueq_l=15,
        cl_ueq_l=36,
        no3_ueq_l=10,
        doc_mg_l=1.5,
        gap=0.07,
        blank={
            **_NEVER,
            "SAMPLE_DEPTH": 1,
            "TIME_SMP": 1,
            "ANC_UEQ_L": 0.014,
            "COND_UM_CM": 0.068,
            "DOC_MG_L": 0.076,
            "PH_FLD": 0.547,
            "PH_LAB": 0.454,
            "SIO2_MG_L": 0.18,
            "WTEMP_DEG_C": 1,
            "NO3_UEQ_L": 0.01,
        },
    ),
    Programme(
        name="LTM_VT",
        row_share=0.04,
        site_share=0.069,
        first=dt.date(1980, 2, 19),
        last=dt.date(2020, 11, 4),
        water="Lake",
        states={"Vermont": ("Windham", "Bennington", "Essex")},
        latitude=(42.8, 45.0),
        longitude=(-73.1, -71.9),
        elevation_m=(420, 905),
        regions=((*_MARITIME, "58c", "Green Mountains"), (*_MARITIME, "58j", "Upper Montane Zone")),
        so4_ueq_l=105,
        fall=0.7,
        anc_ueq_l=22,
        cl_ueq_l=11,
        no3_ueq_l=2.5,
        doc_mg_l=4.0,
        gap=0.018,
        blank={
            **_NEVER,
            "PH_EQ": 0.741,
            "PH_STVL": 0.713,
            "P_TL_UEQ_L": 0.768,
            "SECCHI_M": 0.207,
            "SAMPLE_DEPTH": 0.015,
            "TIME_SMP": 0.712,
            "ANC_UEQ_L": 0.033,
            "CL_UEQ_L": 0.04,
            "COND_UM_CM": 0.026,
            "DOC_MG_L": 0.42,
            "K_UEQ_L": 0.052,
            "NA_UEQ_L": 0.052,
            "NH4_UEQ_L": 1,
            "NO3_UEQ_L": 0.13,
            "PH_FLD": 0.026,
            "PH_LAB": 1,
            "SIO2_MG_L": 0.453,
            "WTEMP_DEG_C": 0.066,
        },
    ),
    Programme(
        name="VTSSS",
        row_share=0.236,
        site_share=0.417,
        first=dt.date(1987, 10, 25),
        last=dt.date(2020, 11, 6),
        water="Stream",
        states={"Virginia": ("Augusta", "Madison", "Rockbridge", "Page", "Giles")},
        latitude=(36.6, 38.9),
        longitude=(-81.8, -78.3),
        elevation_m=(255, 1215),
        regions=(
            (*_RIDGES, "Blue Ridge", "66a", "Northern Igneous Ridges"),
            (*_RIDGES, "Ridge And Valley", "67h", "Northern Sandstone Ridges"),
        ),
        so4_ueq_l=62,
        fall=0.2,
        anc_ueq_l=60,
        cl_ueq_l=17,
        no3_ueq_l=3,
        doc_mg_l=1.5,
        blank={
            **_NEVER,
            "SAMPLE_DEPTH": 1,
            "TIME_SMP": 1,
            "DOC_MG_L": 0.927,
            "NH4_UEQ_L": 0.503,
            "PH_FLD": 1,
            "WTEMP_DEG_C": 0.094,
        },
    ),
)
