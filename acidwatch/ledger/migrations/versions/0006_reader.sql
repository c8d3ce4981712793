-- A role that reads schema olap and nothing else, views that can be joined quickly, and the comments on columns that had none.

-- Roles belong to the whole server, and who owns a database may often make none (managed PostgreSQL). That must not stop a migration:
-- false and a warning then. Called again once the role was made by hand, it does the rest.
CREATE FUNCTION metrics.grant_reader() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF to_regrole('acidwatch_reader') IS NULL THEN
        BEGIN
            CREATE ROLE acidwatch_reader NOLOGIN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;  -- made at this moment for another database of the server
            WHEN insufficient_privilege THEN
                RAISE WARNING 'nobody can be let read schema olap yet: there is no role acidwatch_reader, and % may make none', current_user
                    USING HINT = 'let one who may run: CREATE ROLE acidwatch_reader NOLOGIN; then here: SELECT metrics.grant_reader();';
                RETURN false;
        END;
    END IF;
    GRANT USAGE ON SCHEMA olap TO acidwatch_reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA olap TO acidwatch_reader;
    -- Views that later migrations add.
    ALTER DEFAULT PRIVILEGES IN SCHEMA olap GRANT SELECT ON TABLES TO acidwatch_reader;
    RETURN true;
END $$;
COMMENT ON FUNCTION metrics.grant_reader() IS 'Lets the role acidwatch_reader read every view of schema olap, and makes the role if it may.';
SELECT metrics.grant_reader();

COMMENT ON COLUMN olap.run.as_of_newest IS 'Always true here: its version was computed as the newest one.';
COMMENT ON COLUMN olap.run.started_at IS 'When the run began.';
COMMENT ON COLUMN olap.run.finished_at IS 'When all was computed, just before it became visible.';
COMMENT ON COLUMN olap.run.duration IS 'finished_at less started_at.';
COMMENT ON COLUMN olap.run.enriched_path IS 'Folder on HDFS, below the root, with every measurement, its site and method as Parquet.';
COMMENT ON COLUMN olap.run.files IS 'Files of the archive that were read.';
COMMENT ON COLUMN olap.run.batches IS 'Batches of the dataset version.';

COMMENT ON COLUMN olap.site_statistics.mean IS 'Mean; pH is averaged as pH.';
COMMENT ON COLUMN olap.site_statistics.min IS 'Lowest value.';
COMMENT ON COLUMN olap.site_statistics.median IS 'Median.';
COMMENT ON COLUMN olap.site_statistics.max IS 'Highest value.';
COMMENT ON COLUMN olap.site_statistics.first_date IS 'Day of the first measurement.';
COMMENT ON COLUMN olap.site_statistics.last_date IS 'Day of the last measurement.';

COMMENT ON COLUMN olap.method_statistics.program_id IS 'Monitoring programme.';
COMMENT ON COLUMN olap.method_statistics.parameter IS 'What was measured; NA is sodium.';
COMMENT ON COLUMN olap.method_statistics.n IS 'Measurements.';
COMMENT ON COLUMN olap.method_statistics.mean IS 'Mean; pH is averaged as pH.';
COMMENT ON COLUMN olap.method_statistics.stddev IS 'Standard deviation of a sample (n - 1); null for one measurement.';
COMMENT ON COLUMN olap.method_statistics.min IS 'Lowest value.';
COMMENT ON COLUMN olap.method_statistics.q1 IS 'First quartile, exact, linear interpolation.';
COMMENT ON COLUMN olap.method_statistics.median IS 'Median.';
COMMENT ON COLUMN olap.method_statistics.q3 IS 'Third quartile, exact, linear interpolation.';
COMMENT ON COLUMN olap.method_statistics.max IS 'Highest value.';
COMMENT ON COLUMN olap.method_statistics.first_date IS 'Day of the first measurement with it.';
COMMENT ON COLUMN olap.method_statistics.last_date IS 'Day of the last measurement with it.';

COMMENT ON COLUMN olap.category_distribution.parameter IS 'What was measured; NA is sodium.';
COMMENT ON COLUMN olap.category_distribution.mean IS 'Mean; pH is averaged as pH.';
COMMENT ON COLUMN olap.category_distribution.median IS 'Median.';

-- The views again, with equal columns. Joined with olap.run, the planner does not see that two views show one and the same run, and
-- plans for pairs of runs; a comparison with one value that is looked up first it takes as what it is, and each table by its index.
CREATE OR REPLACE VIEW olap.site_statistics AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.site t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
CREATE OR REPLACE VIEW olap.method_statistics AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.method t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
CREATE OR REPLACE VIEW olap.category_distribution AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.category t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
CREATE OR REPLACE VIEW olap.annual_values AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.annual t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
CREATE OR REPLACE VIEW olap.trends AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.trend t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
CREATE OR REPLACE VIEW olap.region_trends AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.region t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
CREATE OR REPLACE VIEW olap.acidity_by_year AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.acidity_year t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
CREATE OR REPLACE VIEW olap.acidity_by_site AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.acidity_site t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
CREATE OR REPLACE VIEW olap.acid_episodes AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.acid_episode t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
CREATE OR REPLACE VIEW olap.completeness AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.completeness t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
CREATE OR REPLACE VIEW olap.quality AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.quality t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
CREATE OR REPLACE VIEW olap.balance_distribution AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.distribution t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
CREATE OR REPLACE VIEW olap.unit_breaks AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.unit_break t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
CREATE OR REPLACE VIEW olap.method_changes AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.method_change t JOIN metrics.runs r USING (run_id) WHERE r.run_id = (SELECT run_id FROM olap.run);
