"""Where Spark writes what does not fit into memory: a folder for each run, gone with it or, if it was killed, when the next run begins."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from acidwatch.errors import ConfigError

_PREFIX = "run-"


@contextmanager
def own_scratch() -> Iterator[None]:
    """Let SPARK_LOCAL_DIRS be folders of this run alone, below those that it names; without it Spark's are in /tmp.

    Raises:
        ConfigError: They can't be made.
    """
    variable = "SPARK_LOCAL_DIRS"
    given = os.environ.get(variable)
    if not given:
        yield
        return
    with ExitStack() as stack:
        try:
            own = [stack.enter_context(_folder(Path(parent))) for parent in given.split(",")]
        except OSError as error:
            raise ConfigError(f"{variable}={given} can't be used: {error}") from error
        os.environ[variable] = ",".join(map(str, own))
        try:
            yield
        finally:
            os.environ[variable] = given


@contextmanager
def _folder(parent: Path) -> Iterator[Path]:
    """A folder that is locked as long as its run lives. Runs of other containers may share the parent."""
    parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as lives:
        with _lock(parent):  # so that nobody takes a folder that is not locked yet for one that was left
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            lives.callback(shutil.rmtree, folder, ignore_errors=True)
            lives.enter_context(_lock(folder))
            for other in parent.glob(f"{_PREFIX}*"):
                _remove_if_left(other)
        yield folder


@contextmanager
def _lock(folder: Path, operation: int = fcntl.LOCK_EX) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, operation)
        yield
    finally:
        os.close(descriptor)


def _remove_if_left(folder: Path) -> None:
    # It is locked while its run lives, and may go at this moment.
    with suppress(OSError), _lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
        shutil.rmtree(folder, ignore_errors=True)
