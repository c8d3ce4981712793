"""The rules of the data contract, one entry each, in a table that a chemist can read.

A rule looks at the typed rows of a whole group at once and marks the rows that break it. A hard rule rejects the batch; a soft one
flags the row, whose values are kept as they are. Rules of form (decoding, columns, types) are in `judge`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from acidwatch.chemistry import balance, conductance
from acidwatch.contract.columns import NATURAL_KEY, SAMPLES, Column
from acidwatch.contract.outcome import Severity
from acidwatch.contract.reference import Reference
from acidwatch.contract.typed import Rows

Mask = NDArray[np.bool_]
Numbers = NDArray[np.float64]

FIRST_DATE = np.datetime64("1979-01-01", "us")
MAJOR_IONS = ("CA_UEQ_L", "MG_UEQ_L", "NA_UEQ_L", "K_UEQ_L", "SO4_UEQ_L", "NO3_UEQ_L", "CL_UEQ_L")
NEVER_ZERO = ("CA_UEQ_L", "MG_UEQ_L", "NA_UEQ_L", "K_UEQ_L", "SO4_UEQ_L", "CL_UEQ_L")
MOST_CHARGE_UEQ_L = 500.0


@dataclass(slots=True)
class Context:
    """What rules look at: the typed rows, the reference tables, and what several rules compute from them.

    Attributes:
        last_date: For each row the first instant that is "later than today", from the record's Kafka timestamp (UTC).
    """

    rows: Rows
    reference: Reference
    last_date: NDArray[np.datetime64]
    cations: Numbers = field(init=False)
    anions: Numbers = field(init=False)
    anc: Numbers = field(init=False)
    ph: Numbers = field(init=False)
    hydrogen: Numbers = field(init=False)
    charge: Numbers = field(init=False)
    conductance: Numbers = field(init=False)

    def __post_init__(self) -> None:
        n = self.rows.numbers
        self.cations = balance.cations_ueq_l(n["CA_UEQ_L"], n["MG_UEQ_L"], n["NA_UEQ_L"], n["K_UEQ_L"], n["NH4_UEQ_L"])
        self.anions = balance.anions_ueq_l(n["SO4_UEQ_L"], n["NO3_UEQ_L"], n["CL_UEQ_L"], n["F_UEQ_L"])
        self.anc = n["ANC_UEQ_L"]
        self.ph = balance.first_ph(n["PH_LAB"], n["PH_EQ"], n["PH_FLD"], n["PH_STVL"])
        self.hydrogen = balance.hydrogen_ueq_l(self.ph)
        self.charge = balance.charge_difference_ueq_l(self.cations, self.anions, self.anc)
        self.conductance = conductance.calculated_conductance_us_cm(
            h=self.hydrogen, nh4=n["NH4_UEQ_L"], ca=n["CA_UEQ_L"], mg=n["MG_UEQ_L"], na=n["NA_UEQ_L"], k=n["K_UEQ_L"],
            anc=self.anc, so4=n["SO4_UEQ_L"], no3=n["NO3_UEQ_L"], cl=n["CL_UEQ_L"], f=n["F_UEQ_L"],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        id: Stable and dotted.
        severity: hard or soft.
        column: The column whose cell a finding points at; empty when it is about the row.
        meaning: For people, what must hold.
        broken: Marks the rows that break it.
        message: What is wrong with this row and what would be right, from the context and the row's position.
    """

    id: str
    severity: Severity
    column: str
    meaning: str
    broken: Callable[[Context], Mask]
    message: Callable[[Context, int], str]


def _is_null(c: Context, name: str) -> Mask:
    return np.asarray(c.rows.arrays[name].is_null().to_numpy(zero_copy_only=False), dtype=np.bool_)


def _text(c: Context, name: str, row: int) -> str:
    value = c.rows.arrays[name][row].as_py()
    return "" if value is None else str(value)


def _required(column: Column) -> Rule:
    misfit_free = f"{column.name} is empty; every row needs {column.meaning or 'it'}"
    return Rule(
        "schema.required",
        "hard",
        column.name,
        "must not be empty",
        lambda c: _is_null(c, column.name),
        lambda c, row: misfit_free,
    )


def _range(column: Column) -> Rule:
    low, high = column.low if column.low is not None else -np.inf, column.high if column.high is not None else np.inf

    def broken(c: Context) -> Mask:
        values = c.rows.numbers[column.name]
        return (values < low) | (values > high)

    def message(c: Context, row: int) -> str:
        value = c.rows.numbers[column.name][row]
        return f"{column.name} is {value:.15g}, outside {column.low:g} to {column.high:g} {column.unit}".rstrip()

    return Rule(
        f"range.{column.name}",
        "hard",
        column.name,
        f"{column.low:g} to {column.high:g} {column.unit}".rstrip(),
        broken,
        message,
    )


