"""`python -m jobs.spark metrics` and `live`: the jobs without the command line tool, for images that hold Spark alone."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict

from acidwatch.errors import AcidwatchError, DependencyAwayError
from acidwatch.sigterm import end_by_sigterm
from jobs.spark.scratch import own_scratch


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; the published run goes to stdout as JSON, everything else to stderr.

    Returns:
        The exit code: 0 done, 1 a check failed, 2 usage or unusable input, 3 a dependency is away.
    """
    end_by_sigterm()
    parser = argparse.ArgumentParser(prog="python -m jobs.spark", description="Spark jobs of acidwatch")
    jobs = parser.add_subparsers(dest="job", required=True)
    live = jobs.add_parser("live", help="follow the topic of batches; until SIGTERM")
    live.add_argument(
        "--trigger", type=float, default=5.0, metavar="SECONDS", help="how often new batches are taken in"
    )
    live.add_argument("--once", action="store_true", help="take in what is on the topic now, then end")
    metrics = jobs.add_parser("metrics", help="compute and publish statistics")
    metrics.add_argument("--version", type=int, metavar="N", help="dataset version; the newest one without it")
    metrics.add_argument(
        "--force",
        "--again",
        action="store_true",
        help="compute all sites, even if nothing changed since a run was published",
    )
    metrics.add_argument("--schedule", metavar="CRON", help="keep running at these times (UTC), such as '15 * * * *'")
    metrics.add_argument(
        "--if-any", action="store_true", help="do nothing, and end with 0, while there is no version of the dataset"
    )
    options = parser.parse_args(arguments)
    if options.job == "live" and options.trigger <= 0:
        parser.error("--trigger must be longer than 0")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("py4j", "hdfs"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        if options.job == "live":
            from jobs.spark.live.bootstrap import run_live

            with own_scratch():
                print(json.dumps(asdict(run_live(options.trigger, options.once))))
            return 0
        if options.schedule is not None:
            from jobs.spark.bootstrap import anything_to_compute, published_rows
            from jobs.spark.schedule import Task, run_on_schedule

            once = [sys.executable, "-m", "jobs.spark", "metrics"]
            once += ["--version", str(options.version)] if options.version is not None else []
            run_on_schedule(
                options.schedule,
                once + (["--force"] if options.force else []),
                Task("metrics", published_rows, anything_to_compute),
            )
            return 0
        with own_scratch():
            _run(options.version, options.force, options.if_any)
    except AcidwatchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _run(version: int | None, force: bool, if_any: bool) -> None:
    from jobs.spark.bootstrap import anything_to_compute, metrics_job, remove_old_runs

    if if_any and not anything_to_compute():
        print("there is no version of the dataset yet: nothing done", file=sys.stderr)
        return
    run, new = metrics_job().run(version, force)
    if not new:
        print(
            f"version {run.dataset_version} was published already, as run {run.run_id}: nothing done", file=sys.stderr
        )
    print(json.dumps(asdict(run), default=str))
    try:
        for folder in remove_old_runs():
            print(f"removed {folder}: no run that is kept needs it", file=sys.stderr)
    except DependencyAwayError as error:
        print(f"note: {error}. The run is published; the next one removes what is not kept", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
