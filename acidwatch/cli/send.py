"""`acidwatch send`: replay a workbook onto the topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acidwatch.cli.durations import Interval, Timeout, parse_duration, write_duration
from acidwatch.cli.output import Output, OutputFormat, emit_json, say
from acidwatch.cli.samples import BatchSize, Locale, Samples, SheetName

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from acidwatch.broker.send import ConfirmedSender
    from acidwatch.checking.check import Checked
    from acidwatch.cli.fate import Fate
    from acidwatch.contract.reference import Reference
    from acidwatch.settings import KafkaSettings
    from services.producer.plan import Plan

INTERVAL, TIMEOUT = "10s", "5m"


def send(
    workbook: Samples,
    batch_size: BatchSize = 100,
    interval: Interval = INTERVAL,  # type: ignore[assignment]  # parsed by typer
    from_batch: Annotated[
        int, typer.Option("--from-batch", min=0, help="go on with this batch (from 0) after an interruption")
    ] = 0,
    sheet: SheetName = None,
    locale: Locale = None,
    replaces: Annotated[
        str | None,
        typer.Option(
            "--replaces",
            metavar="SOURCE",
            help="the workbook that this one corrects, by its name or how its SHA-256 begins: it leaves the dataset when all of this"
            " one is in",
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="send all of it, although batches are certain to be rejected")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="wait until every batch is recorded, and say what became of them")
    ] = False,
    timeout: Timeout = TIMEOUT,  # type: ignore[assignment]  # parsed by typer
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be sent, and send nothing")] = False,
    output: Output = OutputFormat.table,
) -> None:
    """Replay a workbook onto the topic in batches, with a progress bar.

    It is checked first, as `validate` does, against the newest sites on HDFS: when batches are certain to be rejected,
    nothing is sent and the exit code is 1, unless --force. With --wait the exit code is 1 when any was rejected.

    Sending the same workbook again sends the same batch ids: they are counted as duplicates and add nothing.
    SIGTERM or Ctrl-C stops after the batch at hand and says how to go on; the exit code is 0 then, with --wait 1.
    """
    from concurrent.futures import ThreadPoolExecutor
    from dataclasses import replace

    from acidwatch.cli.checking import newest_reference
    from acidwatch.errors import UnusableInputError
    from acidwatch.settings import KafkaSettings, OperatorSettings, load
    from services.producer.plan import plan

    settings = load(OperatorSettings if wait else KafkaSettings)
    with ThreadPoolExecutor(1) as beside:
        sites = beside.submit(newest_reference)  # while another process reads the workbook
        batches = plan(workbook, sheet, batch_size, locale)
    if from_batch > batches.batches:
        raise UnusableInputError(f"--from-batch {from_batch}: {workbook.name} has batches 0 to {batches.batches - 1}")
    for note in batches.table.notes:
        say(f"note: {note}")
    if replaces is not None:
        batches = replace(batches, replaces=_replaced_source(replaces, batches))
    _say_what_was_taken_out(batches)
    checked, reference_version = _check(batches, from_batch, *sites.result())
    refused = bool(checked.rejected) and not force
    how = _how(interval, wait=wait, timeout=timeout, force=force)
    reached = from_batch if dry_run or refused else _send(settings, batches, interval, from_batch, how)
    sent_all = not (dry_run or refused) and reached == batches.batches
    fate = _fate(batches, timeout) if wait and sent_all else None
    result = {
        "source": batches.source,
        "source_id": batches.table.sha256,
        "sheet": batches.table.sheet,
        "rows": batches.rows,
        "batches": batches.batches,
        "from_batch": from_batch,
        "next_batch": reached,
        "sent": reached - from_batch,
        "topic": settings.topic_batches,
        "replaces": batches.replaces,
        "checked_against": reference_version,
        "certain_rejections": checked.rejected,
        "dry_run": dry_run,
    }
    if fate is not None:
        result["fate"] = fate.as_json()
    if output is OutputFormat.json:
        emit_json(result)
    elif refused:
        typer.echo(f"nothing of {workbook.name} was sent")
    elif dry_run:
        rows = batches.rows_of(from_batch, batches.batches)
        typer.echo(
            f"would send {batches.batches - from_batch} batches ({rows} rows) of {workbook.name} to {settings.topic_batches}"
        )
    else:
        rows = batches.rows_of(from_batch, reached)
        typer.echo(
            f"sent {reached - from_batch} of {batches.batches} batches ({rows} rows) of {workbook.name}, all confirmed"
        )
    if fate is not None and output is OutputFormat.table:
        fate.tell()
    if refused:
        say("acidwatch: correct the cells above and send again, or send all of it as it is with --force")
        raise typer.Exit(1)
    if not dry_run and reached < batches.batches:
        say(f"stopped before the end; go on with: {_again(batches, reached, how)}")
        if wait:
            raise typer.Exit(1)
    if fate is not None and not fate.accepted_whole:
        raise typer.Exit(1)


def _how(interval: float, *, wait: bool, timeout: float, force: bool) -> str:
    """The options that say how to send, for the command that goes on; only those that say something."""
    given = {
        f" --interval {write_duration(interval)}": interval != parse_duration(INTERVAL),
        " --force": force,
        " --wait": wait,
        f" --timeout {write_duration(timeout)}": timeout != parse_duration(TIMEOUT),
    }
    return "".join(option for option, said in given.items() if said)


def _again(batches: Plan, reached: int, how: str) -> str:
    """The command that goes on."""
    import shlex

    instead = f" --replaces {batches.replaces[:12]}" if batches.replaces else ""
    path = shlex.quote(str(batches.table.path))
    path = f"./{path}" if path.startswith("-") else path
    return f"acidwatch send {path}{batches.options} --from-batch {reached}{instead}{how}"


def _check(batches: Plan, from_batch: int, reference: Reference | None, why_not: str) -> tuple[Checked, int | None]:
    """Judge what is about to be sent, and say which of it is certain to be rejected; also the reference version it was judged by."""
    from datetime import UTC, datetime

    from acidwatch.checking.reference import reference_of_samples
    from acidwatch.cli.checking import check_batches, report_on
    from acidwatch.cli.findings import findings_console, print_causes

    if reference is None:
        say(f"note: SITE_ID and PROGRAM_ID are not checked before sending: {why_not}")
    known, now = reference or reference_of_samples(batches.table), datetime.now(UTC)
    checked = check_batches(batches, known, now, from_batch)
    if checked.rejected:
        report = report_on(batches, checked, known, now)
        say(f"{report.place}: {report.summary}")
        print_causes(findings_console(stderr=True), [cause for cause in report.causes if cause.severity == "hard"])
    return checked, reference.version if reference else None


def _fate(batches: Plan, timeout: float) -> Fate:
    """Wait until all batches are recorded; what became of them."""
    from acidwatch.cli.fate import fate_of

    return fate_of(batches, timeout)


def _replaced_source(text: str, batches: Plan) -> str:
    """The source that is to be replaced."""
    from acidwatch.contract.headers import file_name
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.sources import check_replacement, find_source
    from acidwatch.settings import PostgresSettings, load

    ids = [batches.batch_id(index) for index in range(batches.batches)]
    with Ledger(load(PostgresSettings)).transaction() as connection:
        found = find_source(connection, text, batches.table.sha256)
        check_replacement(connection, found, batches.table.sha256, ids)
    say(
        f"in place of {file_name(found.name)} ({found.source_id[:12]}, {found.members} batches in the dataset): they leave when"
        f" every batch of {batches.table.path.name} is accepted"
    )
    return found.source_id


def _say_what_was_taken_out(batches: Plan) -> None:
    """Say when sending again won't bring back what is missing; only a remark, so without the database there is none."""
    from acidwatch.errors import AcidwatchError
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.sources import taken_out
    from acidwatch.settings import PostgresSettings, load

    try:
        settings = load(PostgresSettings)
        quick = settings.model_copy(update={"database_timeout_seconds": min(settings.database_timeout_seconds, 3.0)})
        with Ledger(quick).transaction() as connection:
            out = taken_out(connection, [batches.batch_id(index) for index in range(batches.batches)])
    except AcidwatchError:
        return
    if out is not None:
        say(
            f"note: {out.batches} batches of this workbook were taken out of the dataset, the last in version {out.version};"
            " sending does not bring them back, only: acidwatch versions restore, or acidwatch reprocess"
        )


def _send(settings: KafkaSettings, batches: Plan, interval: float, from_batch: int, how: str) -> int:
    from datetime import UTC, datetime

    from acidwatch.cli.sending import send_with_progress
    from acidwatch.errors import DependencyAwayError
    from services.producer.replay import replay

    reached = from_batch

    async def work(sender: ConfirmedSender, stop: asyncio.Event, progress: Callable[[int], None]) -> int:
        def confirmed(next_batch: int) -> None:
            nonlocal reached
            reached = next_batch
            progress(next_batch)

        return await replay(
            batches,
            sender,
            settings.topic_batches,
            interval_seconds=interval,
            from_batch=from_batch,
            source_time=datetime.now(UTC),
            now=lambda: datetime.now(UTC),
            stop=stop,
            confirmed=confirmed,
            most_bytes=settings.max_record_bytes,
        )

    try:
        return send_with_progress(settings, settings.topic_batches, batches.batches, "batches", work, done=from_batch)
    except DependencyAwayError:
        if reached > from_batch:
            say(f"{reached - from_batch} batches were confirmed; go on with: {_again(batches, reached, how)}")
        raise
