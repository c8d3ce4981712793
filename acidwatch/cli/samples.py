"""The workbook of samples that a command reads: which file, which sheet, how its texts write numbers, how it is cut."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Samples = Annotated[Path, typer.Argument(help="samples: .xlsx, .xls, .xlsb, .ods or .csv", show_default=False)]
SheetName = Annotated[str | None, typer.Option("--sheet", help="its sheet, when several fit", show_default=False)]
Locale = Annotated[
    str | None,
    typer.Option(
        "--locale",
        help="how its texts write numbers: fr = decimal comma, blanks between thousands; en = decimal point",
        show_default=False,
    ),
]
BatchSize = Annotated[int, typer.Option("--batch-size", min=1, max=10_000, help="rows in a batch")]
