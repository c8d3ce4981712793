"""Single artefacts that only tests need, fetched once by Maven into the folder of jars."""

from __future__ import annotations

import shutil
import subprocess

from deploy.local.errors import PrerequisiteError
from deploy.local.jars import POM
from deploy.local.layout import JARS


def fetch(coordinates: str, what: str) -> None:
    """Copy `group:artefact:version` there.

    Args:
        what: What it is, for the message.

    Raises:
        PrerequisiteError: Maven could not.
    """
    maven = shutil.which("mvn")
    if maven is None:
        raise PrerequisiteError(f"{what} is fetched by Maven: mvn was not found on PATH")
    options = [f"-Dartifact={coordinates}", f"-DoutputDirectory={JARS}"]
    done = subprocess.run(
        [maven, "-q", "-B", "-f", POM, "dependency:copy", *options], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PrerequisiteError(f"Maven could not fetch {what}: {done.stdout[-300:]}")
