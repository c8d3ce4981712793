"""ANC classes of a sample. Source: Bulger et al. 2000; US EPA LTM reports: below 0 acidic, 0 to 50 and 50 to 100 sensitive."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AncClass:
    """A class of acid neutralising capacity: low <= ANC < high, ueq/L; None = unbounded."""

    name: str
    low: float | None
    high: float | None


ANC_CLASSES = (
    AncClass("acidic (< 0)", None, 0.0),
    AncClass("0 to 50", 0.0, 50.0),
    AncClass("50 to 100", 50.0, 100.0),
    AncClass("100 and above", 100.0, None),
)
ANC_UNKNOWN = "unknown"


def class_rank(anc_ueq_l: float) -> int:
    """Place of a value's class in ANC_CLASSES; 0 = acidic."""
    return max(rank for rank, anc in enumerate(ANC_CLASSES) if anc.low is None or anc_ueq_l >= anc.low)
