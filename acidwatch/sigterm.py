"""Ending when told to: the kernel delivers to the first process of a container only those signals that it listens to."""

from __future__ import annotations

import signal
import sys


def end_by_sigterm() -> None:
    """Let SIGTERM end the process as an error would, with what has to be put away; exit code 143.

    Who has more to do than that, such as finish a group, listens by itself later on.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
