"""Settings of a service that reads a topic in groups."""

from __future__ import annotations

from pydantic import Field

from acidwatch.settings import KafkaSettings, ServiceSettings


class StreamSettings(KafkaSettings, ServiceSettings):
    """How groups are collected, and how long things may take before the process is not alive."""

    group_records: int = Field(400, ge=1, le=10_000, description="most records in a group")
    group_bytes: int = Field(32 * 1024**2, ge=1024, description="most bytes of values in a group")
    group_seconds: float = Field(0.5, gt=0, le=60, description="longest time that a record waits for its group to fill")
    buffer_records: int = Field(1000, ge=1, description="records that Faust reads ahead")
    buffer_bytes: int = Field(
        32 * 1024**2, ge=1024, description="of their values, whatever their number; a last one may exceed it"
    )
    retry_most_seconds: float = Field(
        15.0, gt=0, description="longest pause between two attempts while a dependency is away"
    )
    stall_seconds: float = Field(
        120.0, gt=1, description="without progress and without a known outage for so long = not alive"
    )
    accept_gap: str = Field(
        "", description="topic/partition@offset of an offset gap to go on from, once; several with commas"
    )
