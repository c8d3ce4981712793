"""Ion balance of a water sample. All concentrations in ueq/L; arrays of one length, NaN where a value is missing.

Sources: US EPA 600/4-88/032 (National Surface Water Survey) for the form of the checks; Gran ANC already holds -H, so it is not
added again, and it is never clipped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def cations_ueq_l(ca: Array, mg: Array, na: Array, k: Array, nh4: Array) -> Array:
    """Sum of base cations and ammonium: C = Ca + Mg + Na + K + max(NH4, 0); a missing NH4 counts 0."""
    return ca + mg + na + k + np.maximum(np.nan_to_num(nh4, nan=0.0), 0.0)


def anions_ueq_l(so4: Array, no3: Array, cl: Array, f: Array) -> Array:
    """Sum of strong acid anions: A = SO4 + NO3 + Cl + F; a missing F counts 0."""
    return so4 + no3 + cl + np.nan_to_num(f, nan=0.0)


def hydrogen_ueq_l(ph: Array) -> Array:
    """Hydrogen ion from pH: H = 10^(6 - pH)."""
    return np.power(10.0, 6.0 - ph)


def first_ph(ph_lab: Array, ph_eq: Array, ph_fld: Array, ph_stvl: Array) -> Array:
    """The pH used for hydrogen: the first one measured of laboratory, equilibrated, field and closed cell."""
    ph = ph_lab
    for other in (ph_eq, ph_fld, ph_stvl):
        ph = np.where(np.isnan(ph), other, ph)
    return ph


def charge_difference_ueq_l(cations: Array, anions: Array, anc: Array) -> Array:
    """C - A - ANC: what the balance leaves unexplained."""
    return cations - anions - anc


def ion_balance_difference_percent(cations: Array, anions: Array, anc: Array, hydrogen: Array) -> Array:
    """IBD = 100 (C - A - ANC) / (C + A + ANC + 2 H), in per cent; NaN where the denominator is 0."""
    total = cations + anions + anc + 2.0 * hydrogen
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total == 0.0, np.nan, 100.0 * (cations - anions - anc) / total)
