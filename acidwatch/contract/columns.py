"""The data contract's tables: every column of the three workbooks with type, unit, range, domain and meaning.

Modelled on US EPA's Long-Term Monitoring release 2022_8_1. This is the only place that names a column's type or range: the
validator, the Parquet schemas, the documentation page and the blank template are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CONTRACT_VERSION = "1.2"

Kind = Literal["text", "number", "integer", "datetime"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a workbook.

    Attributes:
        name: As in the header row.
        kind: What a cell holds; `text` is never converted (SITE_ID has leading zeros).
        unit: Unit of the values, empty when they have none.
        meaning: What a chemist would call it.
        required: A row without it is a violation.
        low, high: Inclusive range, in `unit`; None = unbounded.
        domain: The only values allowed; empty = any.
        parameter: The name of the measured parameter in the methods workbook; empty when the column is no measurement.
    """

    name: str
    kind: Kind
    unit: str = ""
    meaning: str = ""
    required: bool = False
    low: float | None = None
    high: float | None = None
    domain: tuple[str, ...] = ()
    parameter: str = ""


def _text(name: str, meaning: str, *, required: bool = False, domain: tuple[str, ...] = ()) -> Column:
    return Column(name, "text", "", meaning, required, None, None, domain)


def _measure(name: str, unit: str, low: float, high: float, meaning: str, parameter: str) -> Column:
    return Column(name, "number", unit, meaning, False, low, high, (), parameter)


SAMPLES: tuple[Column, ...] = (
    _text("SITE_ID", "site, text with leading zeros; in the sites table together with PROGRAM_ID", required=True),
    _text("PROGRAM_ID", "monitoring programme; its domain is the sites table's", required=True),
    Column("DATE_SMP", "datetime", "", "date of sampling, from 1979-01-01 to today; a time of day inside it is kept", True),
    _text("SAMPLE_LOCATION", "where in the water body: epilimnion, hypolimnion, inlet, outlet, stream", required=True,
          domain=("EPI", "HYPO", "IN", "OUT", "Stream")),
    _text("SAMPLE_TYPE", "regular sample, or the one of a yearly survey", required=True, domain=("Annual", "Regular")),
    _text("WATERBODY_TYPE", "kind of water body", required=True, domain=("Lake", "Stream")),
    Column("SAMPLE_DEPTH", "number", "m", "depth of sampling", False, 0, 100),
    _text("TIME_SMP", "time of sampling, HHMM as text"),
    _measure("ANC_UEQ_L", "ueq/L", -300, 5000, "acid neutralising capacity, Gran titration; negative = acidic", "ANC"),
    _measure("CA_UEQ_L", "ueq/L", 0, 5000, "calcium", "CA"),
    _measure("CHL_A_UG_L", "ug/L", 0, 1000, "chlorophyll a", "CHL_A"),
    _measure("CL_UEQ_L", "ueq/L", 0, 10000, "chloride", "CL"),
    _measure("COND_UM_CM", "uS/cm", 0.5, 2000, "specific conductance", "COND"),
    _measure("DOC_MG_L", "mg/L", 0, 150, "dissolved organic carbon", "DOC"),
    _measure("F_UEQ_L", "ueq/L", 0, 200, "fluoride", "F"),
    _measure("K_UEQ_L", "ueq/L", 0, 1000, "potassium", "K"),
    _measure("MG_UEQ_L", "ueq/L", 0, 5000, "magnesium", "MG"),
    _measure("NA_UEQ_L", "ueq/L", 0, 10000, "sodium; its parameter is the text NA, not a missing value", "NA"),
    _measure("NH4_UEQ_L", "ueq/L", -10, 1000, "ammonium", "NH4"),
    _measure("NO3_UEQ_L", "ueq/L", 0, 1000, "nitrate", "NO3"),
    _measure("N_TD_UEQ_L", "ueq/L", 0, 5000, "total dissolved nitrogen", "N_TD"),
    _measure("PH_EQ", "pH", 2.5, 10, "air-equilibrated pH", "PH_EQ"),
    _measure("PH_FLD", "pH", 2.5, 10, "pH in the field", "PH_FLD"),
    _measure("PH_LAB", "pH", 2.5, 10, "pH in the laboratory", "PH_LAB"),
    _measure("PH_STVL", "pH", 2.5, 10, "closed-cell pH", "PH_STVL"),
    _measure("P_TL_UEQ_L", "ueq/L", 0, 1000, "total phosphorus", "P_TL"),
    _measure("SECCHI_M", "m", 0, 40, "Secchi depth", "SECCHI"),
    _measure("SIO2_MG_L", "mg/L", -2, 400, "dissolved silica", "SIO2"),
    _measure("SO4_UEQ_L", "ueq/L", 0, 2000, "sulphate", "SO4"),
    _measure("WTEMP_DEG_C", "deg C", -5, 40, "water temperature", "WTEMP"),
)  # fmt: skip

