"""`acidwatch revalidate`: what the contract of today would reject of what is in the dataset."""

from __future__ import annotations

from typing import Annotated

import typer

from acidwatch.cli.output import Limit, Output, OutputFormat, emit, emit_json, most


def revalidate(
    version: Annotated[str, typer.Option("--version", help="number or tag of the version")] = "newest",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="tell, and change nothing: the only way there is")] = False,
    limit: Limit = None,
    output: Output = OutputFormat.table,
) -> None:
    """Judge the batches of a version again, with this contract and the newest reference tables, and tell which would be rejected.

    They stay in the dataset. To judge a batch again in earnest: acidwatch reprocess BATCH.
    """
    from dataclasses import asdict

    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.errors import UnusableInputError
    from acidwatch.ledger.connection import Ledger
    from acidwatch.recovery.revalidate import revalidate as run
    from acidwatch.settings import HdfsSettings, PostgresSettings, load

    if not dry_run:
        raise UnusableInputError(
            "revalidate changes nothing, so say --dry-run; to judge a batch again in earnest: acidwatch reprocess BATCH"
        )
    found = run(Ledger(load(PostgresSettings)), HdfsStore(load(HdfsSettings)), version, most(limit, output))
    if output is OutputFormat.json:
        emit_json(asdict(found))
        return
    rows = [
        {
            "batch_id": refused.batch_id,
            "source": refused.source,
            "hard": refused.hard,
            "rule": refused.findings[0].rule,
            "cell": f"{refused.findings[0].sheet}!{refused.findings[0].cell}".strip("!"),
            "message": refused.findings[0].message,
        }
        for refused in found.refused
    ]
    typer.echo(
        f"{found.rejected} of {found.batches} batches of version {found.version} would be rejected by contract"
        f" {found.contract_version} and reference version {found.reference_version}"
    )
    if rows:
        emit([{"rule": rule, "batches": count} for rule, count in found.rules.items()], ["rule", "batches"], output)
        emit(rows, ["batch_id", "source", "hard", "rule", "cell", "message"], output)
