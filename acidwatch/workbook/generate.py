"""Generates LTM-like workbooks: samples, methods and sites with every trap of the real ones, seeded, of any size.

    generate(4000, seed=7, out=Path("trial"), broken=["range", "lost-zeros@3"])

The same arguments give the same bytes. No lake, site or value in them is real.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from acidwatch.contract.columns import METHODS, SAMPLE_NAMES, SITES
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.generator.faults import KINDS, Fault, place_faults, sheet_name, spoil
from acidwatch.workbook.generator.methods import make_methods
from acidwatch.workbook.generator.plan import SHEET_ROWS, Plan, make_plan
from acidwatch.workbook.generator.samples import sample_rows
from acidwatch.workbook.generator.sites import make_sites, site_count
from acidwatch.workbook.generator.xlsx import WorkbookWriter, Written

__all__ = ["KINDS", "Fault", "Generated", "generate"]


@dataclass(frozen=True, slots=True)
class Generated:
    """What was written.

    Attributes:
        samples, methods, sites: The three workbooks.
        rows: Rows of samples.
        site_count: Rows of sites: (site, programme) pairs.
        faults: What was broken, in workbook order.
    """

    samples: Path
    methods: Path
    sites: Path
    rows: int
    site_count: int
    faults: tuple[Fault, ...]


def generate(rows: int, seed: int, out: Path, broken: Sequence[str] = ()) -> Generated:
    """Write `samples.xlsx`, `methods.xlsx` and `sites.xlsx`.

    Args:
        rows: Samples, at least 1. Beyond 1,048,500, what a sheet holds in whole batches, they go on in `Sheet 2`.
        seed: Not negative; the same one gives the same bytes.
        out: Folder, made where it is not there; workbooks of these names in it are replaced.
        broken: Faults, each a key of KINDS, or `kind@INDEX` for the batch of 100 rows with that index from 0.

    Raises:
        UnusableInputError: The numbers make no sense, a fault can't be put in, or the folder can't be written.
    """
    if rows < 1 or seed < 0:
        raise UnusableInputError(f"rows is {rows} and seed is {seed}; rows must be at least 1, the seed not negative")
    sites = make_sites(site_count(rows), seed)
    plan = make_plan(rows, sites, seed)
    faults = place_faults(broken, plan, seed)
    paths = [out / f"{name}.xlsx" for name in ("samples", "methods", "sites")]
    try:
        out.mkdir(parents=True, exist_ok=True)
        with WorkbookWriter(paths[0]) as workbook:
            samples = _spoiled(plan, seed, faults)
            for sheet in range(-(-rows // SHEET_ROWS)):
                workbook.write_sheet(sheet_name(sheet), SAMPLE_NAMES, islice(samples, SHEET_ROWS))
        with WorkbookWriter(paths[1]) as workbook:
            workbook.write_sheet(sheet_name(0), [column.name for column in METHODS], make_methods())
        with WorkbookWriter(paths[2]) as workbook:
            workbook.write_sheet(sheet_name(0), [column.name for column in SITES], [site.row for site in sites])
    except OSError as error:
        raise UnusableInputError(f"{out}: can't write the workbooks there ({error.strerror or error})") from error
    return Generated(paths[0], paths[1], paths[2], rows, len(sites), tuple(faults[row] for row in sorted(faults)))


def _spoiled(plan: Plan, seed: int, faults: dict[int, Fault]) -> Iterator[list[Written]]:
    before: list[Written] = []
    for index, row in enumerate(sample_rows(plan, seed)):
        if index in faults:
            spoil(faults[index], row, before)
        yield row
        before = row
