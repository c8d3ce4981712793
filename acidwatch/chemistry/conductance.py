"""Conductance calculated from the ions, against the one measured, in uS/cm.

Source: US EPA 600/4-88/032, National Surface Water Survey: equivalent conductances at 25 degrees C, and the limits of the
difference by measured conductance. Holds for clear samples with ANC >= 20 ueq/L.
"""

from __future__ import annotations

import numpy as np

from acidwatch.chemistry.balance import Array

EQUIVALENT_CONDUCTANCE = {
    "H": 349.65, "NH4": 73.5, "CA": 59.47, "MG": 53.0, "NA": 50.08, "K": 73.48,
    "HCO3": 44.5, "SO4": 80.0, "NO3": 71.42, "CL": 76.31, "F": 55.4,
}  # fmt: skip
"""Equivalent conductance of each ion at 25 degrees C, S cm2/eq."""


def calculated_conductance_us_cm(
    *,
    h: Array,
    nh4: Array,
    ca: Array,
    mg: Array,
    na: Array,
    k: Array,
    anc: Array,
    so4: Array,
    no3: Array,
    cl: Array,
    f: Array,
) -> Array:
    """Sum of equivalent conductance times concentration (ueq/L), divided by 1000; HCO3 is max(ANC, 0).

    Missing NH4 and F count 0; NaN where another ion is missing.
    """
    ions = {
        "H": h, "NH4": np.maximum(np.nan_to_num(nh4, nan=0.0), 0.0), "CA": ca, "MG": mg, "NA": na, "K": k,
        "HCO3": np.maximum(anc, 0.0), "SO4": so4, "NO3": no3, "CL": cl, "F": np.nan_to_num(f, nan=0.0),
    }  # fmt: skip
    total = np.zeros_like(ca)
    for ion, concentration in ions.items():
        total = total + EQUIVALENT_CONDUCTANCE[ion] * concentration
    return total / 1000.0


def conductance_difference_percent(calculated: Array, measured: Array) -> Array:
    """100 (calculated - measured) / measured, in per cent; NaN where nothing or 0 was measured."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(measured == 0.0, np.nan, 100.0 * (calculated - measured) / measured)


def conductance_limit_percent(measured: Array) -> Array:
    """Largest difference that is no finding: 50 % below 5 uS/cm, 30 % from 5 to below 30, 20 % from 30."""
    return np.where(measured < 5.0, 50.0, np.where(measured < 30.0, 30.0, 20.0))
