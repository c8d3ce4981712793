"""`acidwatch status`: everything at a glance."""

from __future__ import annotations

import typer

from acidwatch.cli.output import Output, OutputFormat, emit_json, format_value


def status(output: Output = OutputFormat.table) -> None:
    """Show the newest version, what became of the batches, what is on the way, dead letters, the last job, and whether ingest is paused."""
    import asyncio

    from acidwatch.broker.lag import in_flight
    from acidwatch.ledger import queries
    from acidwatch.ledger.connection import Ledger
    from acidwatch.settings import OperatorSettings, load

    settings = load(OperatorSettings)
    ledger = Ledger(settings)
    with ledger.transaction() as connection:
        dataset = queries.dataset(connection)
        letters = queries.letter_counts(connection)
        run = queries.last_run(connection)
    flight = asyncio.run(in_flight(settings))
    found = {
        "dataset": dataset["dataset"],
        "version": dataset["newest_version"],
        "rows": dataset["rows"],
        "batches": {
            "accepted": dataset["accepted"],
            "rejected": dataset["rejected"],
            "duplicate": dataset["duplicates"],
            "in_flight": flight.total,
        },
        "lag": {"ingestor": flight.batches, "versioner": flight.outcomes},
        "dead_letters": letters,
        "last_run": run,
        "ingest": _ingest(),
    }
    if output is OutputFormat.json:
        emit_json(found)
        return
    typer.echo(f"dataset       {found['dataset']}, version {found['version']}, {found['rows']} rows")
    for name, label in (("batches", "batches"), ("lag", "lag"), ("dead_letters", "dead letters")):
        typer.echo(f"{label:13} " + ", ".join(f"{value} {key.replace('_', ' ')}" for key, value in found[name].items()))
    if run:
        typer.echo(
            f"last job      run {run['run_id']} of version {run['dataset_version']}, finished {format_value(run['finished_at'])}"
        )
    else:
        typer.echo("last job      none yet; run: acidwatch job metrics")
    typer.echo(f"ingest        {found['ingest']}")


def _ingest() -> str:
    """Whether the ingestors take records, on one line; the rest of the status does not need HDFS, so it is no error where that is away."""
    from acidwatch.archive.flood import newest_number, read_flood
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.errors import ConfigError, DependencyAwayError
    from acidwatch.settings import HdfsSettings, load

    try:
        store = HdfsStore(load(HdfsSettings, hdfs_timeout_seconds=3.0))
        state = read_flood(store, newest_number(store))
    except (ConfigError, DependencyAwayError):
        return "unknown: HDFS, where it is written, is away"
    return f"PAUSED by {state.by}: {state.reason}; see: acidwatch ingest status" if state.paused else "running"
