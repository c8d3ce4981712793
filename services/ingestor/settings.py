"""Settings of the ingestor."""

from __future__ import annotations

from pydantic import Field

from acidwatch.settings import HdfsSettings
from acidwatch.streaming.settings import StreamSettings


class IngestorSettings(StreamSettings, HdfsSettings):
    """What the ingestor needs: Kafka, HDFS, how to group, how often to look for a new reference version, and the flood guard."""

    group_bytes: int = Field(8 * 1024**2, ge=1024, description="most bytes of values in a group")
    groups_in_flight: int = Field(
        3, ge=1, le=16, description="most groups that are judged, written and announced side by side"
    )
    reference_check_seconds: float = Field(
        0.5, ge=0, description="how old the list of reference versions, and the state of the flood guard, may be"
    )
    flood_share: float = Field(
        0.5, ge=0, le=1, description="more than this share of first attempts rejected pauses the ingestors; 1 = never"
    )
    flood_batches: int = Field(50, ge=1, description="least number of first attempts that the share is taken of")
    flood_window_batches: int = Field(
        200, ge=1, le=100_000, description="most first attempts that it is taken of: the newest ones"
    )
