"""The closed list of metrics: the only place that names one. Prefix `acidwatch_`, base units, no metric elsewhere."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
# The promise is 60 s (deploy/monitoring/rules/objectives.yaml), so there must be a bucket that ends there.
_UNTIL_VISIBLE = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)

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
PAUSED_SECONDS = Counter(
    "acidwatch_paused_seconds", "Time spent waiting between attempts, by what was waited for", ["service", "dependency"]
)
DEPENDENCY_UP = Gauge("acidwatch_dependency_up", "1 while the dependency answers", ["dependency"])
HDFS_FILES = Counter("acidwatch_hdfs_files", "Files of groups that were published on HDFS", ["zone"])
HDFS_BYTES = Counter("acidwatch_hdfs_written_bytes", "Bytes of these files", ["zone"])
LAG_RECORDS = Gauge(
    "acidwatch_lag_records", "Records of an assigned partition that are not committed yet", ["topic", "partition"]
)
OLDEST_UNACKNOWLEDGED = Gauge(
    "acidwatch_oldest_unacknowledged_seconds",
    "Age of the oldest record that was read and is not acknowledged; 0 = none",
    ["service"],
)
LAST_GROUP_TIME = Gauge(
    "acidwatch_last_group_timestamp_seconds",
    "When the last group was committed; of producer and live job when they last looked, or went on",
    ["service"],
)
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
VISIBLE_SECONDS = Histogram(
    "acidwatch_visible_seconds", "From the sending of a batch until a version shows it", buckets=_UNTIL_VISIBLE
)
RECORDED = Counter("acidwatch_recorded", "What outcomes became in the ledger", ["kind"])
RESULTS_BEHIND = Gauge(
    "acidwatch_results_behind_seconds", "Age of the oldest version that no published run has read; 0 = none"
)
NOT_BACKED_UP = Gauge(
    "acidwatch_not_backed_up_seconds", "Age of the oldest version that is newer than the newest whole backup; 0 = none"
)
DEAD_LETTERS = Gauge("acidwatch_dead_letters", "Dead letters in the ledger", ["state"])
DEAD_LETTERS_PUBLISHED = Counter("acidwatch_dead_letters_published", "Dead letters confirmed by the broker")
BATCHES_SENT = Counter("acidwatch_batches_sent", "Batches confirmed by the broker")
SOURCES = Counter("acidwatch_sources", "Workbooks of the drop folder by what became of them", ["result"])
SOURCES_UNREADABLE = Gauge("acidwatch_sources_unreadable", "Files in the drop folder that can't be read or sent now")
LIVE_BATCHES = Counter("acidwatch_live_batches", "Accepted batches that the live job has taken in")
LIVE_ALERTS = Counter("acidwatch_live_alerts", "Alerts of the live job that the broker confirmed")
JOB_RUNS = Counter("acidwatch_job_runs", "Runs of a scheduled job that ended", ["task", "result"])
JOB_SECONDS = Gauge("acidwatch_job_duration_seconds", "Duration of the newest run of a scheduled job", ["task"])
JOB_ROWS = Gauge("acidwatch_job_rows", "Rows of the dataset version that the newest published run read", ["task"])
JOB_LAST_SUCCESS = Gauge("acidwatch_job_last_success_timestamp_seconds", "When a run last ended well", ["task"])
JOB_DUE = Gauge(
    "acidwatch_job_due_timestamp_seconds",
    "Time of the schedule at which the run is due that has not ended well yet",
    ["task"],
)
