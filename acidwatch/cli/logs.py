"""What a job says while it runs goes to stderr: stdout is for data."""

from __future__ import annotations


def log_to_stderr() -> None:
    """Show the job's own lines; those of the libraries only from warnings on."""
    import logging
    import sys

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    for chatty in ("py4j", "hdfs"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
