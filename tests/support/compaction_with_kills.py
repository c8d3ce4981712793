"""`python -m tests.support.compaction_with_kills POINT [OPTION ...]`: `acidwatch job compact`, but for one step at which it dies."""

from __future__ import annotations

import sys

from hdfs import InsecureClient

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.cli import journal
from acidwatch.cli.__main__ import main
from acidwatch.proof import compact
from acidwatch.proof.compact import Compaction
from tests.support.kill_points import Countdown, KillPoint, half_written, in_zone, wrap

COMPACTION_KILL_POINTS: dict[str, KillPoint] = {
    "after the plan": KillPoint(1, wrap(Compaction, "plan", before=False)),
    "after the ledger said what the files hold": KillPoint(2, wrap(Compaction, "ask", before=False)),
    "among the files that are read": KillPoint(5, wrap(compact, "read_part", before=False)),
    "after the files were read": KillPoint(2, wrap(Compaction, "read", before=False)),
    "half of the new file": KillPoint(2, half_written("clean")),
    "written and not renamed": KillPoint(2, wrap(InsecureClient, "rename", before=True)),
    "after the new file": KillPoint(2, wrap(HdfsStore, "publish", before=False, only=in_zone("clean"))),
    "before the transaction": KillPoint(2, wrap(Compaction, "move", before=True)),
    "in the transaction": KillPoint(2, wrap(compact, "move_batches", before=False)),
    "before the transaction commits": KillPoint(2, wrap(compact, "note", before=False)),
    "after the transaction": KillPoint(2, wrap(Compaction, "move", before=False)),
    "before the journal is copied": KillPoint(1, wrap(journal, "flush", before=True)),
}

if __name__ == "__main__":
    chosen = COMPACTION_KILL_POINTS[sys.argv[1]]
    chosen.arm(Countdown(chosen.passes))
    sys.argv[:2] = ["acidwatch", "job", "compact"]
    main()
