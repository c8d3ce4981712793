"""Reads a file in a child process with limits, so that no file can end, fill or stop the process that wants its table.

The child gets the bytes on its standard input and answers in JSON. Nothing in a file is executed or followed there either; but a library in
native code may abort the process for a damaged file, and a small file may unpack to more than the memory holds.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson

from acidwatch.contract.outcome import printable
from acidwatch.errors import UnreadableNowError, UnusableInputError
from acidwatch.workbook.book import Book, Sheet
from acidwatch.workbook.formats import read_book

_COMMAND = ("-m", __name__)
_CPU_SECONDS = 8
_CPU_SECONDS_PER_MIB = 2
_BYTES = 768 << 20
_BYTES_PER_BYTE = 64  # a sheet of 30 columns needs 50 bytes of memory for each of its compressed ones
_OF_CONTAINER = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_BYTES_PER_CELL = 100  # of the process that asks: cells that the reader shares are made one by one there
# As a terminal, or a machine that goes down, sends to all processes.
_STOPPED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_KEPT_BYTES = 256 << 20  # of a container's memory: for the process that asks, and what it has of the file


def read_isolated(path: Path, data: bytes, sheet: str | None) -> Book:
    """Read the bytes of a file in a child process.

    Args:
        path: The file's name, for messages and for its ending.
        sheet: The only sheet that is wanted; None = all of them.

    Raises:
        UnusableInputError: It can't be read; one line says why.
    """
    wanted = _BYTES + _BYTES_PER_BYTE * len(data)
    limits = (_most_bytes(wanted), _CPU_SECONDS + _CPU_SECONDS_PER_MIB * (len(data) >> 20))
    command = [
        sys.executable,
        "-P",
        *_COMMAND,
        *map(str, limits),
        printable(os.fsencode(path).decode(errors="replace")),
        *([sheet] if sheet is not None else []),
    ]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    if done.returncode:
        said = f"{path}: can't be read: {_why(done, limits)}"
        if -done.returncode in _STOPPED:
            raise UnreadableNowError(said)
        if done.returncode == -signal.SIGKILL or (_lacked_memory(done) and limits[0] < wanted):
            raise UnreadableNowError(said, until_restart=True)
        raise UnusableInputError(said)
    return _book(orjson.loads(done.stdout))


def _most_bytes(wanted: int) -> int:
    """How much memory the reader may take: never so much that a container's limit would end both processes."""
    for path in _OF_CONTAINER:
        try:
            return min(wanted, max(int(path.read_text()) - _KEPT_BYTES, _KEPT_BYTES))
        except (OSError, ValueError):  # not there, or the word max
            continue
    return wanted


def _why(done: subprocess.CompletedProcess[bytes], limits: tuple[int, int]) -> str:
    if done.returncode == -signal.SIGKILL:
        return "its reader was killed, as a machine or container does that has no memory left; give it more, or split the workbook"
    if -done.returncode in _STOPPED:
        return "its reader was stopped from outside; try again"
    if done.returncode == -signal.SIGXCPU:
        return f"it takes more than {limits[1]} s of work; is it damaged, or full of blank cells? save the table alone in a new workbook"
    if _lacked_memory(done):
        return (
            f"it needs more than {limits[0] >> 20} MiB of memory: it is damaged or too large; "
            "save the table alone in a new workbook, or split it"
        )
    last = printable(done.stderr.decode(errors="replace").strip().rpartition("\n")[2][:200])
    return (
        f"the file is damaged and ended its reader ({last or f'status {done.returncode}'}); "
        "open and save it anew, or copy it again"
    )


def _lacked_memory(done: subprocess.CompletedProcess[bytes]) -> bool:
    return b"MemoryError" in done.stderr or b"memory allocation" in done.stderr


def _book(answer: dict[str, Any]) -> Book:
    if "error" in answer:
        raise UnusableInputError(answer["error"])
    sheets = [
        Sheet(
            name=given["name"],
            grid=given["grid"],
            hidden=set(given["hidden"]),
            merged=[tuple(one) for one in given["merged"]],
            comments={(row, column): text for row, column, text in given["comments"]},
            seen={(row, column): text for row, column, text in given["seen"]},
            notes=given["notes"],
            widths=given["widths"],
            separator=given["separator"],
            cut_off=given["cut_off"],
        )
        for given in answer["sheets"]
    ]
    return Book(answer["names"], sheets, answer["refused"], answer["typed"], answer["notes"])


def _answer(path: Path, data: bytes, sheet: str | None) -> dict[str, Any]:
    try:
        book = read_book(path, data, sheet)
    except UnusableInputError as error:
        return {"error": str(error)}
    sheets = [
        {
            "name": sheet.name,
            "grid": sheet.grid,
            "hidden": sorted(sheet.hidden),
            "merged": sheet.merged,
            "comments": [[row, column, text] for (row, column), text in sheet.comments.items()],
            "seen": [[row, column, text] for (row, column), text in sheet.seen.items()],
            "notes": sheet.notes,
            "widths": sheet.widths,
            "separator": sheet.separator,
            "cut_off": sheet.cut_off,
        }
        for sheet in book.sheets
    ]
    return {"names": book.names, "sheets": sheets, "refused": book.refused, "typed": book.typed, "notes": book.notes}


def _limit(most_bytes: int, cpu_seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # At the second limit the kernel sends SIGKILL, as it does for want of memory.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))


def _child(most_bytes: str, cpu_seconds: str, path: str, sheet: str | None = None) -> None:
    data = sys.stdin.buffer.read()
    gc.disable()  # it ends soon, and has a million cells to go through each time
    _limit(int(most_bytes), int(cpu_seconds))
    answer = _answer(Path(path), data, sheet)
    if sum(len(row) for one in answer.get("sheets", ()) for row in one["grid"]) > int(most_bytes) // _BYTES_PER_CELL:
        raise MemoryError
    sys.stdout.buffer.write(orjson.dumps(answer))


if __name__ == "__main__":
    _child(*sys.argv[1:])
