"""Settings of the producer as a service."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from acidwatch.contract.batch import BATCH_ROWS
from acidwatch.settings import KafkaSettings, ServiceSettings


class ProducerSettings(KafkaSettings, ServiceSettings):
    """What the producer needs: Kafka, a folder to watch, and one to remember in."""

    drop_folder: Path = Field(description="folder where laboratories put workbooks")
    state_folder: Path = Field(description="folder that remembers what was sent, one small file a workbook")
    batch_rows: int = Field(BATCH_ROWS, ge=1, le=10_000, description="rows in a batch")
    interval_seconds: float = Field(10.0, ge=0, description="pause between batches; 0 = as fast as it goes")
    settle_seconds: float = Field(
        10.0, ge=0, description="how long a file in the drop folder must not have changed before it is sent"
    )
    look_seconds: float = Field(1.0, gt=0, description="how often the drop folder is looked at")
