"""How `acidwatch versions diff` prints what differs: row by row and cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from acidwatch.cli.output import OutputFormat, emit, emit_json, say
from acidwatch.contract.columns import NATURAL_KEY
from acidwatch.contract.headers import file_name
from acidwatch.contract.outcome import printable

if TYPE_CHECKING:
    from acidwatch.history.diff import Diff
    from acidwatch.history.differences import Sample
    from acidwatch.ledger.members import Member

_BATCH = ("batch_id", "attempt", "source", "batch_index", "subject", "rows")


def emit_diff(found: Diff, limit: int, output: OutputFormat) -> None:
    """Print a difference; each of its lists is cut at `limit`, the counts are of all."""
    counts = _counts(found)
    batches = {name: [_batch(found, m) for m in getattr(found, name)[:limit]] for name in ("batches_in", "batches_out")}
    samples = found.samples
    changed: list[dict[str, Any]] = [
        {
            "key": one.after.key,
            "cells": [asdict(cell) for cell in one.cells],
            "before": _place(found, one.before),
            "after": _place(found, one.after),
        }
        for one in samples.changed[:limit]
    ]
    added, removed = ([_row(found, one) for one in rows[:limit]] for rows in (samples.added, samples.removed))
    figures = [asdict(figure) for figure in found.figures]
    if output is OutputFormat.json:
        emit_json(
            {
                "before": found.before,
                "after": found.after,
                "counts": counts,
                **batches,
                "added": added,
                "removed": removed,
                "changed": changed,
                "figures": figures,
            }
        )
        return
    typer.echo(_sentence(found, counts))
    cells = [
        {**one["key"], **cell, "was_in": _where(one["before"]), "is_in": _where(one["after"])}
        for one in changed
        for cell in one["cells"]
    ]
    title = f"Cells changed: {counts['cells']} of {counts['changed']} samples"
    _table(cells, (*NATURAL_KEY, "column", "before", "after", "was_in", "is_in"), title)
    for name, rows in (("added", added), ("removed", removed)):
        lines = [{**one["key"], "from": _where(one["place"])} for one in rows]
        _table(lines, (*NATURAL_KEY, "from"), f"Samples {name}: {counts[name]}")
    other = [figure for figure in figures if figure["before"] != figure["after"]]
    _table(other, ("figure", "parameter", "unit", "before", "after", "difference"), "Figures that changed")
    for name, title in (("batches_in", "Batches in"), ("batches_out", "Batches out")):
        _table(batches[name], _BATCH, f"{title}: {counts[name]}")
    if any(counts[name] > limit for name in ("batches_in", "batches_out", "added", "removed", "changed")):
        say(f"only the first {limit} of each are shown; --limit N shows more")


def _counts(found: Diff) -> dict[str, int]:
    samples = found.samples
    return {
        "batches_in": len(found.batches_in),
        "batches_out": len(found.batches_out),
        "added": len(samples.added),
        "removed": len(samples.removed),
        "changed": len(samples.changed),
        "cells": sum(len(one.cells) for one in samples.changed),
        "reflagged": samples.reflagged,
    }


def _sentence(found: Diff, counts: dict[str, int]) -> str:
    return (
        f"version {found.before} to {found.after}: {counts['batches_in']} batches in, {counts['batches_out']} out;"
        f" {counts['added']} samples added, {counts['removed']} removed,"
        f" {counts['cells']} cells of {counts['changed']} samples changed"
    )


def _batch(found: Diff, member: Member) -> dict[str, Any]:
    return {
        "batch_id": member.batch_id,
        "attempt": member.attempt,
        **asdict(found.batches[member.batch_id]),
        "rows": member.rows,
    }


def _place(found: Diff, sample: Sample) -> dict[str, Any]:
    from acidwatch.contract.headers import BatchHeaders

    batch = found.batches[sample.batch_id]
    return {
        "source": batch.source,
        "source_id": batch.source_id,
        "sheet": BatchHeaders(subject=batch.subject).sheet,
        "row": sample.row,
        "batch_id": sample.batch_id,
        "attempt": sample.attempt,
    }


def _row(found: Diff, sample: Sample) -> dict[str, Any]:
    return {"key": sample.key, "place": _place(found, sample), "values": sample.values}


def _where(place: dict[str, Any]) -> str:
    return f"{file_name(place['source'])} {place['sheet']}!{place['row']}"


def _table(rows: Sequence[dict[str, Any]], columns: Sequence[str], title: str) -> None:
    if rows:
        typer.echo()
        emit(
            [{name: _exact(row.get(name)) for name in columns} for row in rows],
            columns,
            OutputFormat.table,
            title,
        )


def _exact(value: Any) -> Any:
    """A value as it is shown here: a rounded number could hide the difference, and text is anybody's."""
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, str):
        return printable(value)
    return value
