"""Reference tables in the archive: methods and sites, as received and typed, in numbered versions that never change.

The tables lie under `reference/<digest>/`; a version is a pointer file `reference/000001.json`, whose publication is atomic, so a
reader sees a whole version or none.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from acidwatch.archive.parquet import read_parquet
from acidwatch.archive.sealed import CHECKSUM, seal
from acidwatch.archive.store import FileExistsAlreadyError, Store
from acidwatch.archive.zones import REFERENCE, highest_number, pointer_path
from acidwatch.contract.reference import Reference

Pointer = dict[str, Any]
"""`version, created_at, author, sites {path, rows, bytes, sha256}, methods {...}, workbooks {name: {path, ...}}`."""


def newest_version(store: Store) -> int:
    """Number of the newest reference version, 0 when none was loaded."""
    return highest_number(store.names(REFERENCE))


def read_pointer(store: Store, version: int) -> Pointer:
    """The pointer of a reference version.

    Raises:
        MissingFileError: There is no such version.
    """
    pointer: Pointer = orjson.loads(store.read(pointer_path(version)))
    pointer.pop(CHECKSUM, None)  # `acidwatch verify` looks at it
    return pointer


def read_reference(store: Store, version: int) -> Reference:
    """What the rules need of a reference version."""
    pointer = read_pointer(store, version)
    table = read_parquet(store.read(pointer["sites"]["path"]), ["PROGRAM_ID", "SITE_ID"])
    pairs = zip(table["PROGRAM_ID"].to_pylist(), table["SITE_ID"].to_pylist(), strict=True)
    return Reference.of(version, pairs)


def read_sites(store: Store, version: int) -> list[dict[str, Any]]:
    """The sites table of a reference version, one mapping a site, columns as in the contract's SITES.

    Raises:
        MissingFileError: There is no such version.
    """
    rows: list[dict[str, Any]] = read_parquet(store.read(read_pointer(store, version)["sites"]["path"])).to_pylist()
    return rows


def publish_reference(
    store: Store, tables: Mapping[str, pa.Table], workbooks: Mapping[str, bytes], author: str, now: datetime
) -> tuple[Pointer, bool]:
    """Publish typed tables (`sites`, `methods`) and the workbooks they came from as a new version.

    Returns:
        The pointer, and whether it is new: the newest version again makes no other one.
    """
    digest = hashlib.sha256(
        b"".join(hashlib.sha256(workbooks[name]).digest() for name in sorted(workbooks))
    ).hexdigest()[:16]
    folder = f"{REFERENCE}/{digest}"
    newest = newest_version(store)
    if newest:
        pointer = read_pointer(store, newest)
        if pointer["sites"]["path"].startswith(folder + "/"):
            return pointer, False
    pointer = {"created_at": now.isoformat(), "author": author, "workbooks": {}}
    for name, table in tables.items():
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd")
        pointer[name] = {"rows": table.num_rows, **_publish(store, f"{folder}/{name}.parquet", sink.getvalue())}
    for name, data in workbooks.items():
        pointer["workbooks"][name] = _publish(store, f"{folder}/{name}", data)
    while True:
        newest += 1
        pointer["version"] = newest
        try:
            store.publish(pointer_path(newest), seal(pointer))
            return pointer, True
        except FileExistsAlreadyError:
            continue  # somebody else took that number in the meantime


def _publish(store: Store, path: str, data: bytes) -> dict[str, Any]:
    try:
        sha256 = store.publish(path, data)
    except FileExistsAlreadyError:
        # An earlier load of the same workbooks; what it wrote counts, since a library's update may write other bytes.
        data = store.read(path)
        sha256 = hashlib.sha256(data).hexdigest()
    return {"path": path, "bytes": len(data), "sha256": sha256}
