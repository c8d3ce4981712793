"""What the archive needs of a file system, as a small interface: HDFS implements it, and a twin in memory for tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from acidwatch.errors import PermanentError


class MissingFileError(PermanentError):
    """A file that should be in the archive is not there.

    Attributes:
        path: Below the root.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"{path} is not in the archive")


class FileExistsAlreadyError(PermanentError):
    """A file of that name was published before, and published files never change.

    Attributes:
        path: Below the root.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"{path} is in the archive already")


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file as the file system lists it.

    Attributes:
        path: Below the root.
        bytes: Its length.
        modified_at: When it was last written, UTC.
    """

    path: str
    bytes: int
    modified_at: datetime


class Store(Protocol):
    """Files below one root; a reader never sees half of one. Paths have no leading slash. Methods block; call them in threads.

    Every method raises DependencyAwayError when the servers do not answer; the call may then be repeated.
    """

    def publish(self, path: str, data: bytes) -> str:
        """Write a new file, read it back, and make it visible in one step; returns its SHA-256.

        Raises:
            FileExistsAlreadyError: There is a file of that name; it is left as it is.
        """
        ...

    def read(self, path: str) -> bytes:
        """The whole file.

        Raises:
            MissingFileError: There is none.
        """
        ...

    def names(self, folder: str) -> list[str]:
        """Names in a folder, sorted; empty when there is no such folder."""
        ...

    def tail(self, path: str, length: int) -> bytes:
        """The last `length` bytes of a file, or all of a shorter one: enough for a footer.

        Raises:
            MissingFileError: There is none.
        """
        ...

    def walk(self, folder: str) -> Iterator[FileInfo]:
        """Every file below a folder, at any depth, sorted by path; nothing when there is no such folder."""
        ...

    def delete(self, path: str) -> bool:
        """Remove a file, or a folder with all that is in it; whether there was one. Only gc and the pruning of backups do."""
        ...
