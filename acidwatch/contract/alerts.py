"""What an alert is, and when one is raised: the settings of real-time alerts. Documented in docs/formats.md."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from acidwatch.contract.flags import OUTLIER_SCORE

Kind = Literal["anc-class", "history"]

CLASS_MOVED: Kind = "anc-class"
"""The newest sample of a site has an ANC of another class than the one before it."""
HISTORY: Kind = "history"
"""A value lies outside its site's own history."""

HISTORY_SCORE = OUTLIER_SCORE
"""Beyond it a value breaks its site's history: the same limit as that of the flag `history.outlier`."""
HISTORY_LEAST = 10
"""Fewer values of the parameter at the site are no history to break."""

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://acidwatch.org/alert")


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        alert_id: See `id_of`.
        program_id, site_id, parameter, unit, value, sampled_at: The value that raised it; ANC where the class moved.
        batch_id, attempt, row: Where it stands.
        before: Of `anc-class`: class, value and time of the sample that was the newest until then.
        after: Of `anc-class`: the class of `value`.
        median, mad, score: Of `history`: the site's median, the median deviation of the value's side, and
            0.6745 |value - median| / mad.
    """

    alert_id: str
    kind: Kind
    program_id: str
    site_id: str
    parameter: str
    unit: str
    value: float
    sampled_at: datetime
    batch_id: str
    attempt: int
    row: int
    class_before: str | None = None
    value_before: float | None = None
    sampled_before: datetime | None = None
    class_after: str | None = None
    median: float | None = None
    mad: float | None = None
    score: float | None = None


def id_of(
    kind: Kind,
    program_id: str,
    site_id: str,
    parameter: str,
    sampled_at: datetime,
    location: str,
    depth: float | None,
    value: float,
    class_before: str | None,
) -> str:
    """Id of an alert: the same value of the same sample gives the same one however often it is looked at, and in whichever batch it comes;
    where the class has moved, from the same class.

    So whoever reads alerts can drop repeats, and neither `reprocess` nor a corrected workbook raises again what has not changed.
    """
    parts = [kind, program_id, site_id, parameter, sampled_at.isoformat(), location, depth, value]
    if class_before is not None:
        parts.append(class_before)
    return str(uuid.uuid5(_NAMESPACE, "\n".join(map(str, parts))))


def message(alert: Mapping[str, Any]) -> str:
    """An alert in words, from its fields."""
    value = f"{alert['parameter']} {alert['value']:.6g} {alert['unit']}"
    if alert["kind"] == CLASS_MOVED:
        before = f"{alert['value_before']:.6g} on {alert['sampled_before']:%Y-%m-%d}"
        return f"{value}: from {alert['class_before']!r} ({before}) to {alert['class_after']!r}"
    return f"{value} is outside the site's history: median {alert['median']:.6g}, score {alert['score']:.3g} (limit {HISTORY_SCORE})"
