"""The archive's twin in memory, for tests that are not about HDFS; it passes the same test suite as the real one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from acidwatch.archive.store import FileExistsAlreadyError, FileInfo, MissingFileError


class MemoryStore:
    """A Store in a dictionary; `now` says when its files were written."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.files: dict[str, bytes] = {}
        self._now = now
        self._written: dict[str, datetime] = {}

    def publish(self, path: str, data: bytes) -> str:
        """See Store."""
        if path in self.files:
            raise FileExistsAlreadyError(path)
        self.files[path] = data
        self._written[path] = self._now()
        return hashlib.sha256(data).hexdigest()

    def read(self, path: str) -> bytes:
        """See Store."""
        if path not in self.files:
            raise MissingFileError(path)
        return self.files[path]

    def names(self, folder: str) -> list[str]:
        """See Store."""
        below = folder.rstrip("/") + "/"
        return sorted({path[len(below) :].split("/")[0] for path in self.files if path.startswith(below)})

    def tail(self, path: str, length: int) -> bytes:
        """See Store."""
        return self.read(path)[-length:]

    def walk(self, folder: str) -> Iterator[FileInfo]:
        """See Store."""
        below = folder.rstrip("/") + "/"
        for path in sorted(self.files):
            if path.startswith(below):
                yield FileInfo(path, len(self.files[path]), self._written[path])

    def delete(self, path: str) -> bool:
        """See Store."""
        gone = [name for name in self.files if name == path or name.startswith(path.rstrip("/") + "/")]
        for name in gone:
            del self.files[name]
        return bool(gone)
