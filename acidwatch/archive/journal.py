"""The journal on HDFS: what people did to the dataset, one file an entry, so that `ledger rebuild` knows of it without the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from acidwatch.archive.store import FileExistsAlreadyError, Store
from acidwatch.archive.zones import journal_path


def publish(store: Store, entries: Iterable[Mapping[str, Any]]) -> list[int]:
    """Write entries of the ledger's audit as `journal/00000001.json` and so on; the number is the `audit_id`.

    Returns:
        Numbers of the entries that are in the journal now, whoever wrote them. One whose number another entry has there is left out:
        a database that was made anew, or restored from a backup, counts from an earlier number again.

    Raises:
        DependencyAwayError: HDFS does not answer; those written until then may be written again.
    """
    there = []
    for entry in entries:
        path, data = journal_path(entry["audit_id"]), orjson.dumps(entry, option=orjson.OPT_INDENT_2)
        try:
            store.publish(path, data)
        except FileExistsAlreadyError:
            if orjson.loads(store.read(path)) != orjson.loads(data):
                continue
        there.append(entry["audit_id"])
    return there
