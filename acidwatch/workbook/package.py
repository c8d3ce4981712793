"""The file before it is a table: its bytes, what kind of file they are, and where in the zip each sheet lies."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

from acidwatch.errors import UnusableInputError

_ZIP = b"PK\x03\x04"
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the container of .xls, and of any password-protected .xlsx
_MOST_BYTES = 1 << 30
_MOST_DIRECTORY_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Package:
    """A workbook file in memory.

    Attributes:
        path: Where it was read from.
        data: Its bytes; hashed and parsed from here, so both see the same file even while someone saves over it.
        sha256: Of `data`, hexadecimal.
        sheets: Sheet name to its part in the zip, in workbook order; empty where it is no .xlsx.
    """

    path: Path
    data: bytes
    sha256: str
    sheets: dict[str, str]


def open_package(path: Path) -> Package:
    """Read a workbook's bytes and find its sheets.

    Raises:
        UnusableInputError: There is no such file, or it can't be a workbook.
    """
    data = _bytes(path)
    sheets: dict[str, str] = {}
    if data.startswith(_ZIP):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                _refuse_huge(path, archive)
                sheets = _sheets(archive)
        except (
            zipfile.BadZipFile,
            ElementTree.ParseError,
            KeyError,
            EOFError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise UnusableInputError(
                f"{path}: the workbook is damaged ({_line(error)}); open and save it anew, or copy it again"
            ) from error
    elif data.startswith(_COMPOUND):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise UnusableInputError(f"{path}: the workbook is protected by a password; save it without one")
    else:
        raise UnusableInputError(f"{path}: not a workbook (it starts with {data[:8]!r}); save it as .xlsx")
    return Package(path, data, sha256(data).hexdigest(), sheets)


def _bytes(path: Path) -> bytes:
    if path.is_dir():
        raise UnusableInputError(f"{path}: is a folder; name a workbook in it")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UnusableInputError(f"{path}: no such file; check the name") from None
    except OSError as error:
        raise UnusableInputError(f"{path}: can't be read ({error.strerror or _line(error)})") from error
    if not data:
        raise UnusableInputError(f"{path}: the file is empty (0 bytes); copy it again")
    return data


def _refuse_huge(path: Path, archive: zipfile.ZipFile) -> None:
    for part in archive.infolist():
        if part.file_size > _MOST_BYTES:
            raise UnusableInputError(
                f"{path}: {part.filename} holds {part.file_size / 2**30:.1f} GiB uncompressed, "
                "more than 1 GiB is refused; split the workbook"
            )


def _sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """Sheet name to part name, followed through the relationships as spreadsheet programs do."""
    # Part names are compared without case and slashes: some writers disagree with their own directory.
    parts = {name.replace("\\", "/").lstrip("/").casefold(): name for name in archive.namelist()}
    if "mimetype" in parts and "content.xml" in parts:
        return {}  # an OpenDocument spreadsheet
    workbook = next(
        target for kind, target in _relationships(archive, parts, "_rels/.rels").values() if kind == "officeDocument"
    ) if "_rels/.rels" in parts else ""  # fmt: skip
    if workbook.endswith(".bin"):
        return {}  # .xlsb
    if workbook.casefold() not in parts:
        raise KeyError("no workbook in the zip")
    folder, _, name = workbook.rpartition("/")
    related = _relationships(archive, parts, f"{folder}/_rels/{name}.rels".lstrip("/"))
    sheets: dict[str, str] = {}
    for element in _parse(archive, parts, workbook).iter():
        if _local(element.tag) == "sheet":
            ids = [value for key, value in element.attrib.items() if _local(key) == "id"]
            kind, target = related.get(ids[0], ("", "")) if ids else ("", "")
            if kind == "worksheet":
                sheets[element.attrib.get("name", "")] = parts[target.casefold()]
    return sheets


def _relationships(archive: zipfile.ZipFile, parts: dict[str, str], name: str) -> dict[str, tuple[str, str]]:
    """Relationship id to (last word of its type, target from the zip's root)."""
    base = name.rpartition("_rels/")[0]
    found: dict[str, tuple[str, str]] = {}
    for element in _parse(archive, parts, name):
        target = element.attrib.get("Target", "").replace("\\", "/")
        target = target.lstrip("/") if target.startswith("/") else base + target.removeprefix("./")
        found[element.attrib.get("Id", "")] = (element.attrib.get("Type", "").rpartition("/")[2], target)
    return found


def _parse(archive: zipfile.ZipFile, parts: dict[str, str], name: str) -> ElementTree.Element:
    part = parts[name.casefold()]
    if archive.getinfo(part).file_size > _MOST_DIRECTORY_BYTES:
        raise zipfile.BadZipFile(f"{name} is too large")
    data = archive.read(part)
    if b"<!DOCTYPE" in data:
        raise zipfile.BadZipFile(f"{name} declares entities, which no workbook does")
    return ElementTree.fromstring(data)  # noqa: S314 - without entities there is nothing to expand


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
