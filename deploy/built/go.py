"""Go, and what is fetched and built with it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from deploy.built import cache
from deploy.local.errors import PrerequisiteError

OLDEST = (1, 24)


def find() -> str:
    """The `go` to build with.

    Raises:
        PrerequisiteError: There is none, or it's too old.
    """
    advice = f"Go {OLDEST[0]}.{OLDEST[1]} or newer builds what no package has; Debian 12's is older"
    go = shutil.which("go")
    if go is None:
        raise PrerequisiteError(f"go was not found on PATH. {advice}")
    version = re.search(r"go(\d+)\.(\d+)", cache.run([go, "version"], Path.cwd()))
    if version is None or (int(version[1]), int(version[2])) < OLDEST:
        raise PrerequisiteError(f"{go} is too old. {advice}")
    return go


def run(*arguments: str, folder: Path) -> str:
    """Run `go ARGUMENTS...` in a folder, without a compiler of C; what it printed.

    Raises:
        PrerequisiteError: There is no Go, or it's too old.
        MakingFailedError: It failed.
    """
    return cache.run([find(), *arguments], folder, {"CGO_ENABLED": "0"})


def build(output: Path, *packages: str, folder: Path, flags: str = "") -> None:
    """Build packages that the module in a folder has or needs, small and without the paths of this machine.

    Args:
        output: The program, or the folder of several.
        packages: What to build.
        folder: Has the module's go.mod, which may be completed.
        flags: More for the linker.
    """
    linked = f"-s -w {flags}".strip()
    run("build", "-mod=mod", "-trimpath", "-ldflags", linked, "-o", str(output), *packages, folder=folder)


def fetched(module: str, folder: Path) -> dict[str, str]:
    """Where a module, as `path@version`, is on this machine; fetched the first time. `Dir` is its source, not to be written to."""
    found: dict[str, str] = json.loads(run("mod", "download", "-json", module, folder=folder))
    return found
