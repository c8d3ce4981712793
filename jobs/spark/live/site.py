"""What is known of one site while the live job runs: its samples, which of them speak for it, and its figures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acidwatch.chemistry.classes import ANC_CLASSES, ANC_UNKNOWN, class_rank
from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.statistics.history import History, history_of

DEEP, INLET = "HYPO", "IN"
ANC = "ANC"


@dataclass(frozen=True, slots=True)
class Sample:
    """One accepted row.

    Attributes:
        row: Of the sheet, from 1.
        sampled_at: DATE_SMP with its time.
        values: Parameter to value in the contract's unit; what was not measured is left out.
        sent: When the sending of its source began, and its batch index: among rows that say the same sample the later one counts.
    """

    program_id: str
    site_id: str
    sampled_at: datetime
    location: str
    depth: float | None
    values: dict[str, float]
    batch_id: str
    attempt: int
    row: int
    sent: tuple[datetime, int, str]

    @property
    def order(self) -> tuple[Any, ...]:
        """The later one of two rows that say the same sample counts; as in transforms.measurements.mark_superseded."""
        return (*self.sent, self.row, self.batch_id, self.attempt)

    @property
    def age(self) -> tuple[Any, ...]:
        """Samples in the order of their dates."""
        return (self.sampled_at, self.order)


def anc_class(anc_ueq_l: float | None) -> str:
    """Name of the ANC class of a value, ueq/L."""
    return ANC_UNKNOWN if anc_ueq_l is None else ANC_CLASSES[class_rank(anc_ueq_l)].name


class Site:
    """The samples of one site of one programme, each once."""

    def __init__(self) -> None:
        self._standing: dict[tuple[Any, ...], Sample] = {}
        self._newest: dict[str, Sample] = {}  # of each parameter, among the samples that speak for the site
        self._location = ""  # the only one that speaks for it, where one stands alone

    def add(self, sample: Sample) -> bool:
        """Take in a sample; False when another row says the same sample and counts instead of it."""
        key = (sample.sampled_at, sample.location, sample.depth)
        other = self._standing.get(key)
        if other is not None and other.order > sample.order:
            return False
        self._standing[key] = sample
        location = self._alone()
        if other is not None or location != self._location:
            self._location, self._newest = location, {}
            for standing in self._standing.values():
                self._see(standing)
        else:
            self._see(sample)
        return True

    def _see(self, sample: Sample) -> None:
        if not self.speaks(sample):
            return
        for parameter in sample.values:
            newest = self._newest.get(parameter)
            if newest is None or newest.age < sample.age:
                self._newest[parameter] = sample

    def speaks(self, sample: Sample) -> bool:
        """Whether a sample belongs to the site's one series; the same rule as transforms.series."""
        return sample.location != DEEP and self._location in ("", sample.location)

    def _alone(self) -> str:
        """At a site with inlet samples the location with most years stands alone, then that with most samples, then by name."""
        if not any(sample.location == INLET for sample in self._standing.values()):
            return ""
        years: dict[str, list[int]] = {}
        for sample in self._standing.values():
            if sample.location != DEEP:
                years.setdefault(sample.location, []).append(sample.sampled_at.year)
        return min(years, key=lambda location: (-len(set(years[location])), -len(years[location]), location))

    def newest(self, parameter: str) -> Sample | None:
        """The newest sample that speaks for the site and has a value of the parameter."""
        return self._newest.get(parameter)

    def histories(self, least: int) -> dict[str, History]:
        """The history of each parameter that has at least so many values: every sample, all locations and years."""
        return {parameter: history_of(values) for parameter, values in self._values().items() if len(values) >= least}

    def figures(self) -> Iterator[dict[str, Any]]:
        """One row of metrics.live_site for each parameter that was ever measured, without the site's name and the time."""
        newest_anc = self.newest(ANC)
        last_batch = max(self._standing.values(), key=lambda sample: sample.order).batch_id if self._standing else ""
        units = {column.parameter: column.unit for column in MEASUREMENTS}
        for parameter, values in self._values().items():
            last = self.newest(parameter)
            yield {
                "parameter": parameter,
                "unit": units[parameter],
                "last_value": last.values[parameter] if last else None,
                "last_sampled_at": last.sampled_at if last else None,
                "mean": math.fsum(values) / len(values),
                "n": len(values),
                "samples": len(self._standing),
                "anc_class": anc_class(newest_anc.values[ANC] if newest_anc else None),
                "last_batch": last_batch,
            }

    def _values(self) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        for sample in self._standing.values():
            for parameter, value in sample.values.items():
                found.setdefault(parameter, []).append(value)
        return found