METHODS: tuple[Column, ...] = (
    _text("PROGRAM_ID", "monitoring programme", required=True),
    _text("PARAMETER", "parameter: a sample column's name without its unit; sodium is the text NA", required=True),
    Column("START_YEAR", "integer", "year", "first year of use", True, 1900, 2100),
    Column("END_YEAR", "integer", "year", "last year, not before START_YEAR; empty = still in use", False, 1900, 2100),
    _text("METHOD", "short name of the method"),
    _text("METHOD_DESCRIPTION", "instrument and reference"),
)

SITES: tuple[Column, ...] = (
    _text("SITE_ID", "site, text with leading zeros", required=True),
    _text("PROGRAM_ID", "monitoring programme; a lake can be in two", required=True),
    Column("LATDD", "number", "deg", "latitude", False, -90, 90),
    Column("LONDD", "number", "deg", "longitude", False, -180, 180),
    Column("LATDD_CENTROID", "number", "deg", "latitude of the lake's centroid", False, -90, 90),
    Column("LONDD_CENTROID", "number", "deg", "longitude of the lake's centroid", False, -180, 180),
    _text("SITE_NAME", "name of the lake or stream"),
    Column("COMID", "integer", "", "NHDPlus common identifier"),
    Column("FEATUREID", "integer", "", "NHDPlus catchment"),
    _text("COUNTY", "county"),
    _text("STATE", "state"),
    _text("ECOREGION_I", "ecoregion code, level I"),
    _text("ECOREGION_II", "ecoregion code, level II"),
    _text("ECOREGION_III", "ecoregion code, level III"),
    _text("ECOREGION_IV", "ecoregion code, level IV"),
    _text("ECONAME_I", "ecoregion, level I"),
    _text("ECONAME_II", "ecoregion, level II"),
    _text("ECONAME_III", "ecoregion, level III"),
    _text("ECONAME_IV", "ecoregion, level IV"),
    Column("LAKE_DEPTH_MAX", "number", "m", "greatest depth"),
    Column("LAKE_DEPTH_MEAN", "number", "m", "mean depth"),
    Column("LAKE_RET", "number", "yr", "retention time"),
    Column("LAKE_AREA_HA", "number", "ha", "lake area"),
    Column("LAKE_AREA_NHD2", "number", "ha", "lake area in NHD"),
    Column("WSHD_AREA_HA", "number", "ha", "watershed area"),
    Column("SITE_ELEV", "number", "m", "elevation of the site"),
    Column("WSHD_ELEV_AVG", "number", "m", "mean elevation of the watershed"),
    Column("WSHD_ELEV_MIN", "number", "m", "least elevation of the watershed"),
    Column("WSHD_ELEV_MAX", "number", "m", "greatest elevation of the watershed"),
    Column("WSHD_SLOPE_AVG", "number", "%", "mean slope of the watershed"),
    Column("UPDATE_DATE", "datetime", "", "when the row was last changed"),
)

SAMPLE_NAMES: tuple[str, ...] = tuple(column.name for column in SAMPLES)
MEASUREMENTS: tuple[Column, ...] = tuple(column for column in SAMPLES if column.parameter)
NATURAL_KEY: tuple[str, ...] = ("PROGRAM_ID", "SITE_ID", "DATE_SMP", "SAMPLE_LOCATION", "SAMPLE_DEPTH")
TABLES: dict[str, tuple[Column, ...]] = {"samples": SAMPLES, "methods": METHODS, "sites": SITES}
