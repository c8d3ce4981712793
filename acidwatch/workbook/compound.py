"""The container of .xls files, and of any workbook with a password: named streams in chained sectors. Source: [MS-CFB]."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from acidwatch.errors import UnusableInputError

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LAST = 0xFFFFFFFA  # from here on numbers of sectors mean "none"
_ENTRY_BYTES = 128


class Compound:
    """The streams of a compound file.

    Raises:
        UnusableInputError: It is damaged.
    """

    def __init__(self, path: Path, data: bytes) -> None:
        self._path, self._data = path, data
        try:
            self._open()
        except (struct.error, ValueError, IndexError) as error:
            raise self.damaged(str(error)) from error

    def _open(self) -> None:
        shift, mini_shift = struct.unpack_from("<HH", self._data, 30)
        if shift not in (9, 12) or mini_shift != 6:
            raise ValueError("its sectors have no size that is known")
        self._size = 1 << shift
        first, self._cutoff, mini_first = struct.unpack_from("<I4xII", self._data, 48)
        difat_next, _ = struct.unpack_from("<II", self._data, 68)
        tables = list(struct.unpack_from("<109I", self._data, 76))
        for sector in self._limited(difat_next, lambda at: self._numbers(at)[-1]):
            tables += self._numbers(sector)[:-1]
        self._next: list[int] = []
        for table in tables:
            if table < _LAST:
                self._next += self._numbers(table)
        directory = b"".join(self._chain(first))
        self._entries: dict[str, tuple[int, int]] = {}
        root = (_LAST, 0)
        for at in range(0, len(directory) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
            length, kind = struct.unpack_from("<HB", directory, at + 64)
            start, size = struct.unpack_from("<II", directory, at + 116)
            if kind == 5:
                root = (start, size)
            elif kind in (1, 2):
                name = directory[at : at + max(min(length, 64) - 2, 0)].decode("utf-16-le", "replace")
                self._entries.setdefault(name, (start, size))
        self._mini_next = [number for sector in self._sectors(mini_first) for number in self._numbers(sector)]
        self._mini = b"".join(self._chain(root[0]))

    def _at(self, sector: int) -> bytes:
        start = (sector + 1) * self._size
        if start >= len(self._data):
            raise ValueError("a sector lies beyond its end")
        return self._data[start : start + self._size]

    def _numbers(self, sector: int) -> tuple[int, ...]:
        data = self._at(sector)
        return struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])

    def _limited(self, first: int, following: object) -> Iterator[int]:
        sector, left = first, len(self._data) // self._size + 1
        while sector < _LAST:
            left -= 1
            if left < 0:
                raise ValueError("its sectors run in a circle")
            yield sector
            sector = following(sector)  # type: ignore[operator]

    def _sectors(self, first: int) -> Iterator[int]:
        return self._limited(first, lambda at: self._next[at])

    def _chain(self, first: int) -> Iterator[bytes]:
        return (self._at(sector) for sector in self._sectors(first))

    def stream(self, *names: str) -> bytes:
        """The bytes of the first of the named streams that is there.

        Raises:
            UnusableInputError: There is none.
        """
        name = next((name for name in names if name in self._entries), None)
        if name is None:
            raise self.damaged("it holds no workbook")
        start, size = self._entries[name]
        try:
            if size >= self._cutoff:
                return b"".join(self._chain(start))[:size]
            pieces = self._limited(start, lambda at: self._mini_next[at])
            return b"".join(self._mini[piece * 64 : piece * 64 + 64] for piece in pieces)[:size]
        except (ValueError, IndexError, struct.error) as error:
            raise self.damaged(str(error)) from error

    def refuse_macros(self) -> None:
        """Refuse a workbook that carries macros.

        Raises:
            UnusableInputError: With what to do.
        """
        if "_VBA_PROJECT_CUR" in self._entries or "_VBA_PROJECT" in self._entries:
            raise UnusableInputError(
                f"{self._path}: the workbook carries macros, which are not taken; save it as .xlsx without them"
            )

    def damaged(self, reason: str) -> UnusableInputError:
        """The refusal of a damaged file."""
        return UnusableInputError(
            f"{self._path}: the workbook is damaged ({reason}); open and save it anew, or copy it again"
        )
