-- The Spark jobs: they read what a version consists of, the live one also which record became what; they write what it found.

REVOKE ALL ON ALL TABLES IN SCHEMA ledger, metrics FROM acidwatch_metrics;
GRANT USAGE ON SCHEMA ledger, metrics, olap TO acidwatch_metrics;
GRANT SELECT ON ledger.datasets, ledger.versions, ledger.tags, ledger.sources, ledger.batches, ledger.attempts, ledger.files,
    ledger.file_batches, ledger.memberships, ledger.deliveries TO acidwatch_metrics;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA metrics TO acidwatch_metrics;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA metrics TO acidwatch_metrics;
GRANT SELECT ON ALL TABLES IN SCHEMA olap TO acidwatch_metrics;

-- At which revision the database is: a job of another acidwatch leaves it alone.
GRANT SELECT ON alembic_version TO acidwatch_metrics;
