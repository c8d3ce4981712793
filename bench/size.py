"""How much is measured: `tiny` only proves that the benchmarks run, `small` is for trying a change, `full` gives the figures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """Sizes of all benchmarks.

    Attributes:
        runs: How often each figure is measured.
        ingest_batches: Records of 100 rows in the backlog.
        naive_batches: Of these, how many the row by row loop reads; it would take an hour for all.
        spark_triggers: Values of maxOffsetsPerTrigger that Spark is given; the best one counts.
    """

    runs: int
    ingest_batches: int
    naive_batches: int
    spark_triggers: tuple[int, ...]


SIZES = {
    "tiny": Size(runs=1, ingest_batches=60, naive_batches=6, spark_triggers=(30,)),
    "small": Size(runs=3, ingest_batches=3_000, naive_batches=50, spark_triggers=(1_000, 3_000)),
    "full": Size(runs=3, ingest_batches=20_000, naive_batches=200, spark_triggers=(1_000, 3_000, 10_000)),
}
