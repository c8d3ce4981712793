"""A ledger with many versions, written by statements: the versioner would take a quarter of an hour for a million."""

from __future__ import annotations

import psycopg

BATCHES_A_SOURCE = 400
BATCHES_A_FILE = 100

_FILL = """
CREATE TEMPORARY TABLE made ON COMMIT DROP AS
SELECT n, md5('history ' || n)::uuid::text AS batch_id, md5('source ' || (n - 1) / {source}) AS source_id,
       1 + 2 * ((n - 1) / {file}) AS raw_file, 2 + 2 * ((n - 1) / {file}) AS clean_file
FROM generate_series(1, {versions}) n;
INSERT INTO ledger.sources (source_id, name, first_sent_at, batch_count)
SELECT source_id, 'history-' || min(n) || '.xlsx', timestamptz '2026-01-01' + min(n) * interval '1 s', {source} FROM made GROUP BY 1;
INSERT INTO ledger.batches (batch_id, source_id, batch_index, subject, accepted_attempt, attempts)
SELECT batch_id, source_id, (n - 1) % {source}, 'Sheet 1!A2:AD101', 1, 1 FROM made;
INSERT INTO ledger.files (file_id, path, zone, bytes, sha256) OVERRIDING SYSTEM VALUE
SELECT DISTINCT raw_file, 'raw/history/' || raw_file || '.parquet', 'raw', 500000, md5('raw' || raw_file) FROM made;
INSERT INTO ledger.files (file_id, path, zone, bytes, sha256) OVERRIDING SYSTEM VALUE
SELECT DISTINCT clean_file, 'clean/history/' || clean_file || '.parquet', 'clean', 500000, md5('clean' || clean_file) FROM made;
INSERT INTO ledger.attempts (batch_id, attempt, verdict, rows, hard, soft, findings, topic, partition, "offset", timestamp_ms, value_sha256,
    value_bytes, contract_version, reference_version, service_version, judged_at, version)
SELECT batch_id, 1, 'accepted', 100, 0, 0, '[]', 'history', n % 3, n, 1767225600000 + n, md5('value' || n), 18000, '1.2', 1, '0', now(), n
FROM made ORDER BY n;
INSERT INTO ledger.file_batches (batch_id, attempt, file_id, zone)
SELECT batch_id, 1, raw_file, 'raw' FROM made UNION ALL SELECT batch_id, 1, clean_file, 'clean' FROM made;
INSERT INTO ledger.deliveries (topic, partition, "offset", timestamp_ms, batch_id, attempt, kind, raw_file_id)
SELECT 'history', n % 3, n, 1767225600000 + n, batch_id, 1, 'first', raw_file FROM made;
INSERT INTO ledger.versions (version, kind, author, message, batch_id, attempt, batch_rows, batch_bytes, rows, bytes)
SELECT n, 'append', 'versioner', 'history', batch_id, 1, 100, 18000, 100::bigint * n, 18000::bigint * n FROM made;
INSERT INTO ledger.memberships (batch_id, attempt, from_version) SELECT batch_id, 1, n FROM made;
UPDATE ledger.datasets SET newest_version = {versions}, rows = 100::bigint * {versions}, bytes = 18000::bigint * {versions},
    accepted = {versions};
SELECT setval(pg_get_serial_sequence('ledger.files', 'file_id'), (SELECT max(file_id) FROM ledger.files));
"""


def fill(database_url: str, versions: int) -> None:
    """Give an empty ledger so many versions, each of one accepted batch of 100 rows."""
    statement = _FILL.format(versions=versions, source=BATCHES_A_SOURCE, file=BATCHES_A_FILE)
    with psycopg.connect(database_url) as connection:
        connection.execute(statement)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
