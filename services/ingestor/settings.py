"""Settings of the ingestor."""

from __future__ import annotations

from pydantic import Field

from acidwatch.settings import HdfsSettings
from acidwatch.streaming.settings import StreamSettings


class IngestorSettings(StreamSettings, HdfsSettings):
    """What the ingestor needs: Kafka, HDFS, how to group, and how often to look for a new reference version."""

    reference_check_seconds: float = Field(0.5, ge=0, description="how old the list of reference versions may be")
