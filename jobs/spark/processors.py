"""How many processors this process may use, counted as the JVM counts them: the quota of a container is among what it looks at."""

from __future__ import annotations

import math
import os
from pathlib import Path

_QUOTA_AND_PERIOD = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))  # cgroup v2, v1


def processors(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Those of the machine that it may run on, and no more than its quota comes to, rounded up."""
    mine = len(os.sched_getaffinity(0))
    for files in _QUOTA_AND_PERIOD:
        try:
            quota, period = " ".join((cgroup / name).read_text() for name in files).split()
        except OSError:
            continue
        return mine if quota in ("max", "-1") else min(mine, math.ceil(int(quota) / int(period)))
    return mine
