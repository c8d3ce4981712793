"""`python -m tests.support.live_with_kills POINT`: the live job as it is, but for one step of a trigger at which it dies."""

from __future__ import annotations

import sys
from collections.abc import Callable

from jobs.spark.__main__ import main
from jobs.spark.live import job, publish, stream
from jobs.spark.live.job import LiveJob
from tests.support.kill_points import Countdown, KillPoint, wrap


def _of(argument: int) -> Callable[..., bool]:
    """Only where there is something in that argument: most looks find nothing new."""
    return lambda *arguments: bool(arguments[argument])


LIVE_KILL_POINTS: dict[str, KillPoint] = {
    "after the rows were decoded": KillPoint(2, wrap(stream, "rows_of", before=False, only=_of(1))),
    "before the transaction commits": KillPoint(2, wrap(job, "advance", before=False, only=_of(1))),
    "after the transaction": KillPoint(2, wrap(LiveJob, "_advance", before=False, only=_of(1))),
    "before the alerts are sent": KillPoint(1, wrap(publish, "_send", before=True)),
    "after the alerts were sent": KillPoint(1, wrap(publish, "_send", before=False)),
    "before the checkpoint": KillPoint(2, wrap(LiveJob, "_take", before=False)),
}

if __name__ == "__main__":
    chosen = LIVE_KILL_POINTS[sys.argv[1]]
    chosen.arm(Countdown(chosen.passes))
    sys.exit(main(["live", "--trigger", "0.5"]))
