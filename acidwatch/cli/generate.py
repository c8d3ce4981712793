"""`acidwatch generate`: LTM-like workbooks for trials."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from acidwatch.cli.output import Output, OutputFormat, emit_json


def generate(
    rows: Annotated[int, typer.Option("--rows", min=1, help="rows of samples")] = 4000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="the same seed gives the same bytes")] = 1,
    out: Annotated[Path, typer.Option("--out", help="folder for samples.xlsx, methods.xlsx and sites.xlsx")] = Path(
        "generated"
    ),
    broken: Annotated[
        list[str] | None,
        typer.Option(
            "--broken",
            metavar="KIND[@BATCH]",
            help="put a named fault into one batch; repeat for several; 'list' names them",
        ),
    ] = None,
    output: Output = OutputFormat.table,
) -> None:
    """Make workbooks of samples, methods and sites like those of the EPA's long-term monitoring, with all their traps."""
    from acidwatch.workbook import generate as generator

    if broken and "list" in broken:
        kinds = dict(generator.KINDS)
        if output is OutputFormat.json:
            emit_json(kinds)
        else:
            for kind, meaning in kinds.items():
                typer.echo(f"{kind:20} {meaning}")
        return
    made = generator.generate(rows, seed, out, broken or ())
    if output is OutputFormat.json:
        emit_json(asdict(made))
        return
    typer.echo(f"{made.samples}  {made.rows} samples")
    typer.echo(f"{made.methods}")
    typer.echo(f"{made.sites}")
    for fault in made.faults:
        typer.echo(
            f"fault {fault.kind} in batch {fault.batch}: {fault.sheet}!{fault.cell}, to be found as {fault.rule}"
        )
