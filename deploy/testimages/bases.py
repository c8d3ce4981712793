"""Debian as a base image, made by debootstrap from this machine's own mirror, with this machine's own certificates."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.local.errors import PrerequisiteError, ServerFailedError
from deploy.testimages.engine import Engine
from deploy.testimages.tools import CACHE, install

# Python 3.11 and Java 17 are in the first, PostgreSQL 17 and Prometheus 2.53 in the second.
SUITES = ("bookworm", "trixie")
_CERTIFICATES = Path("/usr/local/share/ca-certificates")
_SOURCES = Path("/etc/apt")
# What a slim image has no use for: taken out, and kept out of what is installed later.
_NOT_WANTED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info")


def make_base(engine: Engine, suite: str) -> str:
    """Have `acidwatch-test/debian:SUITE` in the engine; made anew only when what it is made of changes.

    Raises:
        PrerequisiteError: This is no Debian, or the user is not root.
    """
    tag = f"acidwatch-test/debian:{suite}"
    mirror, certificates = _mirror(), sorted(_CERTIFICATES.glob("*.crt"))
    made_of = [Path(__file__).read_bytes(), mirror.encode(), *(path.read_bytes() for path in certificates)]
    key = hashlib.sha256(b"\0".join(made_of)).hexdigest()
    labels = engine.run("images", "--filter", f"label=acidwatch.key={key}", "--format", "{{.Repository}}:{{.Tag}}")
    if tag in labels.split():
        return tag
    install("debootstrap")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=f"{suite}-") as scratch:
        root = Path(scratch, "root")
        log = CACHE / f"debootstrap-{suite}.log"
        _call(log, "debootstrap", "--variant=minbase", "--include=ca-certificates", suite, str(root), mirror)
        for path in certificates:
            shutil.copy(path, root / _CERTIFICATES.relative_to("/"))
        _call(log, "chroot", str(root), "update-ca-certificates")
        _slim(root)
        packed = str(Path(scratch, "root.tar"))
        _call(log, "tar", "-C", str(root), "-cf", packed, ".")
        engine.run("import", "--change", 'CMD ["bash"]', "--change", f"LABEL acidwatch.key={key}", packed, tag)
    return tag


def _slim(root: Path) -> None:
    for folder in (*_NOT_WANTED, "var/lib/apt/lists", "var/cache/apt"):
        shutil.rmtree(root / folder)
        (root / folder).mkdir()
    for folder in ("var/lib/apt/lists/partial", "var/cache/apt/archives/partial"):
        (root / folder).mkdir(parents=True)
    excluded = "".join(f"path-exclude /{folder}/*\n" for folder in _NOT_WANTED)
    (root / "etc/dpkg/dpkg.cfg.d/slim").write_text(excluded)
    # As in Debian's images: what was installed leaves no package behind.
    clean = "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"
    (root / "etc/apt/apt.conf.d/clean").write_text(
        f'DPkg::Post-Invoke {{ "{clean}"; }};\nAPT::Update::Post-Invoke {{ "{clean}"; }};\n'
        'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n'
    )
    # No service is started by an installation.
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)


def _mirror() -> str:
    """The first one of this machine's sources."""
    files = [_SOURCES / "sources.list", *sorted((_SOURCES / "sources.list.d").glob("*"))]
    text = "\n".join(path.read_text() for path in files if path.suffix in {".list", ".sources"} and path.exists())
    found = re.search(r"^(?:URIs:|deb (?:\[.*?\] )?)\s*(https?://\S+/debian/?)(?=\s|$)", text, re.MULTILINE)
    if found is None:
        raise PrerequisiteError("this machine's sources of packages name no mirror of Debian")
    return found[1]


def _call(log: Path, *command: str) -> None:
    with log.open("ab") as output:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    if done.returncode != 0:
        lines = log.read_text(errors="replace").strip().splitlines()[-10:]
        raise ServerFailedError(command[0], f"ended with {done.returncode}", log, lines)
