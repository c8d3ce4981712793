"""`python -m tests.support.service_of_older_contract SERVICE`: a service as it was before today's contract.

It does not know one of the columns (so its files lack it), and calls its contract 0.9.
"""

from __future__ import annotations

import sys
from importlib import import_module

from acidwatch.contract import columns

OLDER = "0.9"
UNKNOWN_COLUMN = "SECCHI_M"


def main(service: str) -> None:
    """Take the column away before anything is built from the tables, then run the service's own main."""
    columns.CONTRACT_VERSION = OLDER
    columns.SAMPLES = tuple(column for column in columns.SAMPLES if column.name != UNKNOWN_COLUMN)
    columns.SAMPLE_NAMES = tuple(column.name for column in columns.SAMPLES)
    columns.MEASUREMENTS = tuple(column for column in columns.SAMPLES if column.parameter)
    columns.TABLES["samples"] = columns.SAMPLES
    import_module(f"services.{service}.__main__").main()


if __name__ == "__main__":
    main(*sys.argv[1:])
