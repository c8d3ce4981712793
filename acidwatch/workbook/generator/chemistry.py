"""Plausible water: forty years of falling sulphate, and what follows from it for every other ion.

Anions come first (sulphate falls, ANC recovers), then the cations are whatever balances their charge, so every sample
obeys the contract's hard rules by construction. pH follows from ANC, conductance from the ions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acidwatch.workbook.generator.programmes import Programme

Numbers = NDArray[np.float64]

_FIRST_YEAR, _YEARS = 1980.0, 40.0
# [HCO3-] [H+] in (ueq/L)^2 at equilibrium with air: Henry's constant 10^-1.47, first dissociation 10^-6.35,
# pCO2 10^-3.4 atm.
_CARBONATE_AIR = 6.0
_CARBONATE_LAB = 24.0  # a sample holds about four times the carbon dioxide of air
# Equivalent ionic conductances at 25 deg C, S cm2/eq.
_LAMBDA = {
    "NH4": 73.5,
    "CA": 59.47,
    "MG": 53.0,
    "NA": 50.08,
    "K": 73.48,
    "SO4": 80.0,
    "NO3": 71.42,
    "CL": 76.31,
    "F": 55.4,
}
_LAMBDA_H, _LAMBDA_HCO3 = 349.65, 44.5
_SIO2_UMOL_PER_MG = 16.644


@dataclass(frozen=True, slots=True)
class Water:
    """What makes one site different from the others of its programme. Concentrations in ueq/L, DOC and SiO2 in mg/L.

    Attributes:
        so4, fall: Sulphate in 1980, and the part of it that is gone by 2020.
        anc, recovery: ANC in 2020, and the part of the sulphate decline that came back as ANC.
        cl, no3, doc, sio2, f: Typical levels.
        shares: How Ca, Mg, Na and K share the cations from weathering; sums to 1.
        swing: How strongly the seasons show.
    """

    so4: float
    fall: float
    anc: float
    recovery: float
    cl: float
    no3: float
    doc: float
    sio2: float
    f: float
    shares: tuple[float, float, float, float]
    swing: float


def make_water(programme: Programme, random: np.random.Generator) -> Water:
    """Draw one site's character."""
    shares = random.dirichlet((26.0, 12.0, 7.0, 2.2))
    # Shifted, so that the most acid sites end below zero.
    anc = (programme.anc_ueq_l + 40.0) * float(random.lognormal(0.0, 0.55)) - 40.0
    return Water(
        so4=programme.so4_ueq_l * float(random.lognormal(0.0, 0.15)),
        fall=float(np.clip(programme.fall * random.normal(1.0, 0.12), 0.05, 0.85)),
        anc=float(np.clip(anc, -30.0, 450.0)),
        recovery=float(random.uniform(0.2, 0.55)),
        cl=programme.cl_ueq_l * float(random.lognormal(0.0, 0.3)),
        no3=programme.no3_ueq_l * float(random.lognormal(0.0, 0.4)),
        doc=programme.doc_mg_l * float(random.lognormal(0.0, 0.35)),
        sio2=float(np.clip(random.lognormal(1.4, 0.4), 1.0, 15.0)),
        f=float(random.uniform(1.0, 5.0)),
        shares=(float(shares[0]), float(shares[1]), float(shares[2]), float(shares[3])),
        swing=float(random.uniform(0.5, 1.5)),
    )


