"""A file's bytes, and of a zipped workbook what is in it: its format, its sheets, and what makes it unfit to be opened at all."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol
from xml.etree import ElementTree
from xml.parsers import expat

from acidwatch.contract.outcome import printable
from acidwatch.errors import UnreadableNowError, UnusableInputError

CHUNK_BYTES = 1 << 20
_MOST_BYTES = 1 << 30
_MOST_FILE_BYTES = 1 << 28
_MOST_DIRECTORY_BYTES = 1 << 24
_BOMB_BYTES, _BOMB_RATIO = 1 << 26, 100  # cells of a sheet are packed 10 to 30 times

Kind = Literal["xlsx", "xlsb", "ods"]


@dataclass(frozen=True, slots=True)
class Package:
    """A zipped workbook in memory.

    Attributes:
        path: Its name, for messages.
        data: Its bytes.
        kind: Which format it is.
        workbook: The part that names the sheets; empty in an .ods.
        sheets: Sheet name to its part in the zip, in workbook order; empty in an .ods and an .xlsb.
        related: Relationship id to (kind, part) of the workbook's parts.
        linked: Whether it refers to other workbooks.
        calculated_on_load: Whether whoever wrote it left calculating formulas to the program that opens it.
    """

    path: Path
    data: bytes
    kind: Kind
    workbook: str = ""
    sheets: dict[str, str] = field(default_factory=dict)
    related: dict[str, tuple[str, str]] = field(default_factory=dict)
    linked: bool = False
    calculated_on_load: bool = False


def open_package(path: Path, data: bytes) -> Package:
    """Look at a zipped workbook's directory.

    Raises:
        UnusableInputError: It is damaged, protected, carries macros, or is no workbook.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _refuse_hostile(path, archive)
            return _look(path, data, archive)
    except (
        zipfile.BadZipFile,
        ElementTree.ParseError,
        KeyError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        zlib.error,
    ) as error:
        raise UnusableInputError(
            f"{path}: the workbook is damaged ({_line(error)}); open and save it anew, or copy it again"
        ) from error


