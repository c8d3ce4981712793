"""How much is measured: `tiny` only proves that the benchmarks run, `small` is for trying a change, `full` gives the figures.

`huge` is `full` with the job at a hundred times the real size: an hour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Size:
    """Sizes of all benchmarks.

    Attributes:
        runs: How often each figure is measured.
        ingest_batches: Records of 100 rows in the backlog.
        naive_batches: Of these, how many the row by row loop reads; it would take an hour for all.
        spark_triggers: Values of maxOffsetsPerTrigger that Spark is given; the best one counts.
        ledger_versions: Versions that are in the ledger before.
        ledger_batches: Outcomes that are recorded in each run.
        latency_rates: Batches a second.
        latency_seconds: How long they are sent.
        workbook_rows: Of the workbook that is read; the real one has 38,200.
        job_batches: Of the dataset that the job runs on once.
        job_times: The multiples of it.
        spread_batches: Records of the backlog that several ingestors share.
        spread_partitions: Partitions of its topic.
        spread_ingestors: How many ingestors.
    """

    runs: int
    ingest_batches: int
    naive_batches: int
    spark_triggers: tuple[int, ...]
    ledger_versions: tuple[int, ...]
    ledger_batches: int
    latency_rates: tuple[int, ...]
    latency_seconds: float
    workbook_rows: int
    job_batches: int
    job_times: tuple[int, ...]
    spread_batches: int
    spread_partitions: tuple[int, ...]
    spread_ingestors: tuple[int, ...]


SIZES = {
    "tiny": Size(
        runs=1,
        ingest_batches=60,
        naive_batches=6,
        spark_triggers=(30,),
        ledger_versions=(10, 1_000),
        ledger_batches=300,
        latency_rates=(5,),
        latency_seconds=2.0,
        workbook_rows=600,
        job_batches=10,
        job_times=(1,),
        spread_batches=120,
        spread_partitions=(3,),
        spread_ingestors=(2,),
    ),
    "small": Size(
        runs=3,
        ingest_batches=3_000,
        naive_batches=50,
        spark_triggers=(1_000, 3_000),
        ledger_versions=(10, 1_000, 100_000),
        ledger_batches=3_000,
        latency_rates=(1, 10, 100),
        latency_seconds=10.0,
        workbook_rows=10_000,
        job_batches=100,
        job_times=(1, 10),
        spread_batches=3_000,
        spread_partitions=(3, 12),
        spread_ingestors=(1, 2),
    ),
    "full": Size(
        runs=3,
        ingest_batches=20_000,
        naive_batches=200,
        spark_triggers=(1_000, 3_000, 10_000),
        ledger_versions=(10, 1_000, 1_000_000),
        ledger_batches=10_000,
        latency_rates=(1, 10, 100),
        latency_seconds=60.0,
        workbook_rows=38_200,
        job_batches=382,
        job_times=(1, 10),
        spread_batches=12_000,
        spread_partitions=(3, 12, 48),
        spread_ingestors=(1, 2, 4),
    ),
}
SIZES["huge"] = replace(SIZES["full"], job_times=(100,))