def measure(water: Water, year: Numbers, random: np.random.Generator) -> dict[str, Numbers]:
    """Sample one site.

    Args:
        water: The site.
        year: Time of each sample as a decimal year, shape (n,).
        random: Source of the scatter.

    Returns:
        Measurement parameter (`SO4`, `PH_LAB`, ...) to values, shape (n,), in the contract's units, SIO2 in mg/L, not
        rounded.
    """
    n = len(year)
    progress = np.clip((year - _FIRST_YEAR) / _YEARS, 0.0, 1.05)
    spring = np.sin(2 * np.pi * (year - 0.05))  # highest in April, at snow melt
    so4 = water.so4 * (1.0 - water.fall * progress) * random.lognormal(0.0, 0.06, n)
    no3 = water.no3 * (1.0 - 0.35 * progress) * np.exp(0.5 * water.swing * spring) * random.lognormal(0.0, 0.35, n)
    cl = water.cl * random.lognormal(0.0, 0.1, n)
    f = water.f * random.lognormal(0.0, 0.15, n)
    doc = water.doc * (1.0 + 0.25 * progress) * random.lognormal(0.0, 0.2, n)
    deficit = water.recovery * water.so4 * water.fall * (1.0 - progress)
    anc = water.anc - deficit - 8.0 * water.swing * spring + random.normal(0.0, 6.0, n)
    # No water is so acid that nothing but hydrogen balances its acid anions.
    anc = np.maximum(anc, -0.6 * (so4 + no3))
    nh4 = random.gamma(0.7, 2.2, n)
    organic = np.clip(random.normal(2.0 * np.minimum(doc, 15.0), 9.0, n), -60.0, 120.0)
    sea = np.minimum(0.85 * cl, 0.85 * cl.mean())
    weathered = np.maximum(so4 + no3 + cl + f + anc + organic - nh4 - sea, 8.0)
    ca, mg, na, k = (share * weathered for share in water.shares)
    na = na + sea
    anc = ca + mg + na + k + nh4 - so4 - no3 - cl - f - organic
    sio2 = water.sio2 * random.lognormal(0.0, 0.15, n)
    phosphorus = random.lognormal(1.7, 0.55, n)
    summer = np.sin(2 * np.pi * (year - 0.3))  # warmest in late July
    ph_lab = _ph(anc, _CARBONATE_LAB)
    values = {
        "ANC": anc,
        "CA": ca,
        "CL": cl,
        "DOC": doc,
        "F": f,
        "K": k,
        "MG": mg,
        "NA": na,
        "NH4": nh4,
        "NO3": no3,
        "SIO2": sio2,
        "SO4": so4,
        "CHL_A": random.lognormal(0.7, 0.9, n),
        "N_TD": 40.0 + 32.0 * doc + no3,
        "P_TL": phosphorus,
        "SECCHI": np.clip(12.0 / (1.0 + 0.5 * doc) * random.lognormal(0.0, 0.15, n), 0.3, 15.0),
        "PH_EQ": _ph(anc, _CARBONATE_AIR),
        "PH_LAB": ph_lab,
        "PH_FLD": ph_lab - 0.1,
        "PH_STVL": ph_lab - 0.05,
        "WTEMP": np.clip(10.5 + 11.0 * summer + random.normal(0.0, 2.6, n), 0.0, 28.0),
    }
    for name in ("PH_EQ", "PH_LAB", "PH_FLD", "PH_STVL"):
        values[name] = np.clip(values[name] + random.normal(0.0, 0.06, n), 3.5, 9.0)
    values["COND"] = np.maximum(_conductance(values) * random.lognormal(0.0, 0.035, n), 2.0)
    return values


def in_umol(sio2_mg_l: Numbers) -> Numbers:
    """SiO2 in umol/L, the unit that two programmes used for years in the column that says mg/L."""
    return sio2_mg_l * _SIO2_UMOL_PER_MG


def _ph(anc: Numbers, carbonate: float) -> Numbers:
    """The pH of water whose ANC (ueq/L) is HCO3 - H, the two being tied by `carbonate` = HCO3 x H in (ueq/L)^2."""
    root = np.sqrt(anc * anc + 4.0 * carbonate)
    # Of the two forms of the root the one that does not subtract nearly equal numbers.
    hydrogen = np.where(anc > 0, 2.0 * carbonate / (anc + root), (root - anc) / 2.0)
    return 6.0 - np.log10(hydrogen)


def _conductance(values: dict[str, Numbers]) -> Numbers:
    """Conductance at 25 deg C in uS/cm from the ions in ueq/L."""
    total = sum((factor * values[name] for name, factor in _LAMBDA.items()), np.zeros_like(values["ANC"]))
    hydrogen = 10.0 ** (6.0 - values["PH_LAB"])
    return (total + _LAMBDA_H * hydrogen + _LAMBDA_HCO3 * np.maximum(values["ANC"], 0.0)) / 1000.0
