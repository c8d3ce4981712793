"""The dataset's row, which every writer locks first: version numbers and ids are given under that lock, at commit."""

from __future__ import annotations

from dataclasses import dataclass

from acidwatch.ledger.connection import Connection

DATASET = "water-quality"


@dataclass(slots=True)
class Dataset:
    """The newest version, as the writer that holds the lock changes it.

    Attributes:
        version: Its number; 0 = there is none yet.
        rows, bytes: What it holds, before rows that say the same sample are resolved.
    """

    version: int
    rows: int
    bytes: int


def lock_dataset(connection: Connection) -> Dataset:
    """Lock the dataset until the transaction ends; the first statement of every writer."""
    row = connection.execute(
        "SELECT newest_version, rows, bytes FROM ledger.datasets WHERE dataset = %s FOR UPDATE", (DATASET,)
    ).fetchone()
    if row is None:
        raise LookupError(f"dataset {DATASET} is not in the ledger: was it migrated?")
    return Dataset(row["newest_version"], row["rows"], row["bytes"])


def save_dataset(
    connection: Connection, dataset: Dataset, *, accepted: int = 0, rejected: int = 0, duplicates: int = 0
) -> None:
    """Write the newest version's row back; the counts of batches change by the given numbers."""
    connection.execute(
        "UPDATE ledger.datasets SET newest_version = %s, rows = %s, bytes = %s, accepted = accepted + %s, rejected = rejected + %s,"
        " duplicates = duplicates + %s WHERE dataset = %s",
        (dataset.version, dataset.rows, dataset.bytes, accepted, rejected, duplicates, DATASET),
    )
