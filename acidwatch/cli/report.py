"""`acidwatch report`: one self-contained HTML page of what a run found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acidwatch.cli.metrics import Version
from acidwatch.cli.output import Output, OutputFormat, emit_json
from acidwatch.cli.which import AsOf, version_number

if TYPE_CHECKING:
    from acidwatch.report.source import Source
    from acidwatch.settings import ArchiveSettings

FROM_RUN = (
    "site",
    "region",
    "annual",
    "acidity_site",
    "method",
    "method_change",
    "unit_break",
    "distribution",
    "site_rows",
)


def report(
    to: Annotated[Path, typer.Option("--to", help="the file, such as report.html", show_default=False)],
    version: Version = None,
    as_of: AsOf = None,
    region: Annotated[
        str | None, typer.Option("--region", help="only the sites of this region, such as Adirondacks; all without it")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="write over a file that is there")] = False,
    output: Output = OutputFormat.table,
) -> None:
    """Write one page with the headline, map, trends, sites, quality and provenance; it works offline and prints."""
    from acidwatch.errors import UnusableInputError
    from acidwatch.report.page import render
    from acidwatch.settings import ArchiveSettings, load

    name = _region(region)
    try:
        if to.is_dir():
            raise UnusableInputError(f"{to}: is a folder; name a file in it, such as {to / 'report.html'}")
        if to.exists() and not force:
            raise UnusableInputError(f"{to}: is there already; name another file, or give --force")
        if not to.absolute().parent.is_dir():
            raise UnusableInputError(f"{to}: there is no folder {to.parent}")
    except OSError as error:
        raise UnusableInputError(f"{to}: can't write there ({error.strerror or error})") from error
    source = _read(load(ArchiveSettings), version_number(version, as_of), name)
    if not source.series():
        whose = f" of {name}" if name else ""
        raise UnusableInputError(f"run {source.run['run_id']} holds no trends{whose}: there is nothing to report")
    page = render(source)
    _write(to, page)
    run, sites = source.run, len(source.site_keys())
    if output is OutputFormat.json:
        emit_json({"path": str(to), "bytes": len(page), "sites": sites, "region": name, **run})
        return
    what = (
        f"{sites} sites{f' of {name}' if name else ''}, dataset version {run['dataset_version']}, run {run['run_id']}"
    )
    typer.echo(f"{to}  {what}, {len(page)} bytes")


def _region(text: str | None) -> str | None:
    """The region that an option means, upper or lower case alike."""
    from acidwatch.contract.regions import REGIONS

    names = {one.name.lower(): one.name for one in REGIONS}
    if text is not None and text.lower() not in names:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(sorted(names.values()))}", param_hint="--region")
    return None if text is None else names[text.lower()]


def _read(settings: ArchiveSettings, version: int | None, region: str | None) -> Source:
    """Ask the results, the ledger and the archive, in this order: without a run nothing else is needed."""
    from dataclasses import asdict

    from acidwatch import __version__
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.archive.reference import read_sites
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.rejected import rejected_until
    from acidwatch.report.source import Source
    from jobs.spark.postgres import connected
    from jobs.spark.quality_results import rules_counted
    from jobs.spark.results import find_run, rows_of

    with connected(settings, "acidwatch report") as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # an old run may be deleted meanwhile
        run = find_run(connection, version)
        tables: dict[str, list[dict[str, Any]]] = {table: rows_of(connection, run, table, {}) for table in FROM_RUN}
        tables["trend"] = rows_of(connection, run, "trend", {"variant": "annual_mean"})
        tables["rules"] = rules_counted(connection, run, (), {})
    with Ledger(settings).transaction() as ledger:
        known = ledger.execute("SELECT * FROM ledger.versions WHERE version = %s", (run.dataset_version,)).fetchone()
        rejected = rejected_until(ledger, run.finished_at)
    sites = read_sites(HdfsStore(settings), run.reference_version)
    return Source(
        run=asdict(run),
        version=known,
        rejected=rejected,
        sites={(site["PROGRAM_ID"], site["SITE_ID"]): site for site in sites},
        tables=tables,
        region=region,
        acidwatch_version=__version__,
    )


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        UnusableInputError: It can't be written there.
    """
    import os
    from contextlib import suppress

    from acidwatch.errors import UnusableInputError

    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise UnusableInputError(f"{path}: can't write there ({error.strerror or error})") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
