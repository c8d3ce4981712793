"""The dashboard for whoever answers for the data: what is rejected, by which rules, and how good what was accepted is."""

from __future__ import annotations

from deploy.monitoring.grafana_json import Dashboard, Panel, Query

DATA_QUALITY = Dashboard(
    "data-quality",
    "acidwatch: data quality",
    [
        Panel(
            "Batches rejected",
            "stat",
            [
                Query(
                    'sum(increase(acidwatch_batches_total{verdict="rejected"}[$__range]))'
                    " / sum(increase(acidwatch_batches_total[$__range]))",
                    "of those judged",
                    "instant",
                )
            ],
            unit="percentunit",
            width=6,
            height=5,
        ),
        Panel(
            "Flood guard",
            "stat",
            [Query("max(acidwatch_flood_rejected_ratio)", "rejected of its window", "instant")],
            unit="percentunit",
            width=6,
            height=5,
            thresholds=[(0.25, "orange"), (0.5, "red")],
            text="It trips above flood_share, which is 0.5 unless it was set.",
        ),
        Panel(
            "Dead letters, by state",
            "stat",
            [Query("max by (state) (acidwatch_dead_letters)", "{{state}}", "instant")],
            width=12,
            height=5,
            text="published: waits for somebody. parked: failed three times, or was set aside.",
        ),
        Panel(
            "Findings, by rule",
            "bargauge",
            [
                Query(
                    "topk(15, sum by (severity, rule) (increase(acidwatch_findings_total[$__range])))",
                    "{{severity}} {{rule}}",
                    "instant",
                )
            ],
            width=12,
            height=9,
            text="Of the batches judged in the chosen time. hard rejects a batch, soft only flags the row.",
        ),
        Panel(
            "Dead letters published",
            "timeseries",
            [Query("sum(increase(acidwatch_dead_letters_published_total[$__rate_interval]))", "published")],
            unit="short",
            width=12,
            height=9,
        ),
        Panel(
            "Rules that samples of the dataset break",
            "table",
            [
                Query(
                    "SELECT rule, severity, sum(n) AS breaks, sum(checked) AS checked, 100.0 * sum(n) / sum(checked) AS percent\n"
                    "FROM olap.quality GROUP BY rule, severity ORDER BY breaks DESC, rule LIMIT 30",
                    shape="table",
                )
            ],
            width=12,
            height=9,
            text="Of the run that olap.run shows.",
        ),
        Panel(
            "Flags of the values, by parameter",
            "table",
            [
                Query(
                    "SELECT parameter, sum(n) AS n, sum(good) AS good, sum(not_evaluated) AS not_evaluated, sum(suspect) AS suspect,\n"
                    "  sum(fail) AS fail, sum(missing) AS missing\n"
                    "FROM olap.completeness GROUP BY parameter ORDER BY parameter",
                    shape="table",
                )
            ],
            width=12,
            height=9,
            text="In the words of QARTOD; docs/analyst.md says which test gives which flag.",
        ),
        Panel(
            "Samples in which it was measured",
            "timeseries",
            [
                Query(
                    "SELECT make_timestamptz(year, 1, 1, 0, 0, 0, 'UTC') AS time, parameter AS metric,\n"
                    "  sum(n)::float8 / sum(samples) AS value\n"
                    "FROM olap.completeness WHERE parameter IN ('ANC', 'SO4', 'NO3', 'CA', 'DOC', 'PH_LAB')\n"
                    "GROUP BY year, parameter ORDER BY 1",
                    shape="series",
                )
            ],
            unit="percentunit",
            width=12,
            height=8,
            text="By year of the sample.",
        ),
        Panel(
            "Ion balance, by programme",
            "table",
            [
                Query(
                    "SELECT program_id, quantity, n, p05, q1, median, q3, p95\n"
                    "FROM olap.balance_distribution WHERE site_id IS NULL AND year IS NULL ORDER BY quantity, program_id",
                    shape="table",
                )
            ],
            width=12,
            height=8,
        ),
        Panel(
            "Found in the series",
            "stat",
            [
                Query(
                    'SELECT (SELECT count(*) FROM olap.unit_breaks) AS "steps like another unit",\n'
                    '  (SELECT count(*) FROM olap.method_changes WHERE site_id IS NULL) AS "changes of method"',
                    shape="table",
                )
            ],
            width=12,
            height=5,
            text="Which: acidwatch metrics quality --list unit-breaks, --list method-changes.",
        ),
        Panel(
            "The run shown here",
            "table",
            [
                Query(
                    "SELECT dataset_version, reference_version, code_version, finished_at, rows, superseded, samples, measurements,\n"
                    "  ambiguous, without_method, without_site FROM olap.run",
                    shape="table",
                )
            ],
            width=12,
            height=5,
        ),
    ],
    since="now-7d",
    refresh="5m",
)
