"""What the producer remembers across restarts: one small file for each workbook, named by the workbook's SHA-256."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from acidwatch.errors import DependencyAwayError

STATE_FOLDER = "state folder"


@dataclass(slots=True)
class Sent:
    """How far a workbook was sent.

    Attributes:
        sha256: Of its bytes: the same workbook under another name is the same source.
        name: The name it had when it was first seen.
        source_time: When its sending first began, ISO 8601.
        batches: How many it has; 0 when it was refused.
        batch_rows: Rows in each of them: an index says nothing in another cut.
        next_batch: The first one that is not confirmed.
        refused: Why it could not be read, for people; empty when it could.
    """

    sha256: str
    name: str
    source_time: str
    batches: int
    next_batch: int = 0
    batch_rows: int = 0
    refused: str = ""

    @property
    def done(self) -> bool:
        """Nothing is left to do."""
        return bool(self.refused) or self.next_batch >= self.batches


class Memory:
    """The files of the state folder. A crash loses at most the last confirmation, whose batches are then sent again with the same ids."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def recall(self, sha256: str) -> Sent | None:
        """What is known of a workbook.

        Raises:
            DependencyAwayError: The folder can't be read.
        """
        try:
            found = (self._folder / f"{sha256}.json").read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DependencyAwayError(STATE_FOLDER, str(self._folder), error) from error
        return Sent(**orjson.loads(found))

    def remember(self, sent: Sent) -> None:
        """Write it down, whole or not at all.

        Raises:
            DependencyAwayError: The folder is full, or can't be written.
        """
        path = self._folder / f"{sent.sha256}.json"
        temporary = path.with_suffix(".tmp")
        try:
            with temporary.open("wb") as file:
                file.write(orjson.dumps(asdict(sent), option=orjson.OPT_INDENT_2))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            raise DependencyAwayError(STATE_FOLDER, str(self._folder), error) from error
