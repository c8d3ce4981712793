"""Compaction: the rows of many small files of clean/ written once more, into few large ones, while ingest goes on.

No version changes: which file holds a batch is separate from which version holds it. Nothing is deleted here; the small files are
needed no longer and left to gc. Wherever it ends in between, it leaves at most a file that nothing names.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from acidwatch.archive.compacted import Part, compacted_file, read_part
from acidwatch.archive.sealed import DamagedFileError
from acidwatch.archive.store import MissingFileError, Store
from acidwatch.archive.threads import in_threads
from acidwatch.archive.zones import compacted_path
from acidwatch.contract.outcome import FileRef
from acidwatch.ledger.audit import note
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.files import Held, MovedMeanwhileError, NeededFile, held_by, move_batches, needed_files
from acidwatch.proof.faults import Fault
from acidwatch.proof.verify import Progress

log = logging.getLogger("acidwatch.proof.compact")


@dataclass(frozen=True, slots=True)
class Group:
    """Small files of one contract version that become one file; two at least."""

    contract_version: str
    files: tuple[NeededFile, ...]

    @property
    def batches(self) -> int:
        """Of all its files."""
        return sum(file.batches for file in self.files)

    @property
    def rows(self) -> int:
        """Of all its files."""
        return sum(file.rows for file in self.files)


@dataclass(slots=True)
class Compacted:
    """What was done.

    Attributes:
        files, batches, rows: That were moved.
        written: Paths of the new files.
        bytes: Of the new files.
        given_up: Messages about groups that somebody else changed meanwhile: the next run looks at them again.
        faults: Small files that were left as they are, since they are not as they were written.
    """

    files: int = 0
    batches: int = 0
    rows: int = 0
    written: list[str] = field(default_factory=list)
    bytes: int = 0
    given_up: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Compaction:
    """One run, with everything it needs from outside.

    Attributes:
        now: The time.
        author, message: For the journal.
        rows_per_file: Most rows of a new file, unless one batch has more. A file with half of it is large: it is left alone.
    """

    store: Store
    ledger: Ledger
    now: Callable[[], datetime]
    author: str
    message: str
    rows_per_file: int

    def plan(self) -> list[Group]:
        """Step 1: ask the ledger which files are small, and put them into groups. Changes nothing."""
        with self.ledger.transaction() as connection:
            small = needed_files(connection, (self.rows_per_file + 1) // 2)
        return list(into_groups(small, self.rows_per_file))

    def run(self, groups: Sequence[Group], progress: Progress) -> Compacted:
        """Steps 2 to 4 for each group. Memory is that of one group.

        Raises:
            DependencyAwayError: A server does not answer; what was done until then is done.
        """
        done = Compacted()
        for number, group in enumerate(groups, start=1):
            held = self.ask(group)
            for parts in alike(self.read(held, done.faults)):
                file = self.write(parts)
                try:
                    self.move(file, parts, held)
                except MovedMeanwhileError as error:
                    log.warning("%s", error)
                    done.given_up.append(str(error))
                    continue
                _count(done, file, parts, held)
                log.info("compacted %d files with %d rows into %s", len(parts), _rows(parts), file.path)
            progress(number, len(groups))
        return done

    def ask(self, group: Group) -> dict[str, Held]:
        """Step 2, first half: what the ledger names in the files of a group now."""
        with self.ledger.transaction() as connection:
            return held_by(connection, [file.path for file in group.files])

    def read(self, held: dict[str, Held], faults: list[Fault]) -> list[Part]:
        """Step 2, second half: read it. A file that is damaged is named in `faults` and left out."""

        def read(path: str) -> Part | Fault:
            try:
                return read_part(path, self.store.read(path), held[path].sha256, held[path].rows)
            except MissingFileError:
                return Fault(path, "missing", "the file is not there")
            except DamagedFileError as error:
                return Fault(path, "damaged", error.reason)

        parts = []
        for one in in_threads(read, held):
            if isinstance(one, Fault):
                log.error("%s: %s; it is left as it is", one.subject, one.message)
                faults.append(one)
            else:
                parts.append(one)
        return parts

    def write(self, parts: Sequence[Part]) -> FileRef:
        """Step 3: write the new file below _tmp/, verify, rename. Nothing names it yet."""
        path = compacted_path(self.now())
        data = compacted_file(parts, path)
        return FileRef("clean", path, len(data), self.store.publish(path, data))

    def move(self, file: FileRef, parts: Sequence[Part], held: dict[str, Held]) -> None:
        """Step 4: one transaction, under the dataset's lock: the ledger names the new file for what was read, or nothing changes.

        Raises:
            MovedMeanwhileError: Something is not where it was read; the new file is garbage.
        """
        rows = {part.path: held[part.path].rows for part in parts}
        batches = sum(len(keys) for keys in rows.values())
        details = {"path": file.path, "files": len(parts), "batches": batches, "rows": _rows(parts)}
        with self.ledger.transaction() as connection:
            move_batches(connection, file, rows)
            note(connection, self.author, "compact", self.message, details)


def into_groups(small: Iterable[NeededFile], rows_per_file: int) -> Iterator[Group]:
    """Put files together, in their order, that become one file of at most so many rows; one that is alone is left out.

    Each file goes whole into one group. All are smaller than half of a new file, so each new file but the last of a contract version is
    larger than half, and the next run leaves it alone.

    Args:
        small: By contract version.
    """
    for contract_version, files in itertools.groupby(small, key=lambda file: file.contract_version):
        together: list[NeededFile] = []
        rows = 0
        for file in files:
            if rows + file.rows > rows_per_file and together:
                yield Group(contract_version, tuple(together))
                together, rows = [], 0
            together.append(file)
            rows += file.rows
        if len(together) > 1:
            yield Group(contract_version, tuple(together))


def alike(parts: Iterable[Part]) -> list[list[Part]]:
    """Parts with the same columns together: each file keeps its schema. One that is alone is left out."""
    by_schema: dict[pa.Schema, list[Part]] = {}
    for part in parts:
        by_schema.setdefault(part.rows.schema, []).append(part)
    return [together for together in by_schema.values() if len(together) > 1]


def _rows(parts: Iterable[Part]) -> int:
    return sum(len(part.rows) for part in parts)


def _count(done: Compacted, file: FileRef, parts: Sequence[Part], held: dict[str, Held]) -> None:
    done.files += len(parts)
    done.batches += sum(len(held[part.path].rows) for part in parts)
    done.rows += _rows(parts)
    done.written.append(file.path)
    done.bytes += file.bytes
