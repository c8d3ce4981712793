"""What the versioner says of a group."""

from __future__ import annotations

from typing import Any

from structlog.testing import capture_logs

from acidwatch.ledger.record import Recorded
from acidwatch.telemetry.health import Health
from services.versioner.commit import OutcomeCommit


def test_a_batch_that_was_accepted_and_joins_no_version_is_named_with_the_reason() -> None:
    nobody: Any = None
    done = Recorded(version=7, accepted=2, outside=[("a", 3, "attempt 2 was accepted before it")])
    with capture_logs() as logs:
        OutcomeCommit(nobody, nobody, nobody, Health("versioner"))._report(done, 2, "a", 0, 0.1)
    assert logs[0]["not_members"] == 1
    assert logs[1] == {
        "event": "accepted, and in no version", "log_level": "warning", "batch_id": "a", "attempt": 3,
        "reason": "attempt 2 was accepted before it",
    }  # fmt: skip
