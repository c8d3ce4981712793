"""What can go wrong with the local stack, in acidwatch's own error tree."""

from __future__ import annotations

from pathlib import Path

from acidwatch.errors import ConfigError, RetryableError


class PrerequisiteError(ConfigError):
    """A program that the stack needs is missing on this machine; the message names the package."""


class StackBusyError(ConfigError):
    """Another supervisor already runs on this root.

    Attributes:
        root: The folder that is taken.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        super().__init__(
            f"another supervisor already runs on {root}; stop it with: python -m deploy.local down --root {root}"
        )


class AbortedError(RetryableError):
    """The start was given up because another server failed or a person stopped it."""

    exit_code = 3


class ServerFailedError(RetryableError):
    """A server, service or preparing command did not do what it should.

    Attributes:
        server: Its name, such as `kafka`.
        reason: What was seen from outside.
        log: Where all of its output is.
        lines: The last lines of that output.
    """

    exit_code = 3

    def __init__(self, server: str, reason: str, log: Path, lines: list[str]) -> None:
        self.server, self.reason, self.log, self.lines = server, reason, log, lines
        shown = "\n".join(f"  | {line}" for line in lines) or "  | (no output)"
        super().__init__(f"{server} {reason}; the end of {log}:\n{shown}")
