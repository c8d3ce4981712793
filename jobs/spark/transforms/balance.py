"""What a sample's ions say of its own values; the formulas of acidwatch.chemistry as expressions that Spark runs."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from acidwatch.chemistry.conductance import EQUIVALENT_CONDUCTANCE

BALANCE_COLUMNS = ("first_ph", "charge_ueq_l", "ion_balance_percent", "conductance_percent", "conductance_applies")
LEAST_ANC_UEQ_L = 20.0
PH = ("PH_LAB", "PH_EQ", "PH_FLD", "PH_STVL")


def with_balance(samples: DataFrame) -> DataFrame:
    """Ion balance and calculated conductance of each sample. Source: US EPA 600/4-88/032; see acidwatch.chemistry.

    Args:
        samples: One row per sample with the contract's columns (ions and ANC in ueq/L, COND_UM_CM in uS/cm).

    Returns:
        All columns, then `first_ph` (the first measured of PH_LAB, PH_EQ, PH_FLD, PH_STVL), `charge_ueq_l` (cations - anions - ANC),
        `ion_balance_percent` and `conductance_percent` (calculated less measured, of the measured); each null where a value that it
        needs is missing, NH4 and F count 0. `conductance_applies` (never null): it is there, and ANC is at least 20 ueq/L, from where on
        the formula holds.
    """
    present = samples.withColumn("first_ph", F.coalesce(*(F.col(name) for name in PH)))
    balanced = present.withColumns(
        {
            "charge_ueq_l": _cations() - _anions() - F.col("ANC_UEQ_L"),
            "ion_balance_percent": _ion_balance_percent(),
            "conductance_percent": _conductance_percent(),
        }
    )
    applies = F.col("conductance_percent").isNotNull() & (F.col("ANC_UEQ_L") >= LEAST_ANC_UEQ_L)
    return balanced.withColumn("conductance_applies", F.coalesce(applies, F.lit(False)))


def _ammonium() -> Column:
    return F.greatest(F.coalesce(F.col("NH4_UEQ_L"), F.lit(0.0)), F.lit(0.0))


def _fluoride() -> Column:
    return F.coalesce(F.col("F_UEQ_L"), F.lit(0.0))


def _hydrogen() -> Column:
    return F.pow(F.lit(10.0), F.lit(6.0) - F.col("first_ph"))


def _cations() -> Column:
    return F.col("CA_UEQ_L") + F.col("MG_UEQ_L") + F.col("NA_UEQ_L") + F.col("K_UEQ_L") + _ammonium()


def _anions() -> Column:
    return F.col("SO4_UEQ_L") + F.col("NO3_UEQ_L") + F.col("CL_UEQ_L") + _fluoride()


def _ion_balance_percent() -> Column:
    """A missing pH counts no hydrogen, as in the rule balance.ions; null where the denominator is 0."""
    hydrogen = F.coalesce(_hydrogen(), F.lit(0.0))
    total = _cations() + _anions() + F.col("ANC_UEQ_L") + F.lit(2.0) * hydrogen
    difference = _cations() - _anions() - F.col("ANC_UEQ_L")
    return F.try_divide(F.lit(100.0) * difference, total)


def _conductance_percent() -> Column:
    concentrations = {
        "H": _hydrogen(), "NH4": _ammonium(), "CA": F.col("CA_UEQ_L"), "MG": F.col("MG_UEQ_L"), "NA": F.col("NA_UEQ_L"),
        "K": F.col("K_UEQ_L"), "HCO3": F.when(F.col("ANC_UEQ_L").isNotNull(), F.greatest(F.col("ANC_UEQ_L"), F.lit(0.0))),
        "SO4": F.col("SO4_UEQ_L"), "NO3": F.col("NO3_UEQ_L"), "CL": F.col("CL_UEQ_L"), "F": _fluoride(),
    }  # fmt: skip
    terms = (F.lit(EQUIVALENT_CONDUCTANCE[ion]) * concentration for ion, concentration in concentrations.items())
    calculated = reduce(lambda total, term: total + term, terms, F.lit(0.0)) / F.lit(1000.0)
    measured = F.col("COND_UM_CM")
    return F.try_divide(F.lit(100.0) * (calculated - measured), measured)
