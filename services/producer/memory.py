"""What the producer remembers across restarts: one small file for each workbook, named by the workbook's SHA-256."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import orjson

from acidwatch.errors import DependencyAwayError

STATE_FOLDER = "state folder"
Refusal = Literal["", "unreadable", "too large"]


@dataclass(slots=True)
class Sent:
    """How far a workbook was sent.

    Attributes:
        sha256: Of its bytes: the same workbook under another name is the same source.
        name: The name under which its sending was begun or refused.
        source_time: When its sending first began, ISO 8601.
        batches: How many it has; 0 when it never could be read.
        batch_rows: Rows in each of them: an index says nothing in another cut.
        next_batch: The first one that is not confirmed.
        refused: Why it is not sent on, for people; empty when it is.
        refused_for: What of it: the file can't be read, or a batch of it is larger than the topic takes.
    """

    sha256: str
    name: str
    source_time: str
    batches: int
    next_batch: int = 0
    batch_rows: int = 0
    refused: str = ""
    refused_for: Refusal = ""

    @property
    def done(self) -> bool:
        """Nothing is left to do."""
        return bool(self.refused) or self.next_batch >= self.batches

    @property
    def begun(self) -> bool:
        """Some of its batches were sent, in a known cut, and others are left."""
        return 0 < self.next_batch < self.batches and self.batch_rows > 0

    def is_final(self, suffix: str) -> bool:
        """Whether trying it again would change nothing, under a name that ends so."""
        if self.begun or self.refused_for == "too large":  # the settings may be others by now
            return False
        renamed = Path(self.name).suffix.lower() != suffix.lower()  # another format, so it is read otherwise
        return self.done and not (self.refused and renamed)


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
        sent = Sent(**orjson.loads(found))
        if sent.refused and not sent.refused_for:  # by a release that did not write it
            sent.refused_for = "too large" if sent.batch_rows else "unreadable"
        return sent

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
