"""JSON documents that carry their own checksum: pointers, the journal, manifests of backups. Nothing else names what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from acidwatch.errors import PermanentError

CHECKSUM = "checksum"


class DamagedFileError(PermanentError):
    """A file does not hold what was written into it.

    Attributes:
        path: Below the root.
        reason: What is wrong.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path} is damaged: {reason}")


def seal(body: Mapping[str, Any]) -> bytes:
    """The document of a body, with the SHA-256 of the body as its last field."""
    bare = {name: value for name, value in body.items() if name != CHECKSUM}
    digest = hashlib.sha256(_dump(bare)).hexdigest()
    return _dump({**bare, CHECKSUM: digest})


def unseal(path: str, data: bytes) -> dict[str, Any]:
    """The body of a document, without its checksum.

    Args:
        path: For the message.

    Raises:
        DamagedFileError: A byte of it is not as it was written.
    """
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise DamagedFileError(path, f"not JSON: {error}") from None
    if not isinstance(body, dict) or CHECKSUM not in body:
        raise DamagedFileError(path, "it has no checksum")
    # Byte for byte: what does not change the meaning, such as a blank, is damage too.
    if seal(body) != data:
        raise DamagedFileError(path, "its checksum is of other contents")
    del body[CHECKSUM]
    return body


def _dump(body: Mapping[str, Any]) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_INDENT_2)
