-- The versioner, and commands that change the dataset: adds to the history, never rewrites it.

REVOKE ALL ON ALL TABLES IN SCHEMA ledger, metrics FROM acidwatch_ledger;
GRANT USAGE ON SCHEMA ledger, metrics TO acidwatch_ledger;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO acidwatch_ledger;

-- Only added to: versions, attempts, deliveries.
GRANT INSERT ON ledger.versions, ledger.attempts, ledger.deliveries, ledger.sources, ledger.batches, ledger.files, ledger.file_batches,
    ledger.memberships, ledger.replacements, ledger.dead_letters, ledger.planned_attempts, ledger.reruns, ledger.audit, ledger.tags
    TO acidwatch_ledger;

-- Ended or marked, each in one column.
GRANT UPDATE (to_version) ON ledger.memberships, ledger.replacements TO acidwatch_ledger;
GRANT UPDATE (sent_at) ON ledger.planned_attempts, ledger.reruns TO acidwatch_ledger;
GRANT UPDATE (condemned_at, moved_at) ON ledger.files TO acidwatch_ledger;
GRANT UPDATE (file_id) ON ledger.file_batches TO acidwatch_ledger;
GRANT UPDATE (journaled_at) ON ledger.audit TO acidwatch_ledger;

-- What is said as of now.
GRANT UPDATE ON ledger.datasets, ledger.sources, ledger.batches, ledger.dead_letters, ledger.tags TO acidwatch_ledger;
GRANT DELETE ON ledger.tags TO acidwatch_ledger;

-- `status` names the last run; `gc` leaves the folders of published runs alone.
GRANT SELECT ON metrics.runs, metrics.site_rows TO acidwatch_ledger;

-- A backup says where each sequence stands.
GRANT SELECT ON ALL SEQUENCES IN SCHEMA ledger TO acidwatch_ledger;

-- At which revision the database is: a job of another acidwatch leaves it alone.
GRANT SELECT ON alembic_version TO acidwatch_ledger;
