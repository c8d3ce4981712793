"""What compose and Kubernetes files are held against: our settings, our images; and the overlays as somebody fills them in."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from acidwatch.settings import ArchiveSettings, RecoverySettings, Settings, StatusSettings
from jobs.spark.bootstrap import JobSettings
from jobs.spark.live.bootstrap import LiveSettings
from services.ingestor.settings import IngestorSettings
from services.producer.settings import ProducerSettings
from services.versioner.settings import VersionerSettings
from tests.support.deployment import PROJECT

K8S = PROJECT / "deploy" / "k8s"

# Overlay -> the components that it offers.
OFFERED = {"dev": ("monitoring",), "prod": ("monitoring", "keda", "keda-sasl")}

SETTINGS: dict[str, tuple[type[Settings], ...]] = {
    "producer": (ProducerSettings,),
    "ingestor": (IngestorSettings,),
    "versioner": (VersionerSettings,),
    "spark": (JobSettings, LiveSettings),
    "cli": (ArchiveSettings, RecoverySettings, StatusSettings),
}


def settings_of(process: str) -> set[str]:
    """The environment variables that a process reads."""
    names = {name for settings in SETTINGS[process] for name in settings.model_fields}
    return {f"ACIDWATCH_{name.upper()}" for name in names} | {"ACIDWATCH_SECRETS_DIR"}


def required_of(settings: type[Settings]) -> set[str]:
    """Those that it does not start without."""
    return {f"ACIDWATCH_{name.upper()}" for name, field in settings.model_fields.items() if field.is_required()}


def given_by_image(process: str) -> set[str]:
    """Those that its Dockerfile sets."""
    folder = {"spark": "jobs/spark", "cli": "acidwatch/cli"}.get(process, f"services/{process}")
    return set(re.findall(r"\b(ACIDWATCH_\w+)=", (PROJECT / folder / "Dockerfile").read_text()))


def filled_in(folder: Path, taken: Mapping[str, Sequence[str]]) -> Path:
    """A copy of the manifests with secrets, a certificate and the given components in each overlay, taken in as the overlays say."""
    copy = shutil.copytree(K8S, folder / "k8s", ignore=shutil.ignore_patterns("secrets", "ca.pem", "__pycache__"))
    subprocess.run([PROJECT / "deploy/compose/make-secrets", copy / "overlays/dev"], check=True)
    (copy / "overlays/prod/ca.pem").write_text("a certificate\n")
    for overlay, components in taken.items():
        file = copy / "overlays" / overlay / "kustomization.yaml"
        text = file.read_text()
        for line in ["components:", *(f"  - ../../components/{name}" for name in components)] if components else []:
            text, found = re.subn(rf"^# {re.escape(line)}$", line, text, flags=re.MULTILINE)
            assert found == 1, f"{file} has no line to take the comment from: {line}"
        file.write_text(text)
    return copy
