"""The `acidwatch` command. One module a noun; each imports what a command needs when it runs, so that --help is quick."""

from __future__ import annotations

import logging
import os
import re
import sys
from typing import Annotated

import typer

from acidwatch.cli import (
    acidity,
    batches,
    dlq,
    gc,
    generate,
    ingest,
    job,
    ledger,
    metrics,
    quality,
    quarantine,
    reconcile,
    reference,
    report,
    reprocess,
    revalidate,
    send,
    sources,
    status,
    template,
    topics,
    validate,
    verify,
    versions,
    wait,
    watch,
)
from acidwatch.errors import AcidwatchError, UnusableInputError
from acidwatch.sigterm import end_by_sigterm

app = typer.Typer(
    name="acidwatch",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Lake and stream chemistry from workbook to trend: every batch checked, every version kept, nothing lost.\n\n"
    "Data goes to stdout, progress and messages to stderr. Exit codes: 0 done, 1 the data or the check failed, "
    "2 usage or unusable input, 3 a dependency is away.",
    epilog="Settings are read from flags, the environment (ACIDWATCH_...), .env, and .local/stack.env after `make up`.",
)

_LAB, _OPERATOR, _ANALYST, _SETUP = "For the laboratory", "For the operator", "For the analyst", "Setting up"

app.command("template", rich_help_panel=_LAB)(template.template)
app.command("validate", rich_help_panel=_LAB)(validate.validate)
app.command("send", rich_help_panel=_LAB)(send.send)
app.command("wait", rich_help_panel=_LAB)(wait.wait)
app.command("generate", rich_help_panel=_LAB)(generate.generate)
app.command("status", rich_help_panel=_OPERATOR)(status.status)
app.add_typer(sources.app, name="sources", rich_help_panel=_OPERATOR)
app.add_typer(batches.app, name="batches", rich_help_panel=_OPERATOR)
app.add_typer(dlq.app, name="dlq", rich_help_panel=_OPERATOR)
app.command("reprocess", rich_help_panel=_OPERATOR)(reprocess.reprocess)
app.command("quarantine", rich_help_panel=_OPERATOR)(quarantine.quarantine)
app.add_typer(ingest.app, name="ingest", rich_help_panel=_OPERATOR)
app.command("revalidate", rich_help_panel=_OPERATOR)(revalidate.revalidate)
app.command("reconcile", rich_help_panel=_OPERATOR)(reconcile.reconcile)
app.command("verify", rich_help_panel=_OPERATOR)(verify.verify)
app.command("gc", rich_help_panel=_OPERATOR)(gc.gc)
app.add_typer(versions.app, name="versions", rich_help_panel=_ANALYST)
app.add_typer(job.app, name="job", rich_help_panel=_ANALYST)
app.command("watch", rich_help_panel=_ANALYST)(watch.watch)
metrics.app.command("acidity")(acidity.acidity)
metrics.app.command("quality")(quality.quality)
app.add_typer(metrics.app, name="metrics", rich_help_panel=_ANALYST)
app.command("report", rich_help_panel=_ANALYST)(report.report)
app.add_typer(reference.app, name="reference", rich_help_panel=_SETUP)
app.add_typer(ledger.app, name="ledger", rich_help_panel=_SETUP)
app.add_typer(topics.app, name="topics", rich_help_panel=_SETUP)


def _print_version(asked: bool) -> None:
    if asked:
        from acidwatch import __version__

        typer.echo(f"acidwatch {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version of acidwatch and exit.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    pass


_EMPTY_OPTION = re.compile(r"--[a-z-]+=")


def _refuse_unusable_arguments(arguments: list[str]) -> None:
    """Empty ones, and those that are no text: nothing that is written down could hold them, ledger, headers and journal are UTF-8."""
    for number, argument in enumerate(arguments, start=1):
        if not argument.strip() or _EMPTY_OPTION.fullmatch(argument):
            # As a filter it would mean everything, or nothing.
            raise UnusableInputError(f"argument {number} is empty: is a variable of your shell not set?")
        try:
            argument.encode()
        except UnicodeEncodeError:
            shown = os.fsencode(argument).decode(errors="replace")
            raise UnusableInputError(
                f"argument {number} ({shown}) is not UTF-8: rename the file, or let your terminal or script use UTF-8"
            ) from None


def main() -> None:
    """Run a command; acidwatch's own errors end it with one clear line and their exit code, never with a traceback."""
    end_by_sigterm()
    # What the clients of Kafka and PostgreSQL complain about reaches people as acidwatch's own error, once.
    for client in ("aiokafka", "psycopg.pool"):
        logging.getLogger(client).addHandler(logging.NullHandler())
        logging.getLogger(client).propagate = False
    try:
        _refuse_unusable_arguments(sys.argv[1:])
        app()
    except AcidwatchError as error:
        from acidwatch.contract.outcome import printable

        # A message may quote a file, which must not give orders to a terminal.
        for line in str(error).splitlines() or [type(error).__name__]:
            print(f"acidwatch: {printable(line)}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


if __name__ == "__main__":
    main()
