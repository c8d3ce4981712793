"""How many rows each site gets, decided before any is made: the workbook is then written site by site, never held."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from acidwatch.errors import UnusableInputError
from acidwatch.workbook.generator.programmes import PROGRAMMES
from acidwatch.workbook.generator.sites import Site

BATCH_ROWS = 100
SHEET_ROWS = 1_048_500  # of data: what a sheet holds, in whole batches
CLOCK_SLOTS = 24  # samples a day where DATE_SMP holds a time of day


@dataclass(frozen=True, slots=True)
class Plan:
    """The sites in workbook order, and how many rows each has.

    Attributes:
        sites: By programme, then site.
        counts: Rows of each site.
        rows: Their sum.
    """

    sites: tuple[Site, ...]
    counts: tuple[int, ...]
    rows: int

    def site_of(self, row: int) -> Site:
        """The site of a row, both counted from 0."""
        return self.sites[bisect_right(list(accumulate(self.counts)), row)]


def make_plan(rows: int, sites: Sequence[Site], seed: int) -> Plan:
    """Share the rows among programmes, then among each programme's sites.

    Raises:
        UnusableInputError: So many samples can't have different days at these sites.
    """
    random = np.random.Generator(np.random.PCG64([seed, 2]))
    weights = [float(random.uniform(0.6, 1.4)) for _ in sites]
    most = [
        ((site.programme.last - site.programme.first).days) * (CLOCK_SLOTS if site.programme.clock else 1)
        for site in sites
    ]
    by_programme = {
        programme.name: [index for index, site in enumerate(sites) if site.programme is programme]
        for programme in PROGRAMMES
    }
    capacity = [sum(most[index] for index in indices) for indices in by_programme.values()]
    if rows > sum(capacity):
        raise UnusableInputError(
            f"{rows:,} rows can't all be different samples at {len(sites)} sites; "
            f"at most {sum(capacity):,} can be generated"
        )
    counts = [0] * len(sites)
    shares = apportion(rows, [programme.row_share for programme in PROGRAMMES], capacity)
    for share, indices in zip(shares, by_programme.values(), strict=True):
        parts = apportion(share, [weights[index] for index in indices], [most[index] for index in indices])
        for index, part in zip(indices, parts, strict=True):
            counts[index] = part
    return Plan(tuple(sites), tuple(counts), rows)


def apportion(total: int, weights: Sequence[float], most: Sequence[int]) -> list[int]:
    """Split `total` in proportion to `weights`, none above its `most`; what is cut off goes to the others.

    `total` is at most the sum of `most`.
    """
    parts = [0] * len(weights)
    left = total
    while left:
        free = [index for index in range(len(parts)) if parts[index] < most[index]]
        weight = sum(weights[index] for index in free)
        before = left
        for index in free:
            step = min(int(before * weights[index] / weight), most[index] - parts[index], left)
            parts[index] += step
            left -= step
        if left == before:
            # Fewer rows are left than there are takers: the heaviest get one each.
            for index in sorted(free, key=lambda index: -weights[index])[:left]:
                parts[index] += 1
                left -= 1
    return parts
