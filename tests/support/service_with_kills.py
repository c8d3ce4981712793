"""`python -m tests.support.service_with_kills SERVICE POINT`: a service as it is, but for one step at which it dies or stands still."""

from __future__ import annotations

import sys
from importlib import import_module

from tests.support.kill_points import KILL_POINTS, STUCK_POINTS, Countdown


def main(service: str, point: str) -> None:
    """Arm the point, then run the service's own main."""
    chosen = (KILL_POINTS[service] | STUCK_POINTS[service])[point]
    chosen.arm(Countdown(chosen.passes))
    import_module(f"services.{service}.__main__").main()


if __name__ == "__main__":
    main(*sys.argv[1:])
