"""The closed list of metrics: the only place that names one. Prefix `acidwatch_`, base units, no metric elsewhere."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

BATCHES = Counter("acidwatch_batches", "Batches judged by this process", ["verdict"])
ROWS = Counter("acidwatch_rows", "Rows judged by this process", ["verdict"])
FINDINGS = Counter("acidwatch_findings", "Findings by rule", ["severity", "rule"])
GROUP_BATCHES = Histogram(
    "acidwatch_group_batches", "Records in a group", ["service"], buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500)
)
STEP_SECONDS = Histogram(
    "acidwatch_step_seconds", "Duration of each step of a group commit", ["service", "step"], buckets=_SECONDS
)
RETRIES = Counter("acidwatch_retries", "Attempts that failed because a dependency was away", ["service", "dependency"])
DEPENDENCY_UP = Gauge("acidwatch_dependency_up", "1 while the dependency answers", ["dependency"])
LAG_RECORDS = Gauge(
    "acidwatch_lag_records", "Records of a partition that are not acknowledged yet", ["topic", "partition"]
)
LAST_GROUP_TIME = Gauge("acidwatch_last_group_timestamp_seconds", "When the last group was committed", ["service"])
ASSIGNED_PARTITIONS = Gauge("acidwatch_assigned_partitions", "Partitions that this process reads", ["topic"])
REFERENCE_VERSION = Gauge(
    "acidwatch_reference_version", "Reference version that batches are judged with; 0 = none loaded"
)
INGEST_PAUSED = Gauge(
    "acidwatch_ingest_paused", "1 while the flood guard or a person keeps the ingestors from taking records"
)
FLOOD_REJECTED = Gauge(
    "acidwatch_flood_rejected_ratio", "Share of the flood guard's window of first attempts that was rejected"
)
DATASET_VERSION = Gauge("acidwatch_dataset_version", "Newest version of the dataset")
RECORDED = Counter("acidwatch_recorded", "What outcomes became in the ledger", ["kind"])
DEAD_LETTERS_PUBLISHED = Counter("acidwatch_dead_letters_published", "Dead letters confirmed by the broker")
BATCHES_SENT = Counter("acidwatch_batches_sent", "Batches confirmed by the broker")
SOURCES = Counter("acidwatch_sources", "Workbooks of the drop folder by what became of them", ["result"])
LIVE_BATCHES = Counter("acidwatch_live_batches", "Accepted batches that the live job has taken in")
LIVE_ALERTS = Counter("acidwatch_live_alerts", "Alerts of the live job that the broker confirmed")
