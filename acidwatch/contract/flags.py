"""Quality flags of a cell, and the tests that a flag is made of.

Source: QARTOD, as in ioos_qc: 1 good, 2 not evaluated, 3 suspect, 4 fail, 9 missing. Of several tests the flag is the first in
PRECEDENCE that any of them gave. One test that passes hides those that could not be evaluated, so their number is kept beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.contract.outcome import Severity
from acidwatch.contract.rules import HARD, MAJOR_IONS, NEVER_ZERO, SOFT
from acidwatch.statistics.history import FACTOR

GOOD, NOT_EVALUATED, SUSPECT, FAIL, MISSING = 1, 2, 3, 4, 9
PRECEDENCE = (FAIL, SUSPECT, GOOD, NOT_EVALUATED, MISSING)
NAMES = {GOOD: "good", NOT_EVALUATED: "not evaluated", SUSPECT: "suspect", FAIL: "fail", MISSING: "missing"}

OUTLIER = "history.outlier"
OUTLIER_SCORE = 3.5
"""Beyond it a value is outside its site's own history: 0.6745 |x - median| / MAD of its side. Source: Iglewicz and Hoaglin 1993."""
OUTLIER_FACTOR = FACTOR

_BALANCED = (*MAJOR_IONS, "ANC_UEQ_L")


@dataclass(frozen=True, slots=True)
class CellTest:
    """A test of a measured value.

    Attributes:
        rule: Id of the contract's rule, or OUTLIER.
        severity: A value that does not pass a hard one is `fail`, a soft one `suspect`.
        columns: The columns whose cells it tests: the rule's own, or where the rule is about the row those it is made of.
    """

    rule: str
    severity: Severity
    columns: tuple[str, ...]


_ABOUT_THE_ROW = {"balance.charge": _BALANCED, "balance.ions": _BALANCED, "zero.ion": NEVER_ZERO}
_MEASURED = tuple(column.name for column in MEASUREMENTS)

CELL_TESTS: tuple[CellTest, ...] = (
    *(CellTest(rule.id, rule.severity, (rule.column,)) for rule in HARD if rule.id in {f"range.{n}" for n in _MEASURED}),
    *(
        CellTest(rule.id, rule.severity, _ABOUT_THE_ROW.get(rule.id, (rule.column,)))
        for rule in (*HARD, *SOFT)
        if rule.id in _ABOUT_THE_ROW or (rule.severity == "soft" and rule.column)
    ),
    CellTest(OUTLIER, "soft", _MEASURED),
)  # fmt: skip
"""Every test of a value. What a rule says of a missing value (missing.major, missing.all) is flag 9."""

TESTS_DEFINED: dict[str, int] = {name: sum(name in test.columns for test in CELL_TESTS) for name in _MEASURED}
"""How many tests there are for a column."""


def aggregate(flags: Iterable[int]) -> int:
    """The one flag of several: 4 > 3 > 1 > 2 > 9; `not evaluated` where there is none."""
    given = set(flags)
    return next((flag for flag in PRECEDENCE if flag in given), NOT_EVALUATED)
