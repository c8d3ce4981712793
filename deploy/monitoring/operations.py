"""The dashboard for whoever runs acidwatch: does it work, how fast, what does it wait for."""

from __future__ import annotations

from deploy.monitoring.grafana_json import Dashboard, Panel, Query

WITHIN = 'sum(rate(acidwatch_visible_seconds_bucket{le="60.0"}[$__range])) / sum(rate(acidwatch_visible_seconds_count[$__range]))'


def _quantile(share: float, name: str, by: str) -> str:
    labels = ", ".join(filter(None, ("le", by)))
    return f"histogram_quantile({share}, sum by ({labels}) (rate({name}_bucket[$__rate_interval])))"


OPERATIONS = Dashboard(
    "operations",
    "acidwatch: operations",
    [
        Panel(
            "Alerts",
            "stat",
            [Query('count(ALERTS{alertname=~"Acidwatch.*", alertstate="firing"}) or vector(0)', "firing", "instant")],
            width=4,
            height=4,
            thresholds=[(1, "red")],
            text="What each means and what to do: docs/monitoring.md and docs/recovery.md.",
        ),
        Panel(
            "Processes that answer",
            "stat",
            [Query('up{job="acidwatch"}', "{{process}}", "instant")],
            width=8,
            height=4,
        ),
        Panel(
            "Visible within 60 s",
            "stat",
            [Query(WITHIN, "of the batches", "instant")],
            unit="percentunit",
            width=4,
            height=4,
            text="The objective is 99 % of the batches that became visible in the chosen time.",
        ),
        Panel(
            "Dataset version",
            "stat",
            [Query("max(acidwatch_dataset_version)", "version", "instant")],
            width=4,
            height=4,
        ),
        Panel(
            "Ingest paused",
            "stat",
            [Query("max(acidwatch_ingest_paused)", "1 = paused", "instant")],
            width=4,
            height=4,
            thresholds=[(1, "red")],
        ),
        Panel(
            "Batches judged, by verdict",
            "timeseries",
            [Query("sum by (verdict) (rate(acidwatch_batches_total[$__rate_interval]))", "{{verdict}}")],
            unit="cps",
            stacked=True,
        ),
        Panel(
            "Rows judged, by verdict",
            "timeseries",
            [Query("sum by (verdict) (rate(acidwatch_rows_total[$__rate_interval]))", "{{verdict}}")],
            unit="cps",
            stacked=True,
        ),
        Panel(
            "From sent to visible",
            "timeseries",
            [
                Query(_quantile(0.5, "acidwatch_visible_seconds", ""), "half are faster"),
                Query(_quantile(0.99, "acidwatch_visible_seconds", ""), "99 % are faster"),
            ],
            unit="s",
            text="From the Kafka timestamp of a batch to the commit of the version that shows it.",
        ),
        Panel(
            "Lag of each partition",
            "timeseries",
            [Query("max by (topic, partition) (acidwatch_lag_records)", "{{topic}}/{{partition}}")],
            unit="short",
            text="Records that the group has not committed.",
        ),
        Panel(
            "Age of the oldest unacknowledged record",
            "timeseries",
            [Query("max by (process) (acidwatch_oldest_unacknowledged_seconds)", "{{process}}")],
            unit="s",
            text="By its Kafka timestamp, of those that were read. 0 = none.",
        ),
        Panel(
            "Since the last group",
            "timeseries",
            [Query("time() - max by (process) (acidwatch_last_group_timestamp_seconds)", "{{process}}")],
            unit="s",
        ),
        Panel(
            "Records in a group",
            "timeseries",
            [
                Query(
                    "sum by (service) (rate(acidwatch_group_batches_sum[$__rate_interval]))"
                    " / sum by (service) (rate(acidwatch_group_batches_count[$__rate_interval]))",
                    "{{service}}",
                )
            ],
            unit="short",
            text="The mean of the groups committed.",
        ),
        Panel(
            "Duration of each step of a group",
            "timeseries",
            [Query(_quantile(0.95, "acidwatch_step_seconds", "service, step"), "{{service}} {{step}}")],
            unit="s",
            text="95 % are faster.",
        ),
        Panel(
            "What outcomes became",
            "timeseries",
            [Query("sum by (kind) (rate(acidwatch_recorded_total[$__rate_interval]))", "{{kind}}")],
            unit="cps",
            stacked=True,
        ),
        Panel(
            "Dependencies that answer",
            "timeseries",
            [Query("min by (process, dependency) (acidwatch_dependency_up)", "{{process}} {{dependency}}")],
            unit="short",
            text="As each process sees them: 1 = it answers.",
        ),
        Panel(
            "Attempts that failed, by dependency",
            "timeseries",
            [
                Query(
                    "sum by (process, dependency) (rate(acidwatch_retries_total[$__rate_interval]))",
                    "{{process}} {{dependency}}",
                )
            ],
            unit="cps",
        ),
        Panel(
            "Share of the time spent waiting, by what for",
            "timeseries",
            [
                Query(
                    "sum by (process, dependency) (rate(acidwatch_paused_seconds_total[$__rate_interval]))",
                    "{{process}} {{dependency}}",
                )
            ],
            unit="percentunit",
        ),
        Panel(
            "Files written to HDFS, by zone",
            "timeseries",
            [Query("sum by (zone) (rate(acidwatch_hdfs_files_total[$__rate_interval]))", "{{zone}}")],
            unit="cps",
        ),
        Panel(
            "Bytes written to HDFS, by zone",
            "timeseries",
            [Query("sum by (zone) (rate(acidwatch_hdfs_written_bytes_total[$__rate_interval]))", "{{zone}}")],
            unit="Bps",
        ),
        Panel(
            "Batches sent by the producer",
            "timeseries",
            [Query("sum(rate(acidwatch_batches_sent_total[$__rate_interval]))", "sent")],
            unit="cps",
        ),
        Panel(
            "Workbooks of the drop folder",
            "stat",
            [Query("sum by (result) (acidwatch_sources_total)", "{{result}}", "instant")],
            width=6,
            height=5,
            text="Since the producer was started.",
        ),
        Panel(
            "Scheduled jobs: since the last success",
            "stat",
            [Query("time() - max by (task) (acidwatch_job_last_success_timestamp_seconds)", "{{task}}", "instant")],
            unit="s",
            width=6,
            height=5,
        ),
        Panel(
            "Scheduled jobs: duration of the newest run",
            "stat",
            [Query("max by (task) (acidwatch_job_duration_seconds)", "{{task}}", "instant")],
            unit="s",
            width=6,
            height=5,
        ),
        Panel(
            "Scheduled jobs: rows, and runs that failed",
            "stat",
            [
                Query("max by (task) (acidwatch_job_rows)", "{{task}}: rows", "instant"),
                Query('sum by (task) (acidwatch_job_runs_total{result="failed"})', "{{task}}: failed", "instant"),
            ],
            width=6,
            height=5,
        ),
        Panel(
            "Partitions read, and the reference version judged with",
            "table",
            [
                Query("sum by (process, topic) (acidwatch_assigned_partitions)", "", "instant"),
                Query("max by (process) (acidwatch_reference_version > 0)", "", "instant"),
            ],
            width=12,
            height=6,
        ),
        Panel(
            "Late jobs",
            "table",
            [Query("time() - acidwatch_job_due_timestamp_seconds", "", "instant")],
            unit="s",
            width=12,
            height=6,
            text="Seconds since a run was due that has not ended well yet; negative = it is due in the future.",
        ),
    ],
)
