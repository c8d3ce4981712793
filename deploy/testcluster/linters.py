"""The linters of manifests, in an environment of their own: one of them wants a hundred packages that nothing else here needs."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from deploy.built import cache
from deploy.local.layout import PROJECT

REQUIREMENTS = PROJECT / "requirements" / "policy.txt"


def programs() -> Path:
    """The folder with `kubernetes-validate` and `checkov`, installed the first time, checked by their hashes."""

    def install(folder: Path) -> None:
        print("installing the linters of manifests once ...", file=sys.stderr, flush=True)
        cache.run([sys.executable, "-m", "venv", str(folder)], PROJECT)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        cache.run([*pip, "--require-hashes", "-r", str(REQUIREMENTS)], PROJECT)

    return cache.once(f"linters-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]}", install) / "bin"
