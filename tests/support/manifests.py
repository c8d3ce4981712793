"""What compose and Kubernetes files are held against: our settings, our images."""

from __future__ import annotations

import re

from acidwatch.settings import RecoverySettings, Settings, StatusSettings
from jobs.spark.bootstrap import JobSettings
from jobs.spark.live.bootstrap import LiveSettings
from services.ingestor.settings import IngestorSettings
from services.producer.settings import ProducerSettings
from services.versioner.settings import VersionerSettings
from tests.support.deployment import PROJECT

SETTINGS: dict[str, tuple[type[Settings], ...]] = {
    "producer": (ProducerSettings,),
    "ingestor": (IngestorSettings,),
    "versioner": (VersionerSettings,),
    "spark": (JobSettings, LiveSettings),
    "cli": (RecoverySettings, StatusSettings),
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
