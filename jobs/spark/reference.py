"""Which reference version is the newest: the pointer file with the highest number below reference/."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import requests
from hdfs import HdfsError, InsecureClient

from acidwatch.errors import DependencyAwayError, PermanentError, UnusableInputError
from acidwatch.settings import HdfsSettings

POINTER = re.compile(r"^(\d{6,})\.json$")


@dataclass(frozen=True, slots=True)
class ReferenceTables:
    """The typed tables of one reference version, paths below the root."""

    version: int
    sites_path: str
    methods_path: str


def newest_reference(settings: HdfsSettings) -> ReferenceTables:
    """Read the newest pointer over WebHDFS.

    Raises:
        UnusableInputError: No reference version was loaded yet.
        DependencyAwayError: HDFS does not answer.
    """
    client = InsecureClient(
        settings.hdfs_url, user=settings.hdfs_user, root=settings.hdfs_root, timeout=settings.hdfs_timeout_seconds
    )
    try:
        names = [name for name in (client.list("reference") if client.status("reference", strict=False) else [])]
        pointers = sorted((int(match[1]), name) for name in names if (match := POINTER.match(name)))
        if not pointers:
            raise UnusableInputError(
                "no methods and sites are loaded yet: run `acidwatch reference load --sites FILE --methods FILE`"
            )
        with client.read(f"reference/{pointers[-1][1]}") as reader:
            return parse_pointer(reader.read())
    except (requests.RequestException, HdfsError) as error:
        raise DependencyAwayError("HDFS", settings.hdfs_url, error) from error


def parse_pointer(content: bytes) -> ReferenceTables:
    """Read a pointer file's JSON.

    Raises:
        PermanentError: It is no pointer.
    """
    try:
        pointer = json.loads(content)
        return ReferenceTables(int(pointer["version"]), str(pointer["sites"]["path"]), str(pointer["methods"]["path"]))
    except (ValueError, KeyError, TypeError) as error:
        raise PermanentError(f"a pointer file below reference/ can't be read: {error!r}") from error
