"""`acidwatch verify`: is every byte of the dataset still what it was?"""

from __future__ import annotations

from typing import Annotated

import typer

from acidwatch.cli.output import Output, OutputFormat, emit, emit_json


def verify(
    version: Annotated[
        str | None,
        typer.Option("--version", help="only the files of this version (a number or a tag)", show_default=False),
    ] = None,
    output: Output = OutputFormat.table,
) -> None:
    """Check every file that is named against its length, SHA-256 and contents, and every version against its members.

    Exit code 1 when something is wrong, with its name.
    """
    from dataclasses import asdict

    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.cli.progress import progress_bar
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.tags import find_version
    from acidwatch.proof.verify import verify as check
    from acidwatch.settings import ArchiveSettings, load

    settings = load(ArchiveSettings)
    ledger = Ledger(settings)
    number = None
    if version is not None:
        with ledger.transaction() as connection:
            number = find_version(connection, version)
    with progress_bar("files") as progress:
        found = check(HdfsStore(settings), ledger, number, progress)
    ledger.close()
    if output is OutputFormat.json:
        emit_json({"checked": found.checked, "faults": [asdict(fault) for fault in found.faults]})
    else:
        if found.faults:
            emit([asdict(fault) for fault in found.faults], ["subject", "kind", "message"], output, "Faults")
        checked = ", ".join(f"{count} {what}" for what, count in found.checked.items())
        typer.echo(f"{len(found.faults)} faults; checked: {checked}")
    if found.faults:
        raise typer.Exit(1)
