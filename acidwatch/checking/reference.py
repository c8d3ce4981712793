"""The sites and methods workbooks as the laboratory has them: read, typed, and made the reference that samples are judged against."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from acidwatch.contract.columns import METHODS, SITES, Column
from acidwatch.contract.reference import Reference
from acidwatch.contract.typed import Misfit, type_cells
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.reader import Table, read_table

UNNUMBERED = 0
"""Version of a reference that was never loaded into the pipeline."""

_MOST_FAULTS = 20


def read_reference_tables(sites: Path, methods: Path) -> dict[str, pa.Table]:
    """Read and type both workbooks: `sites` and `methods`.

    Raises:
        UnusableInputError: One can't be read, or has faults; all of its faults at once, one line each.
    """
    return {
        "sites": _typed(sites, SITES, unique=("SITE_ID", "PROGRAM_ID")),
        "methods": _typed(methods, METHODS, ordered=("START_YEAR", "END_YEAR")),
    }


def reference_of_sites(sites: pa.Table) -> Reference:
    """The reference of a typed sites table."""
    return Reference.of(UNNUMBERED, zip(sites["PROGRAM_ID"].to_pylist(), sites["SITE_ID"].to_pylist(), strict=True))


def reference_of_samples(samples: Table) -> Reference:
    """A reference that knows every site of the samples, for judging all the rules but those about sites and programmes."""
    pairs = set(zip(samples.columns["PROGRAM_ID"], samples.columns["SITE_ID"], strict=True))
    return Reference.of(
        UNNUMBERED,
        [(programme, site) for programme, site in pairs if isinstance(programme, str) and isinstance(site, str)],
    )


def _typed(
    path: Path,
    columns: tuple[Column, ...],
    *,
    unique: tuple[str, ...] = (),
    ordered: tuple[str, str] | None = None,
) -> pa.Table:
    """Read and type a reference workbook; every fault in it at once, one line each.

    Args:
        path: The workbook.
        columns: Its columns.
        unique: Those whose values together name a row.
        ordered: Two, of which the second must not be less than the first.
    """
    table = read_table(path, columns)
    faults: list[str] = []
    arrays = {}
    for column in columns:
        misfits: list[Misfit] = []
        cells = list(table.columns[column.name])
        arrays[column.name] = type_cells(column, cells, misfits)
        place = f"{path.name}: {table.sheet}!{table.letters[column.name]}"
        faults += [
            f"{place}{table.row_numbers[m.row]}: {column.name} is {str(m.value)[:60]!r}; it must be {column.kind}"
            for m in misfits
        ]
        if column.required:
            empty = [row for row, cell in enumerate(cells) if cell is None]
            faults += [f"{place}{table.row_numbers[row]}: {column.name} is empty" for row in empty]
        if column.low is not None and column.high is not None:
            faults += [
                f"{place}{table.row_numbers[row]}: {column.name} is {value}; it must be from {column.low:g} to {column.high:g}"
                for row, value in enumerate(arrays[column.name].to_pylist())
                if value is not None and not column.low <= value <= column.high
            ]
    if ordered:
        low, high = ordered
        faults += [
            f"{path.name}: {table.sheet}!{table.letters[high]}{number}: {high} is {last}; it must not be before {low}, {first}"
            for number, first, last in zip(
                table.row_numbers, arrays[low].to_pylist(), arrays[high].to_pylist(), strict=True
            )
            if first is not None and last is not None and last < first
        ]
    if unique:
        seen: dict[tuple[object, ...], int] = {}
        for row, key in enumerate(zip(*(table.columns[name] for name in unique), strict=True)):
            if key in seen:
                faults.append(
                    f"{path.name}: rows {seen[key]} and {table.row_numbers[row]} have the same {', '.join(unique)}: {key}"
                )
            seen.setdefault(key, table.row_numbers[row])
    if faults:
        more = [f"... and {len(faults) - _MOST_FAULTS} more"] if len(faults) > _MOST_FAULTS else []
        raise UnusableInputError("\n".join(faults[:_MOST_FAULTS] + more))
    return pa.table(arrays)
