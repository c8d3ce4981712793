"""The archive's twin in memory, for tests that are not about HDFS; it passes the same test suite as the real one."""

from __future__ import annotations

import hashlib

from acidwatch.archive.store import FileExistsAlreadyError, MissingFileError


class MemoryStore:
    """A Store in a dictionary."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def publish(self, path: str, data: bytes) -> str:
        """See Store."""
        if path in self.files:
            raise FileExistsAlreadyError(path)
        self.files[path] = data
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