def read_bytes(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        UnusableInputError: There is no such file, or it can't hold a workbook.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UnusableInputError(f"{path}: is a folder; name a workbook in it")
        if not stat.S_ISREG(status.st_mode):
            raise UnusableInputError(f"{path}: is no regular file; name a workbook")
        if status.st_size > _MOST_FILE_BYTES:
            raise UnusableInputError(
                f"{path}: has {status.st_size >> 20} MiB, more than {_MOST_FILE_BYTES >> 20} MiB is refused; split the workbook"
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise UnreadableNowError(f"{path}: no such file; check the name") from None
    except OSError as error:
        raise UnreadableNowError(f"{path}: can't be read ({error.strerror or _line(error)})") from error
    if not data:
        raise UnusableInputError(f"{path}: the file is empty (0 bytes); copy it again")
    return data


def _refuse_hostile(path: Path, archive: zipfile.ZipFile) -> None:
    _refuse_huge(path, archive)
    seen: set[str] = set()
    for part in archive.infolist():
        name = part.filename.replace("\\", "/")
        if ".." in name.split("/") or ":" in name.split("/")[0]:
            raise UnusableInputError(
                f"{path}: holds a part named {printable(part.filename[:100])!r}, which points out of the file; "
                "no workbook does: ask for it anew"
            )
        if name.casefold() in seen:
            raise zipfile.BadZipFile(f"two parts are named {printable(name[:100])}")
        seen.add(name.casefold())
        if name.casefold().endswith("vbaproject.bin") or name.startswith(("Basic/", "Scripts/")):
            raise UnusableInputError(
                f"{path}: the workbook carries macros, which are not taken; save it as .xlsx without them"
            )


def _refuse_huge(path: Path, archive: zipfile.ZipFile) -> None:
    for part in archive.infolist():
        if part.file_size > _MOST_BYTES:
            raise UnusableInputError(
                f"{path}: {part.filename} holds {part.file_size / 2**30:.1f} GiB uncompressed, "
                "more than 1 GiB is refused; split the workbook"
            )
        if part.file_size > _BOMB_BYTES and part.file_size > _BOMB_RATIO * part.compress_size:
            raise UnusableInputError(
                f"{path}: {part.filename} unpacks to {part.file_size >> 20} MiB, "
                f"{part.file_size // max(part.compress_size, 1)} times its size, "
                "as no table does; save the table alone in a new workbook"
            )


def _look(path: Path, data: bytes, archive: zipfile.ZipFile) -> Package:
    """Find the sheets, followed through the relationships as spreadsheet programs do."""
    parts = part_names(archive)
    if "mimetype" in parts and "content.xml" in parts:
        if (
            "meta-inf/manifest.xml" in parts
            and b"encryption-data" in archive.read(parts["meta-inf/manifest.xml"])[:_MOST_DIRECTORY_BYTES]
        ):
            raise UnusableInputError(f"{path}: the workbook is protected by a password; save it without one")
        return Package(path, data, "ods")
    roots = _relationships(archive, parts, "_rels/.rels").values() if "_rels/.rels" in parts else ()
    workbook = next((target for kind, target in roots if kind == "officeDocument"), "")
    if workbook.casefold() not in parts:
        raise KeyError("no workbook in the zip")
    folder, _, name = workbook.rpartition("/")
    related = _relationships(archive, parts, f"{folder}/_rels/{name}.rels".lstrip("/"))
    linked = any(kind == "externalLink" for kind, _ in related.values())
    if workbook.endswith(".bin"):
        return Package(path, data, "xlsb", parts[workbook.casefold()], {}, related, linked)
    sheets: dict[str, str] = {}
    calculated_on_load = False
    for element in parse_part(archive, parts, workbook).iter():
        if _local(element.tag) == "calcPr":
            calculated_on_load = element.attrib.get("fullCalcOnLoad") in ("1", "true")
        if _local(element.tag) == "sheet":
            ids = [value for key, value in element.attrib.items() if _local(key) == "id"]
            kind, target = related.get(ids[0], ("", "")) if ids else ("", "")
            if kind == "worksheet":
                sheets[element.attrib.get("name", "")] = parts[target.casefold()]
    return Package(path, data, "xlsx", parts[workbook.casefold()], sheets, related, linked, calculated_on_load)


def part_names(archive: zipfile.ZipFile) -> dict[str, str]:
    """Parts by their names without case and slashes: some writers disagree with their own directory."""
    return {name.replace("\\", "/").lstrip("/").casefold(): name for name in archive.namelist()}


def relationships_of(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """Relationship id to (last word of its type, part) of a part; empty where it has none."""
    parts = part_names(archive)
    folder, _, name = part.replace("\\", "/").lstrip("/").rpartition("/")
    rels = f"{folder}/_rels/{name}.rels".lstrip("/")
    return _relationships(archive, parts, rels) if rels.casefold() in parts else {}


def _relationships(archive: zipfile.ZipFile, parts: dict[str, str], name: str) -> dict[str, tuple[str, str]]:
    """Relationship id to (last word of its type, target from the zip's root)."""
    base = name.rpartition("_rels/")[0]
    found: dict[str, tuple[str, str]] = {}
    for element in parse_part(archive, parts, name):
        target = element.attrib.get("Target", "").replace("\\", "/")
        target = target.lstrip("/") if target.startswith("/") else _joined(base, target)
        found[element.attrib.get("Id", "")] = (element.attrib.get("Type", "").rpartition("/")[2], target)
    return found


def _joined(base: str, target: str) -> str:
    """A target relative to a folder of the zip; it never leaves it."""
    folders = base.rstrip("/").split("/") if base else []
    for name in target.split("/"):
        if name == "..":
            folders = folders[:-1]
        elif name not in ("", "."):
            folders.append(name)
    return "/".join(folders)


def parse_part(archive: zipfile.ZipFile, parts: dict[str, str], name: str) -> ElementTree.Element:
    """A small part as XML.

    Raises:
        BadZipFile: It is too large, or declares entities.
    """
    part = parts[name.casefold()]
    if archive.getinfo(part).file_size > _MOST_DIRECTORY_BYTES:
        raise zipfile.BadZipFile(f"{name} is too large")
    data = archive.read(part)
    if b"<!DOCTYPE" in data:
        raise zipfile.BadZipFile(f"{name} declares entities, which no workbook does")
    return ElementTree.fromstring(data)  # noqa: S314 - without entities there is nothing to expand


class Follower(Protocol):
    """Follows the elements of a part, by their names with their prefixes."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def text(self, data: str) -> None:
        """Text inside it."""

    def end(self, tag: str) -> None:
        """It ends."""


def follow_part(archive: zipfile.ZipFile, part: str, follower: Follower) -> None:
    """Go through a part of any size as XML.

    Raises:
        ExpatError: It is damaged, or declares entities.
    """

    def doctype(*_: object) -> None:
        raise expat.ExpatError("it declares entities, which no workbook does")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = follower.start
    parser.CharacterDataHandler = follower.text
    parser.EndElementHandler = follower.end
    for chunk in part_chunks(archive, part):
        parser.Parse(chunk, False)
    parser.Parse(b"", True)


def part_chunks(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """The bytes of a part, a mebibyte at a time."""
    with archive.open(part) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
