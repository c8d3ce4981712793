"""The archive on HDFS, through the `hdfs` package over WebHDFS."""

from __future__ import annotations

import hashlib
import posixpath
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import requests
import urllib3
from hdfs import HdfsError, InsecureClient

from acidwatch.archive.store import FileExistsAlreadyError, FileInfo, MissingFileError
from acidwatch.archive.zones import TEMPORARY
from acidwatch.errors import DependencyAwayError, RefusedError
from acidwatch.settings import HdfsSettings


class HdfsStore:
    """A Store on HDFS. Safe to use from several threads: each has a client, and so a connection, of its own."""

    def __init__(self, settings: HdfsSettings) -> None:
        self._settings = settings
        self._local = threading.local()
        self._made: set[str] = set()

    @property
    def _client(self) -> InsecureClient:
        client = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = InsecureClient(
                self._settings.hdfs_url,
                user=self._settings.hdfs_user,
                root=self._settings.hdfs_root,
                timeout=self._settings.hdfs_timeout_seconds,
            )
        return client

    @contextmanager
    def _asking(self, path: str) -> Iterator[InsecureClient]:
        """Turn what the client raises into the archive's own errors."""
        try:
            yield self._client
        except HdfsError as error:
            if getattr(error, "exception", "") == "FileNotFoundException":
                raise MissingFileError(path) from error
            if getattr(error, "exception", "") == "AccessControlException":
                advice = f"may ACIDWATCH_HDFS_USER ({self._settings.hdfs_user}) write below {self._settings.hdfs_root}?"
                raise RefusedError("HDFS", self._settings.hdfs_url, error, advice) from error
            # Safe mode, standby, no space: not the data's fault, so whoever asks waits and asks again.
            raise DependencyAwayError("HDFS", self._settings.hdfs_url, error) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            self._local.client = None  # the session may hold a broken connection
            raise DependencyAwayError("HDFS", self._settings.hdfs_url, error) from error

    def publish(self, path: str, data: bytes) -> str:
        """See Store: written under _tmp/, read back and compared, then renamed."""
        digest = hashlib.sha256(data).hexdigest()
        temporary = f"{TEMPORARY}/{uuid.uuid4().hex}"
        with self._asking(temporary) as client:
            client.write(temporary, data=data, overwrite=False)
            with client.read(temporary) as reader:
                written = reader.read()
            if hashlib.sha256(written).hexdigest() != digest:
                raise DependencyAwayError(
                    "HDFS",
                    self._settings.hdfs_url,
                    f"{temporary} reads back as {len(written)} bytes that differ from the {len(data)} written",
                )
        self._make_folder(posixpath.dirname(path))
        with self._asking(path) as client:
            try:
                client.rename(temporary, path)
            except HdfsError:
                # HDFS says only "false": either there is such a file, or the folder was removed under us.
                if client.status(path, strict=False) is None:
                    self._made.discard(posixpath.dirname(path))
                    raise
                client.delete(temporary)
                raise FileExistsAlreadyError(path) from None
        return digest

    def _make_folder(self, folder: str) -> None:
        if folder not in self._made:
            with self._asking(folder) as client:
                client.makedirs(folder)
            self._made.add(folder)

    def read(self, path: str) -> bytes:
        """See Store."""
        with self._asking(path) as client, client.read(path) as reader:
            return bytes(reader.read())

    def names(self, folder: str) -> list[str]:
        """See Store."""
        try:
            with self._asking(folder) as client:
                return sorted(client.list(folder))
        except MissingFileError:
            return []

    def tail(self, path: str, length: int) -> bytes:
        """See Store."""
        with self._asking(path) as client:
            whole = int(client.status(path)["length"])
            with client.read(path, offset=max(whole - length, 0)) as reader:
                return bytes(reader.read())

    def walk(self, folder: str) -> Iterator[FileInfo]:
        """See Store: one request a folder."""
        try:
            with self._asking(folder) as client:
                found = sorted(client.list(folder, status=True))
        except MissingFileError:
            return
        for name, status in found:
            path = posixpath.join(folder, name)
            if status["type"] == "DIRECTORY":
                yield from self.walk(path)
            else:
                written = datetime.fromtimestamp(status["modificationTime"] / 1000, UTC)
                yield FileInfo(path, int(status["length"]), written)

    def delete(self, path: str) -> bool:
        """See Store."""
        with self._asking(path) as client:
            return bool(client.delete(path, recursive=True))
