"""What commands have in common that change something: the options, and asking first."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would be done, and change nothing")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="do it without asking")]
Message = Annotated[str, typer.Option("--message", "-m", help="why, for whoever reads the history")]
Author = Annotated[str | None, typer.Option("--author", help="who does it; you, when not given", show_default=False)]


def author_or_you(author: str | None) -> str:
    """The author that was given, or the name of the user."""
    import getpass

    return author or getpass.getuser()


def confirm(question: str, yes: bool) -> None:
    """Ask before something is changed; ends the command when the answer is no.

    Raises:
        UnusableInputError: Nobody is there to answer, and there is no --yes.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        from acidwatch.errors import UnusableInputError

        raise UnusableInputError(f"{question}: nobody is there to answer; --yes does it without asking")
    typer.confirm(question, err=True, abort=True)
