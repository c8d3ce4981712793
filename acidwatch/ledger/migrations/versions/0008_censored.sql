-- Censored cells (below or above a limit, without a value) are counted beside the values. Null: the run is older than these counts.

ALTER TABLE metrics.runs ADD COLUMN censored bigint CHECK (censored >= 0);  -- cells; none of measurements

ALTER TABLE metrics.annual
    ADD COLUMN censored bigint CHECK (censored >= 0),  -- samples; none of n
    ALTER COLUMN mean DROP NOT NULL,
    ALTER COLUMN median DROP NOT NULL,
    DROP CONSTRAINT annual_n_check,                    -- a year may have censored samples only
    ADD CHECK (n > 0 OR (n = 0 AND censored > 0)),
    ADD CHECK ((n = 0) = (mean IS NULL) AND (n = 0) = (median IS NULL));

ALTER TABLE metrics.trend ADD COLUMN n_censored bigint CHECK (n_censored >= 0);

-- Columns are added at the end: PostgreSQL replaces a view only so.
CREATE OR REPLACE VIEW olap.run AS
SELECT r.run_id, r.dataset_version, r.reference_version, r.code_version, r.as_of_newest, r.started_at, r.finished_at, r.enriched_path, r.files,
    r.batches, r.rows, r.superseded, r.samples, r.measurements, r.ambiguous, r.without_method, r.without_site,
    r.finished_at - r.started_at AS duration, r.censored
FROM metrics.runs r
WHERE r.as_of_newest
ORDER BY r.dataset_version DESC, r.run_id DESC
LIMIT 1;
COMMENT ON COLUMN olap.run.censored IS 'Cells only known to lie below or above a limit; not measurements. Null: the run is older than this count.';

CREATE OR REPLACE VIEW olap.annual_values AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.annual t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
COMMENT ON COLUMN olap.annual_values.n IS 'Measurements of the year, both sample types; 0 where all its samples are censored.';
COMMENT ON COLUMN olap.annual_values.censored IS 'Samples only known to lie below or above a limit (of a derived parameter: for want of such values alone); not in n, mean, median and months.';
COMMENT ON COLUMN olap.annual_values.mean IS 'Mean of the year''s n measurements; pH is averaged as pH. Null where n is 0.';
COMMENT ON COLUMN olap.annual_values.median IS 'Median of the year''s n measurements; null where n is 0.';

CREATE OR REPLACE VIEW olap.trends AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.trend t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
COMMENT ON COLUMN olap.trends.n_censored IS 'Censored samples of the period; they are in none of the values used.';
COMMENT ON COLUMN olap.trends.reason IS 'Why not analysed: too many censored (more than 80 % of the samples), too few values (5), constant, too few different values (3), too few years (two thirds).';
COMMENT ON COLUMN olap.trends.caution IS 'What to keep in mind: fewer than 10 values; how many censored samples were left out.';
