"""The chi-square distribution for whole degrees of freedom, which has a closed form."""

from __future__ import annotations

import math


def chi_square_above(x: float, degrees: int) -> float:
    """Probability of a value above x.

    Source: Abramowitz and Stegun 26.4.4 and 26.4.5; Q(a + 1, y) = Q(a, y) + y^a e^-y / Gamma(a + 1) with y = x / 2.

    Args:
        x: At least 0.
        degrees: Degrees of freedom, at least 1.
    """
    y = x / 2
    if y <= 0.0:
        return 1.0
    a, above = (0.5, math.erfc(math.sqrt(y))) if degrees % 2 else (1.0, math.exp(-y))
    while a < degrees / 2:
        above += math.exp(a * math.log(y) - y - math.lgamma(a + 1))
        a += 1
    return min(above, 1.0)
