"""Settings of the versioner."""

from __future__ import annotations

from pydantic import Field

from acidwatch.settings import HdfsSettings, PostgresSettings
from acidwatch.streaming.settings import StreamSettings


class VersionerSettings(StreamSettings, PostgresSettings, HdfsSettings):
    """What the versioner needs: Kafka, PostgreSQL for the ledger, HDFS for the bytes of dead letters."""

    group_records: int = Field(500, ge=1, le=10_000, description="most outcomes in a group")
    group_seconds: float = Field(
        0.2, gt=0, le=60, description="longest time that an outcome waits for its group to fill"
    )
    buffer_records: int = Field(2000, ge=1, description="outcomes that Faust reads ahead")
