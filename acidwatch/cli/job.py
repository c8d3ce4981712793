"""`acidwatch job`: run a job over the archive now, on a schedule, or all the time."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from acidwatch.cli.compact import compact
from acidwatch.cli.durations import seconds_option
from acidwatch.cli.logs import log_to_stderr
from acidwatch.cli.output import Output, OutputFormat, emit, say

if TYPE_CHECKING:
    from jobs.spark.publish import Run

app = typer.Typer(no_args_is_help=True, help="Run a job over the archive now, or keep it running on a schedule.")
app.command()(compact)


@app.callback()
def jobs() -> None:
    """Run a job over the archive now, or keep it running on a schedule."""


def _require_spark() -> None:
    """Some installations, such as the image of the commands, do without Spark's half gigabyte."""
    try:
        import pyspark  # noqa: F401
    except ModuleNotFoundError:
        from acidwatch.errors import ConfigError

        raise ConfigError(
            "PySpark is not installed here: run this job in the image acidwatch/spark (docs/deploy.md)"
        ) from None


@app.command()
def metrics(
    version: Annotated[
        str | None,
        typer.Option("--version", help="dataset version N or a tag; without it the newest, which is what olap.* shows"),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option("--schedule", metavar="CRON", help="keep running at these times (UTC), such as '15 * * * *'"),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", "--again", help="compute all sites, even if nothing changed since a run was published"),
    ] = False,
    output: Output = OutputFormat.table,
) -> None:
    """Compute means, quartiles and distributions of a version of the dataset, and publish them."""
    _require_spark()
    log_to_stderr()
    if schedule is not None:
        from jobs.spark.bootstrap import anything_to_compute, published_rows
        from jobs.spark.schedule import Task, run_on_schedule

        once = [sys.executable, "-m", "acidwatch.cli", "job", "metrics", "--output", output.value]
        once += ["--version", version] if version is not None else []
        run_on_schedule(
            schedule, once + (["--force"] if force else []), Task("metrics", published_rows, anything_to_compute)
        )
        return
    from acidwatch.cli.which import version_number
    from acidwatch.errors import DependencyAwayError
    from jobs.spark.bootstrap import metrics_job, remove_old_runs

    job = metrics_job()
    run, new = job.run(version_number(version), force)
    if new:
        seconds = (run.finished_at - run.started_at).total_seconds()
        taken = (
            ""
            if run.based_on is None
            else f": {run.sites_computed} sites computed, all others as in run {run.based_on}"
        )
        say(f"published run {run.run_id} of version {run.dataset_version} after {seconds:.0f} s{taken}")
    else:
        say(
            f"version {run.dataset_version} with reference version {run.reference_version} and this code was published "
            f"already, as run {run.run_id}: nothing done (--force runs it all the same)"
        )
    if output is OutputFormat.json:
        emit([{**asdict(run), "new": new}], [], output)
    elif new:
        _print_summary(run)
    try:
        for folder in remove_old_runs():
            say(f"removed {folder}: no run that is kept needs it")
    except DependencyAwayError as error:
        say(f"note: {error}. The run is published; the next one removes what is not kept")


@app.command()
def live(
    trigger: Annotated[float, seconds_option("--trigger", "how often new batches are taken in")] = "5s",  # type: ignore[assignment]  # parsed by typer
    once: Annotated[bool, typer.Option("--once", help="take in what is on the topic now, then end")] = False,
    output: Output = OutputFormat.table,
) -> None:
    """Follow the topic of batches: keep each site's last values, means and ANC class, and raise alerts. Runs until SIGTERM or Ctrl-C.

    `acidwatch watch` shows them. A server that goes away is waited for; one that is away at the start, or with --once, is exit code 3.
    """
    if trigger <= 0:
        raise typer.BadParameter("must be longer than 0", param_hint="--trigger")
    _require_spark()
    from jobs.spark.live.bootstrap import run_live

    done = run_live(trigger, once)
    emit([asdict(done)], ["batches", "rows", "alerts"], output, "Taken in by this run")


def _print_summary(run: Run) -> None:
    """The run's counts, then methods by programme and samples by ANC class."""
    from acidwatch.settings import PostgresSettings, load
    from jobs.spark.postgres import connected
    from jobs.spark.results import rows_of

    counts = (
        ("rows of the version", run.rows),
        ("superseded: a later source or batch says the same sample", run.superseded),
        ("samples", run.samples),
        ("measurements", run.measurements),
        ("censored: only known to lie beyond a limit, in no figure", run.censored),
        ("several methods in use that year, one chosen by rule", run.ambiguous),
        ("without method, kept", run.without_method),
        ("without site, kept", run.without_site),
    )
    title = f"Run {run.run_id}: dataset version {run.dataset_version}, reference version {run.reference_version}"
    emit([{"what": what, "count": count} for what, count in counts], ["what", "count"], OutputFormat.table, title)

    with connected(load(PostgresSettings)) as connection:
        by_method = rows_of(connection, run, "method", {})
        by_class = rows_of(connection, run, "category", {"category": "anc_class", "parameter": "ANC"})
        by_region = [
            row
            for parameter in ("SO4", "ANC")
            for row in rows_of(connection, run, "region", {"parameter": parameter, "site_set": "all"})
            if row["n_sites"]
        ]
    programmes: dict[str, dict[str, int | str]] = {}
    for row in by_method:
        total = programmes.setdefault(
            row["program_id"],
            {"programme": row["program_id"], "measurements": 0, "several_methods": 0, "without_method": 0},
        )
        for name, count in (
            ("measurements", row["n"]),
            ("several_methods", row["ambiguous"]),
            ("without_method", row["n"] if row["method"] is None else 0),
        ):
            total[name] = int(total[name]) + count
    columns = ["programme", "measurements", "several_methods", "without_method"]
    emit(list(programmes.values()), columns, OutputFormat.table, "Methods by programme")
    emit(by_class, ["value", "samples", "mean", "median", "unit"], OutputFormat.table, "Samples by ANC class")
    if by_region:
        period = f"{by_region[0]['first_year']} to {by_region[0]['last_year']}"
        columns = ["region", "parameter", "n_sites", "median_slope", "unit", "improving_percent", "worsening_percent"]
        emit(by_region, columns, OutputFormat.table, f"Trends by region, {period}, slopes per year")
    say("more: acidwatch metrics site, method, category, trend, region, acceleration")
