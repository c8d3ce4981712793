"""Where memory for groups comes from."""

from __future__ import annotations

import ctypes

import pyarrow as pa

_M_ARENA_MAX = -8  # malloc.h of glibc
_ARENAS = 2


def spare_memory() -> None:
    """Take buffers of Arrow from the system's allocator, and let that keep few pools: each thread would hold on to one as large as a group.

    Without it the process takes a third more and is no faster, see bench/notes.md. To be called before threads are started.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # another C library has none, and other pools
        mallopt(_M_ARENA_MAX, _ARENAS)
