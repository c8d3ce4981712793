"""Outcomes made again from raw/: what the ingestor once sent, with the files' lengths and checksums read from HDFS."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from acidwatch.archive.store import MissingFileError, Store
from acidwatch.archive.threads import in_threads
from acidwatch.contract.outcome import FileRef, Outcome


class OutcomeMaker:
    """Makes outcomes whole; each file is read once, whatever is asked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._files: dict[str, FileRef | None] = {}

    def read(self, paths: Iterable[str]) -> None:
        """Read files in threads, so that outcomes that name them are made at once."""
        for _ in in_threads(self._ref, sorted(set(paths) - self._files.keys())):
            pass

    def whole(self, outcome: Outcome, paths: Sequence[str]) -> Outcome:
        """The outcome with its files. One that is gone has length 0 and no checksum: see `gone`."""
        refs = []
        for path in paths:
            refs.append(self._ref(path) or FileRef(path.split("/")[0], path, 0, ""))
        return replace(outcome, files=tuple(refs))

    def gone(self, outcome: Outcome) -> list[str]:
        """Files of a whole outcome that are not in the archive, removed by gc: they have to be condemned before it is recorded."""
        return [file.path for file in outcome.files if not file.sha256]

    def _ref(self, path: str) -> FileRef | None:
        if path not in self._files:
            try:
                data = self._store.read(path)
                self._files[path] = FileRef(
                    path.split("/", maxsplit=1)[0], path, len(data), hashlib.sha256(data).hexdigest()
                )
            except MissingFileError:
                self._files[path] = None
        return self._files[path]