def _domain(column: Column) -> Rule:
    allowed = pa.array(column.domain)
    listed = ", ".join(column.domain)

    def broken(c: Context) -> Mask:
        values = c.rows.arrays[column.name]
        return np.asarray(
            pc.and_not(values.is_valid(), pc.is_in(values, allowed)).to_numpy(zero_copy_only=False), dtype=np.bool_
        )

    return Rule(f"domain.{column.name}", "hard", column.name, f"one of {listed}", broken,
                lambda c, row: f"{column.name} is {_text(c, column.name, row)!r}; it must be one of {listed}")  # fmt: skip


def _unknown_programme(c: Context) -> Mask:
    values = c.rows.arrays["PROGRAM_ID"]
    known = pc.is_in(values, pa.array(c.reference.programmes, pa.string()))
    return np.asarray(pc.and_not(values.is_valid(), known).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _unknown_site(c: Context) -> Mask:
    # A group has few different pairs: look each of them up once.
    programmes, sites = (c.rows.arrays[name].dictionary_encode() for name in ("PROGRAM_ID", "SITE_ID"))
    width = len(sites.dictionary) + 1
    codes = _codes(programmes) * width + _codes(sites)
    pairs, where = np.unique(codes, return_inverse=True)
    names_p, names_s = [*programmes.dictionary.to_pylist(), None], [*sites.dictionary.to_pylist(), None]
    known_programmes = set(c.reference.programmes)
    bad = np.zeros(len(pairs), dtype=np.bool_)
    for position, pair in enumerate(pairs):
        programme, site = names_p[pair // width], names_s[pair % width]
        # An empty cell or an unknown programme has its own finding.
        bad[position] = (
            programme in known_programmes and site is not None and (programme, site) not in c.reference.sites
        )
    return bad[where]


def _codes(encoded: pa.DictionaryArray) -> NDArray[np.int64]:
    """Codes of a dictionary-encoded array; null is one more than the last."""
    return np.asarray(
        pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy(zero_copy_only=False), dtype=np.int64
    )


def _unknown_site_message(c: Context, row: int) -> str:
    programme, site = _text(c, "PROGRAM_ID", row), _text(c, "SITE_ID", row)
    loaded = f" (reference version {c.reference.version})" if c.reference.version else ""
    text = f"site {site!r} of programme {programme} is not in the sites table{loaded}"
    lost = c.reference.stripped.get((programme, site))
    return f"{text}; did it lose its leading zeros? {lost!r} is" if lost else text


def _wrong_date(c: Context) -> Mask:
    dates = c.rows.arrays["DATE_SMP"].to_numpy(zero_copy_only=False)
    return np.asarray((dates < FIRST_DATE) | (dates >= c.last_date), dtype=np.bool_)  # NaT compares false


def _wrong_date_message(c: Context, row: int) -> str:
    date = c.rows.arrays["DATE_SMP"][row].as_py()
    last = np.datetime_as_string(c.last_date[row] - np.timedelta64(1, "D"), unit="D")
    return f"DATE_SMP is {date.date().isoformat()}; it must be from 1979-01-01 to the day it was sent, {last}"


def _repeated_key(c: Context) -> Mask:
    codes = c.rows.batch.astype(np.int64)
    for name in NATURAL_KEY:
        column = _codes(c.rows.arrays[name].dictionary_encode())
        # Renumbering after each column keeps the product of the cardinalities small.
        codes = np.unique(codes * (int(column.max(initial=0)) + 1) + column, return_inverse=True)[1].astype(np.int64)
    # A cell that can't be read is null in its column, but no two of them say the same.
    unread = sorted({misfit.row for misfit in c.rows.misfits if misfit.column.name in NATURAL_KEY})
    codes[unread] = len(codes) + np.arange(len(unread))
    first = np.unique(codes, return_index=True)[1]
    repeated = np.ones(len(codes), dtype=np.bool_)
    repeated[first] = False
    return repeated


def _repeated_key_message(c: Context, row: int) -> str:
    key = ", ".join(f"{name} {_text(c, name, row) or 'empty'}" for name in NATURAL_KEY)
    return f"an earlier row of this batch says the same sample ({key}); keep one of them"


def _balance_off(c: Context) -> Mask:
    ibd = balance.ion_balance_difference_percent(c.cations, c.anions, c.anc, np.nan_to_num(c.hydrogen, nan=0.0))
    return (np.abs(ibd) > 25.0) & (np.abs(c.charge) > 50.0)


def _conductance_off(c: Context) -> Mask:
    measured = c.rows.numbers["COND_UM_CM"]
    difference = conductance.conductance_difference_percent(c.conductance, measured)
    return (c.anc >= 20.0) & (np.abs(difference) > conductance.conductance_limit_percent(measured))


def _any(c: Context, names: tuple[str, ...], test: Callable[[Numbers], Mask]) -> Mask:
    return np.asarray(np.any([test(c.rows.numbers[name]) for name in names], axis=0), dtype=np.bool_)


def _which(c: Context, row: int, names: tuple[str, ...], test: Callable[[Numbers], Mask]) -> str:
    return ", ".join(name for name in names if test(c.rows.numbers[name][row : row + 1])[0])


def _missing(c: Context, row: int) -> str:
    return "is missing or censored" if c.rows.censored[row] else "is missing"


def _is_zero(values: Numbers) -> Mask:
    return np.equal(values, 0.0)


_MEASURED = tuple(column.name for column in SAMPLES if column.parameter)

HARD: tuple[Rule, ...] = (
    *(_required(column) for column in SAMPLES if column.required),
    *(_domain(column) for column in SAMPLES if column.domain),
    Rule("domain.PROGRAM_ID", "hard", "PROGRAM_ID", "a programme of the sites table", _unknown_programme,
         lambda c, row: f"PROGRAM_ID is {_text(c, 'PROGRAM_ID', row)!r}; the sites table has {', '.join(c.reference.programmes)}"),
    Rule("reference.site", "hard", "SITE_ID", "(PROGRAM_ID, SITE_ID) is in the sites table", _unknown_site, _unknown_site_message),
    Rule("date.range", "hard", "DATE_SMP", "from 1979-01-01 to the day it was sent (UTC)", _wrong_date, _wrong_date_message),
    Rule("key.duplicate", "hard", "", f"({', '.join(NATURAL_KEY)}) once in a batch", _repeated_key, _repeated_key_message),
    *(_range(column) for column in SAMPLES if column.low is not None),
    Rule("balance.charge", "hard", "", f"where all major ions are there, |C - A - ANC| <= {MOST_CHARGE_UEQ_L:g} ueq/L",
         lambda c: np.abs(c.charge) > MOST_CHARGE_UEQ_L,
         lambda c, row: f"cations - anions - ANC is {c.charge[row]:.0f} ueq/L; beyond {MOST_CHARGE_UEQ_L:g} a value or a unit is wrong"),
)  # fmt: skip

SOFT: tuple[Rule, ...] = (
    Rule("balance.ions", "soft", "", "ion balance within 25 %, or within 50 ueq/L", _balance_off,
         lambda c, row: f"ion balance is off: cations - anions - ANC is {c.charge[row]:.0f} ueq/L"),
    Rule("conductance.calculated", "soft", "COND_UM_CM",
         "at ANC >= 20, calculated conductance within 50 % (below 5 uS/cm), 30 % (below 30) or 20 % of the measured", _conductance_off,
         lambda c, row: f"measured {c.rows.numbers['COND_UM_CM'][row]:g} uS/cm, calculated {c.conductance[row]:.1f}"),
    Rule("contradiction.ph-anc", "soft", "ANC_UEQ_L", "no pH below 5.5 with ANC above 40 ueq/L, none above 5.5 with ANC below -20",
         lambda c: ((c.ph < 5.5) & (c.anc > 40.0)) | ((c.ph > 5.5) & (c.anc < -20.0)),
         lambda c, row: f"pH {c.ph[row]:g} and ANC {c.anc[row]:g} ueq/L contradict each other"),
    Rule("unusual.NH4_UEQ_L", "soft", "NH4_UEQ_L", "0 to 30 ueq/L",
         lambda c: (c.rows.numbers["NH4_UEQ_L"] < 0.0) | (c.rows.numbers["NH4_UEQ_L"] > 30.0),
         lambda c, row: f"NH4_UEQ_L is {c.rows.numbers['NH4_UEQ_L'][row]:g}; usual is 0 to 30 ueq/L"),
    Rule("unusual.WTEMP_DEG_C", "soft", "WTEMP_DEG_C", "0 to 28 deg C",
         lambda c: (c.rows.numbers["WTEMP_DEG_C"] < 0.0) | (c.rows.numbers["WTEMP_DEG_C"] > 28.0),
         lambda c, row: f"WTEMP_DEG_C is {c.rows.numbers['WTEMP_DEG_C'][row]:g}; usual is 0 to 28 deg C"),
    Rule("zero.ion", "soft", "", "Ca, Mg, Na, K, SO4 and Cl are not 0", lambda c: _any(c, NEVER_ZERO, _is_zero),
         lambda c, row: f"{_which(c, row, NEVER_ZERO, _is_zero)} is 0: below detection, or not measured?"),
    Rule("missing.major", "soft", "", "every major ion and ANC is there as a number",
         lambda c: _any(c, (*MAJOR_IONS, "ANC_UEQ_L"), np.isnan),
         lambda c, row: f"{_which(c, row, (*MAJOR_IONS, 'ANC_UEQ_L'), np.isnan)} {_missing(c, row)}: no ion balance"),
    Rule("missing.all", "soft", "", "at least one analyte is there, or known to lie beyond a limit",
         lambda c: np.all([np.isnan(c.rows.numbers[name]) for name in _MEASURED], axis=0) & ~c.rows.censored,
         lambda c, row: "no analyte was measured in this sample"),
)  # fmt: skip
