"""What an analyst could use instead of the job: tables of it by other engines, each in a process of its own.

Each is `python -m bench.peers.ENGINE FOLDER`: it reads what `dataset.fetch` put there, and writes TABLES beside it. The job makes these and
thirteen more, holds its counts against the ledger, and writes all measurements out with site, method and flag.
"""

TABLES = ("site", "method", "category")
# Category of the job's table -> the column that holds its value.
CATEGORIES = {
    "programme": "PROGRAM_ID",
    **{name.lower(): name for name in ("WATERBODY_TYPE", "SAMPLE_LOCATION", "SAMPLE_TYPE", "STATE", "ECOREGION_III")},
    "anc_class": "anc_class",
}
