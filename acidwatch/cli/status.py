"""`acidwatch status`: everything at a glance, also when a server is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from acidwatch.cli.output import Output, OutputFormat, emit_json, format_value

if TYPE_CHECKING:
    from acidwatch.errors import DependencyAwayError
    from acidwatch.settings import StatusSettings

Found = dict[str, Any]

READY = "ready"


def status(output: Output = OutputFormat.table) -> None:
    """Show the newest version, what became of the batches, what is on the way, dead letters, the last job, ingest, and the services.

    What can't be asked because a server is away is left out, and the exit code is 3, or 2 where it refuses us or lacks tables; without
    HDFS alone `ingest` is unknown, and it is 0.
    """
    from acidwatch.settings import StatusSettings, load

    settings = load(StatusSettings)
    away: dict[str, DependencyAwayError] = {}
    found: Found = {}
    for part in (_ledger, _flight, _ingest, _services):
        _ask(part, settings, found, away)
    if output is OutputFormat.json:
        emit_json(found)
    else:
        _print(found)
    for error in away.values():
        typer.echo(f"acidwatch: {error}", err=True)
    if away:
        raise typer.Exit(min(error.exit_code for error in away.values()))


def _ask(
    part: Callable[[StatusSettings, Found], None],
    settings: StatusSettings,
    found: Found,
    away: dict[str, DependencyAwayError],
) -> None:
    from acidwatch.errors import DependencyAwayError

    try:
        part(settings, found)
    except DependencyAwayError as error:
        away[error.dependency] = error


def _ledger(settings: StatusSettings, found: Found) -> None:
    from acidwatch.ledger import queries
    from acidwatch.ledger.connection import Ledger

    with Ledger(settings).transaction() as connection:
        dataset = queries.dataset(connection)
        letters = queries.letter_counts(connection)
        run = queries.last_run(connection)
    found |= {
        "dataset": dataset["dataset"],
        "version": dataset["newest_version"],
        "rows": dataset["rows"],
        "batches": {
            "accepted": dataset["accepted"],
            "rejected": dataset["rejected"],
            "duplicate": dataset["duplicates"],
        },
        "dead_letters": letters,
        "last_run": run,
    }


def _flight(settings: StatusSettings, found: Found) -> None:
    import asyncio

    from acidwatch.broker.lag import in_flight

    flight = asyncio.run(in_flight(settings))
    if "batches" in found:
        found["batches"]["in_flight"] = flight.total
    found["lag"] = {"ingestor": flight.batches, "versioner": flight.outcomes}


def _ingest(settings: StatusSettings, found: Found) -> None:
    """Whether the ingestors take records; the rest of the status does not need HDFS, so it is no error where that is away."""
    from acidwatch.archive.flood import newest_number, read_flood
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.errors import ConfigError, DependencyAwayError
    from acidwatch.settings import HdfsSettings, load

    try:
        store = HdfsStore(load(HdfsSettings, hdfs_timeout_seconds=3.0))
        state = read_flood(store, newest_number(store))
    except (ConfigError, DependencyAwayError) as error:
        found["ingest"] = f"unknown: {error}"
        return
    paused = f"PAUSED by {state.by}: {state.reason}; see: acidwatch ingest status"
    found["ingest"] = paused if state.paused else "running"


def _services(settings: StatusSettings, found: Found) -> None:
    """What each service says of itself, where it is known where to ask."""
    addresses = {
        "producer": settings.producer_health,
        "ingestor": settings.ingestor_health,
        "versioner": settings.versioner_health,
    }
    found["services"] = {name: service(address) for name, address in addresses.items() if address}


def service(address: str) -> str:
    """What the processes at an address say of themselves; a name may stand for several, of which each is asked."""
    places = _places(address)
    said = {place: _process(place) for place in places}
    if len(said) == 1:
        return next(iter(said.values()))
    others = "".join(
        f"; {what if place in what else f'{place}: {what}'}" for place, what in said.items() if what != READY
    )
    return f"{list(said.values()).count(READY)} of {len(said)} ready{others}"


def _places(address: str) -> list[str]:
    """The addresses that a name has; it itself where it has one, or none that can be found."""
    import socket
    from urllib.parse import urlsplit

    parts = urlsplit(address)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return [address]
    ips = sorted({str(place[0]) for *_, place in found})
    port = f":{parts.port}" if parts.port else ""
    return [f"{parts.scheme}://{ip}{port}" for ip in ips] if len(ips) > 1 else [address]


def _process(address: str) -> str:
    import requests

    try:
        answer = requests.get(f"{address.rstrip('/')}/readyz", timeout=2)
        waits: dict[str, str] = answer.json()["waiting_for"]
    except (requests.RequestException, ValueError, KeyError):
        return f"NO ANSWER at {address}"
    return "waits: " + "; ".join(f"{name}: {reason}" for name, reason in waits.items()) if waits else READY


def _print(found: Found) -> None:
    if "dataset" in found:
        typer.echo(f"dataset       {found['dataset']}, version {found['version']}, {found['rows']} rows")
    for name, label in (("batches", "batches"), ("lag", "lag"), ("dead_letters", "dead letters")):
        if name in found:
            counts = ", ".join(f"{value} {key.replace('_', ' ')}" for key, value in found[name].items())
            typer.echo(f"{label:13} {counts}")
    if "last_run" in found:
        run = found["last_run"]
        said = (
            f"run {run['run_id']} of version {run['dataset_version']}, finished {format_value(run['finished_at'])}"
            if run
            else "none yet; run: acidwatch job metrics"
        )
        typer.echo(f"last job      {said}")
    typer.echo(f"ingest        {found['ingest']}")
    for name, said in found["services"].items():
        typer.echo(f"{name:13} {said}")
