"""`acidwatch template`: a blank workbook for a laboratory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acidwatch.cli.output import say


def template(
    to: Annotated[Path, typer.Option("--to", help="the workbook to write (.xlsx)", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="write over a file that is there")] = False,
) -> None:
    """Write a blank workbook: column names with their units, drop-downs, number formats, and a sheet of notes."""
    from acidwatch.errors import UnusableInputError
    from acidwatch.workbook.fix import refuse_other_ending
    from acidwatch.workbook.template import write_template

    refuse_other_ending(to)
    if to.exists() and not force:
        raise UnusableInputError(f"{to}: is there already; name another file, or give --force")
    write_template(to)
    typer.echo(f"{to}: a blank workbook of samples")
    say(f"fill it in, then: acidwatch validate {to} --sites SITES --methods METHODS")
