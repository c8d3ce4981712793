"""The tables by DuckDB, as an analyst would write them in SQL."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from acidwatch.chemistry.classes import ANC_CLASSES, ANC_UNKNOWN
from acidwatch.contract.columns import MEASUREMENTS, NATURAL_KEY
from bench.peers import CATEGORIES, TABLES

_KEY = ", ".join(NATURAL_KEY)
_CLASS = " ".join(
    f"WHEN {' AND '.join(bounds)} THEN '{one.name}'"
    for one in ANC_CLASSES
    if (bounds := [
        *([] if one.low is None else [f"ANC_UEQ_L >= {one.low}"]),
        *([] if one.high is None else [f"ANC_UEQ_L < {one.high}"]),
    ])
)  # fmt: skip
_NAMES = ", ".join(f"('{column.name}', '{column.parameter}', '{column.unit}')" for column in MEASUREMENTS)
_STATISTICS = (
    "count(*) AS n, avg(value) AS mean, stddev_samp(value) AS stddev, min(value) AS min,"
    " quantile_cont(value, 0.25) AS q1, median(value) AS median, quantile_cont(value, 0.75) AS q3, max(value) AS max,"
    " min(DATE_SMP)::DATE AS first_date, max(DATE_SMP)::DATE AS last_date"
)

_PREPARE = f"""
CREATE VIEW method_of_year AS
SELECT PROGRAM_ID, PARAMETER AS parameter, year, METHOD AS method
FROM (SELECT *, unnest(range(START_YEAR, coalesce(END_YEAR, 2100) + 1)) AS year FROM 'methods.parquet')
QUALIFY row_number() OVER (PARTITION BY PROGRAM_ID, PARAMETER, year
                           ORDER BY START_YEAR DESC, END_YEAR NULLS LAST, METHOD NULLS LAST, METHOD_DESCRIPTION NULLS LAST) = 1;

CREATE TABLE samples AS
SELECT s.*, t.STATE, t.ECOREGION_III, CASE {_CLASS} ELSE '{ANC_UNKNOWN}' END AS anc_class
FROM (SELECT * FROM read_parquet('clean/*.parquet', filename = 'path') JOIN 'members.parquet' USING (path, batch_id, attempt)
      QUALIFY row_number() OVER (PARTITION BY {_KEY}
                                 ORDER BY source_sent_us DESC, batch_index DESC, source_id DESC, row DESC, batch_id DESC) = 1) s
LEFT JOIN 'sites.parquet' t USING (PROGRAM_ID, SITE_ID);

CREATE TABLE measurements AS
SELECT u.*, p.parameter, p.unit, m.method
FROM (UNPIVOT (SELECT PROGRAM_ID, SITE_ID, DATE_SMP, WATERBODY_TYPE, SAMPLE_LOCATION, SAMPLE_TYPE, STATE, ECOREGION_III, anc_class,
                      {", ".join(column.name for column in MEASUREMENTS)} FROM samples)
      ON {", ".join(column.name for column in MEASUREMENTS)} INTO NAME column_name VALUE value) u
JOIN (VALUES {_NAMES}) p(column_name, parameter, unit) USING (column_name)
LEFT JOIN method_of_year m ON m.PROGRAM_ID = u.PROGRAM_ID AND m.parameter = p.parameter AND m.year = year(u.DATE_SMP);
"""

_QUERIES = {
    "site": f"SELECT PROGRAM_ID AS program_id, SITE_ID AS site_id, parameter, unit, {_STATISTICS} FROM measurements GROUP BY ALL",
    "method": f"SELECT PROGRAM_ID AS program_id, parameter, method, unit, {_STATISTICS} FROM measurements GROUP BY ALL",
    "category": " UNION ALL ".join(
        f"SELECT '{name}' AS category, coalesce({column}::VARCHAR, 'unknown') AS value, parameter, unit,"
        f" count(*) AS n, avg(m.value) AS mean, median(m.value) AS median FROM measurements m GROUP BY ALL"
        for name, column in CATEGORIES.items()
    ),
}


def main(folder: Path) -> None:
    """Make the tables of a folder, with two threads as the job has."""
    with duckdb.connect(config={"threads": 2, "file_search_path": str(folder)}) as connection:
        connection.execute(_PREPARE)
        for table in TABLES:
            connection.execute(f"COPY ({_QUERIES[table]}) TO '{folder / table}.parquet'")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
