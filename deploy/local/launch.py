"""Becomes a server after tying its life to the supervisor's; run as a script, imports nothing of the project.

A separate step instead of Popen's `preexec_fn`, which is not safe in a process with threads.

Usage: launch.py SUPERVISOR_PID COMMAND...
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h

if __name__ == "__main__":
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the supervisor was gone before this process had started")
    os.execvp(sys.argv[2], sys.argv[2:])
