-- Runs that build on earlier ones: what is known of each site, and in which run's folders its rows are. Several runs may share a folder.

ALTER TABLE metrics.runs
    ADD COLUMN members_sha256 text,            -- of the version's members; null: the run is older than this column
    ADD COLUMN based_on       bigint,          -- run whose other sites stand in this one; null: all were computed. No foreign key: it may be removed
    ADD COLUMN sites_computed bigint CHECK (sites_computed >= 0);

CREATE TABLE metrics.site_rows (
    run_id         bigint NOT NULL REFERENCES metrics.runs ON DELETE CASCADE,
    program_id     text NOT NULL,
    site_id        text NOT NULL,
    computed_by    bigint NOT NULL,            -- its rows are in samples/run=N and enriched/run=N; that run's row may be gone
    rows           bigint NOT NULL CHECK (rows > 0),
    superseded     bigint NOT NULL,
    samples        bigint NOT NULL,
    measurements   bigint NOT NULL,
    censored       bigint NOT NULL,
    ambiguous      bigint NOT NULL,
    without_method bigint NOT NULL,
    without_site   bigint NOT NULL,
    last_date      date NOT NULL,              -- last sampling
    PRIMARY KEY (run_id, program_id, site_id),
    CHECK (rows = superseded + samples)
);
CREATE INDEX site_rows_computed_by ON metrics.site_rows (computed_by);

-- Columns are added at the end: PostgreSQL replaces a view only so.
CREATE OR REPLACE VIEW olap.run AS
SELECT r.run_id, r.dataset_version, r.reference_version, r.code_version, r.as_of_newest, r.started_at, r.finished_at,
    CASE WHEN r.based_on IS NULL THEN r.enriched_path END AS enriched_path, r.files,
    r.batches, r.rows, r.superseded, r.samples, r.measurements, r.ambiguous, r.without_method, r.without_site,
    r.finished_at - r.started_at AS duration, r.censored, r.members_sha256, r.based_on, r.sites_computed
FROM metrics.runs r
WHERE r.as_of_newest
ORDER BY r.dataset_version DESC, r.run_id DESC
LIMIT 1;
COMMENT ON COLUMN olap.run.enriched_path IS 'Folder on HDFS, below the root, with every measurement, its site and method as Parquet; null: they are in several folders, see olap.site_rows.';
COMMENT ON COLUMN olap.run.files IS 'Files of the archive that hold the version; a run that builds on another reads few of them.';
COMMENT ON COLUMN olap.run.members_sha256 IS 'What the version consists of: equal for equal batches. Null: the run is older than this column.';
COMMENT ON COLUMN olap.run.based_on IS 'Earlier run from which the sites that no new batch touches were taken; null: all were computed.';
COMMENT ON COLUMN olap.run.sites_computed IS 'Sites that this run computed.';

CREATE VIEW olap.site_rows AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*, 'enriched/run=' || t.computed_by AS folder
FROM metrics.site_rows t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
COMMENT ON VIEW olap.site_rows IS 'One row per programme and site: what was read of it, and where its measurements are on HDFS.';
COMMENT ON COLUMN olap.site_rows.dataset_version IS 'Version of the dataset, as in ledger.versions.';
COMMENT ON COLUMN olap.site_rows.reference_version IS 'Version of the methods and sites tables it was joined with.';
COMMENT ON COLUMN olap.site_rows.code_version IS 'Release of acidwatch and a hash of the job''s code.';
COMMENT ON COLUMN olap.site_rows.run_id IS 'Run of the metrics job, as in olap.run.';
COMMENT ON COLUMN olap.site_rows.program_id IS 'Monitoring programme; six lakes are in two, with a row for each.';
COMMENT ON COLUMN olap.site_rows.site_id IS 'Site, text with leading zeros.';
COMMENT ON COLUMN olap.site_rows.computed_by IS 'Run that computed the site: this one, or an earlier one, since which no batch touched it.';
COMMENT ON COLUMN olap.site_rows.rows IS 'Rows, before those that say the same sample are resolved.';
COMMENT ON COLUMN olap.site_rows.superseded IS 'Rows left out because a later source or batch says the same sample.';
COMMENT ON COLUMN olap.site_rows.samples IS 'Samples: rows less superseded.';
COMMENT ON COLUMN olap.site_rows.measurements IS 'Values that are there, all parameters together.';
COMMENT ON COLUMN olap.site_rows.censored IS 'Cells only known to lie below or above a limit; not measurements.';
COMMENT ON COLUMN olap.site_rows.ambiguous IS 'Measurements for which several methods were in use that year; one was chosen by rule.';
COMMENT ON COLUMN olap.site_rows.without_method IS 'Measurements for which the methods table names none; they are kept.';
COMMENT ON COLUMN olap.site_rows.without_site IS 'Measurements whose site is not in the sites table; they are kept.';
COMMENT ON COLUMN olap.site_rows.last_date IS 'Date of the last sample.';
COMMENT ON COLUMN olap.site_rows.folder IS 'Folder on HDFS, below the root, with its measurements as Parquet. Of other sites take only those that have it here.';
