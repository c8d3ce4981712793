-- Acidity of each site's one series, flags and completeness of cells, counted rules, distributions, unit breaks and method changes.
-- Published with the rest of a run.

CREATE TABLE metrics.acidity_year (
    run_id           bigint NOT NULL REFERENCES metrics.runs ON DELETE CASCADE,
    program_id       text NOT NULL,
    site_id          text NOT NULL,
    year             integer NOT NULL,
    samples          bigint NOT NULL CHECK (samples > 0),
    n                bigint NOT NULL CHECK (n <= samples),
    acidic           bigint NOT NULL,
    anc_0_50         bigint NOT NULL,
    anc_50_100       bigint NOT NULL,
    anc_100_up       bigint NOT NULL,
    min_anc_ueq_l    double precision,         -- null where n is 0
    median_anc_ueq_l double precision,
    min_ph           double precision,         -- null where no pH was measured
    acid_samples     bigint NOT NULL CHECK (acid_samples BETWEEN acidic AND samples),
    anc_values       double precision[] NOT NULL,  -- ascending; from them any two periods can be compared
    PRIMARY KEY (run_id, program_id, site_id, year),
    CHECK (n = acidic + anc_0_50 + anc_50_100 + anc_100_up),
    CHECK (n = cardinality(anc_values))
);

CREATE TABLE metrics.acidity_site (
    run_id                 bigint NOT NULL REFERENCES metrics.runs ON DELETE CASCADE,
    program_id             text NOT NULL,
    site_id                text NOT NULL,
    samples                bigint NOT NULL CHECK (samples > 0),
    first_date             date NOT NULL,
    last_date              date NOT NULL,
    first_n                bigint NOT NULL,
    first_median_anc_ueq_l double precision,   -- null where first_n is 0
    first_class            text,
    last_n                 bigint NOT NULL,
    last_median_anc_ueq_l  double precision,
    last_class             text,
    classes_moved          integer,            -- null where one of the periods has no ANC
    last_acidic_date       date,               -- null: never acidic
    days_since_acidic      integer CHECK (days_since_acidic >= 0),
    episodes               bigint NOT NULL,
    PRIMARY KEY (run_id, program_id, site_id)
);

CREATE TABLE metrics.acid_episode (
    run_id        bigint NOT NULL REFERENCES metrics.runs ON DELETE CASCADE,
    program_id    text NOT NULL,
    site_id       text NOT NULL,
    episode       integer NOT NULL CHECK (episode > 0),
    first_date    date NOT NULL,
    last_date     date NOT NULL CHECK (last_date >= first_date),
    samples       bigint NOT NULL CHECK (samples > 0),
    min_anc_ueq_l double precision,
    min_ph        double precision,
    ended_by      date CHECK (ended_by >= last_date),
    PRIMARY KEY (run_id, program_id, site_id, episode)
);

CREATE TABLE metrics.completeness (
    run_id           bigint NOT NULL REFERENCES metrics.runs ON DELETE CASCADE,
    program_id       text NOT NULL,
    site_id          text NOT NULL,
    parameter        text NOT NULL,            -- every one of the contract, measured or not
    year             integer NOT NULL,
    column_name      text NOT NULL,            -- of the contract
    samples          bigint NOT NULL CHECK (samples > 0),
    n                bigint NOT NULL CHECK (n BETWEEN 0 AND samples),
    censored         bigint NOT NULL CHECK (censored >= 0),
    good             bigint NOT NULL,
    not_evaluated    bigint NOT NULL,
    suspect          bigint NOT NULL,
    fail             bigint NOT NULL,
    missing          bigint NOT NULL,
    tests_evaluated  bigint NOT NULL,
    tests_defined    bigint NOT NULL CHECK (tests_defined >= tests_evaluated),
    outside_range    bigint NOT NULL,
    outliers         bigint NOT NULL,
    outliers_checked bigint NOT NULL CHECK (outliers_checked BETWEEN outliers AND n),
    PRIMARY KEY (run_id, program_id, site_id, parameter, year),
    CHECK (n + censored = good + not_evaluated + suspect + fail),
    CHECK (samples = n + censored + missing)
);
CREATE INDEX completeness_by_parameter ON metrics.completeness (run_id, parameter);

CREATE TABLE metrics.sample_rule (
    run_id     bigint NOT NULL REFERENCES metrics.runs ON DELETE CASCADE,
    program_id text NOT NULL,
    site_id    text NOT NULL,
    year       integer NOT NULL,
    rule       text NOT NULL,
    parameter  text,                           -- null: the rule is about the whole sample
    severity   text NOT NULL CHECK (severity IN ('hard', 'soft')),
    n          bigint NOT NULL CHECK (n BETWEEN 0 AND checked),
    checked    bigint NOT NULL CHECK (checked > 0),
    PRIMARY KEY (run_id, program_id, site_id, year, rule)
);
CREATE INDEX sample_rule_by_rule ON metrics.sample_rule (run_id, rule);

CREATE TABLE metrics.distribution (
    run_id     bigint NOT NULL REFERENCES metrics.runs ON DELETE CASCADE,
    program_id text NOT NULL,
    quantity   text NOT NULL CHECK (quantity IN ('ion_balance_percent', 'charge_ueq_l', 'conductance_percent')),
    site_id    text,                           -- null: all sites
    year       integer,                        -- null: all years
    n          bigint NOT NULL CHECK (n > 0),
    mean       double precision NOT NULL,
    min        double precision NOT NULL,
    p05        double precision NOT NULL,
    q1         double precision NOT NULL,
    median     double precision NOT NULL,
    q3         double precision NOT NULL,
    p95        double precision NOT NULL,
    max        double precision NOT NULL,
    UNIQUE NULLS NOT DISTINCT (run_id, program_id, quantity, site_id, year)
);

CREATE TABLE metrics.unit_break (
    run_id     bigint NOT NULL REFERENCES metrics.runs ON DELETE CASCADE,
    program_id text NOT NULL,
    parameter  text NOT NULL,
    first_date date NOT NULL,                  -- beginning of the quarter
    factor     double precision NOT NULL CHECK (factor > 0),
    sites      integer NOT NULL CHECK (sites > 0),
    same_sites integer NOT NULL CHECK (same_sites BETWEEN 1 AND sites),
    sharpness  double precision NOT NULL,
    PRIMARY KEY (run_id, program_id, parameter, first_date)
);

CREATE TABLE metrics.method_change (
    run_id        bigint NOT NULL REFERENCES metrics.runs ON DELETE CASCADE,
    program_id    text NOT NULL,
    parameter     text NOT NULL,
    change_year   integer NOT NULL,
    site_id       text,                        -- null: the programme's sites together
    unit          text NOT NULL,
    method_before text NOT NULL,
    method_after  text NOT NULL,
    last_before   date NOT NULL,
    first_after   date NOT NULL CHECK (first_after > last_before),
    n_before      bigint NOT NULL CHECK (n_before > 0),
    median_before double precision NOT NULL,
    n_after       bigint NOT NULL CHECK (n_after > 0),
    median_after  double precision NOT NULL,
    step          double precision NOT NULL,
    paired_sites  bigint,                      -- null for a site; 0: no site has values on both sides
    paired_step   double precision,
    UNIQUE NULLS NOT DISTINCT (run_id, program_id, parameter, change_year, site_id)
);

CREATE VIEW metrics.quality AS
SELECT run_id, program_id, site_id, parameter, year, rule, severity, n, checked FROM metrics.sample_rule
UNION ALL
SELECT run_id, program_id, site_id, parameter, year, 'history.outlier', 'soft', outliers, outliers_checked
FROM metrics.completeness WHERE outliers_checked > 0
UNION ALL
SELECT run_id, program_id, site_id, parameter, year, 'range.' || column_name, 'hard', outside_range, n
FROM metrics.completeness WHERE n > 0;
COMMENT ON VIEW metrics.quality IS 'Every rule that is counted, by programme, site, parameter and year.';

CREATE VIEW olap.acidity_by_year AS
SELECT r.dataset_version, r.reference_version, r.code_version, a.*
FROM metrics.acidity_year a JOIN olap.run r USING (run_id);
COMMENT ON VIEW olap.acidity_by_year IS 'One row per programme, site and year, of the site''s one series: how many samples were in which class of ANC.';
COMMENT ON COLUMN olap.acidity_by_year.program_id IS 'Monitoring programme; six lakes are in two, with a series for each.';
COMMENT ON COLUMN olap.acidity_by_year.site_id IS 'Site, text with leading zeros.';
COMMENT ON COLUMN olap.acidity_by_year.year IS 'Calendar year of sampling.';
COMMENT ON COLUMN olap.acidity_by_year.samples IS 'Samples of the year.';
COMMENT ON COLUMN olap.acidity_by_year.n IS 'Of these: with ANC.';
COMMENT ON COLUMN olap.acidity_by_year.acidic IS 'Of n: ANC below 0 ueq/L.';
COMMENT ON COLUMN olap.acidity_by_year.anc_0_50 IS 'Of n: ANC from 0 to below 50 ueq/L.';
COMMENT ON COLUMN olap.acidity_by_year.anc_50_100 IS 'Of n: ANC from 50 to below 100 ueq/L.';
COMMENT ON COLUMN olap.acidity_by_year.anc_100_up IS 'Of n: ANC of 100 ueq/L and above.';
COMMENT ON COLUMN olap.acidity_by_year.min_anc_ueq_l IS 'Lowest ANC.';
COMMENT ON COLUMN olap.acidity_by_year.median_anc_ueq_l IS 'Median ANC.';
COMMENT ON COLUMN olap.acidity_by_year.min_ph IS 'Lowest pH; of each sample the first measured of laboratory, equilibrated, field and closed cell.';
COMMENT ON COLUMN olap.acidity_by_year.acid_samples IS 'Samples with ANC below 0 or pH below 5.';
COMMENT ON COLUMN olap.acidity_by_year.anc_values IS 'The ANC of each sample, ascending, ueq/L.';

CREATE VIEW olap.acidity_by_site AS
SELECT r.dataset_version, r.reference_version, r.code_version, a.*
FROM metrics.acidity_site a JOIN olap.run r USING (run_id);
COMMENT ON VIEW olap.acidity_by_site IS 'One row per programme and site: class of ANC at the beginning and the end of 1990 to 2020, and when the site was last acidic.';
COMMENT ON COLUMN olap.acidity_by_site.program_id IS 'Monitoring programme.';
COMMENT ON COLUMN olap.acidity_by_site.site_id IS 'Site, text with leading zeros.';
COMMENT ON COLUMN olap.acidity_by_site.samples IS 'Samples of the site''s series.';
COMMENT ON COLUMN olap.acidity_by_site.first_date IS 'First sample.';
COMMENT ON COLUMN olap.acidity_by_site.last_date IS 'Last sample.';
COMMENT ON COLUMN olap.acidity_by_site.first_n IS 'Samples with ANC in the first period, 1990 to 1994.';
COMMENT ON COLUMN olap.acidity_by_site.first_median_anc_ueq_l IS 'Their median ANC.';
COMMENT ON COLUMN olap.acidity_by_site.first_class IS 'Class of that median.';
COMMENT ON COLUMN olap.acidity_by_site.last_n IS 'Samples with ANC in the last period, 2016 to 2020.';
COMMENT ON COLUMN olap.acidity_by_site.last_median_anc_ueq_l IS 'Their median ANC.';
COMMENT ON COLUMN olap.acidity_by_site.last_class IS 'Class of that median.';
COMMENT ON COLUMN olap.acidity_by_site.classes_moved IS 'How many classes the site rose, negative = fell; null where one of the periods has no ANC.';
COMMENT ON COLUMN olap.acidity_by_site.last_acidic_date IS 'Last sample with ANC below 0; null where there is none.';
COMMENT ON COLUMN olap.acidity_by_site.days_since_acidic IS 'From then to the last date of sampling of the whole version, not to today.';
COMMENT ON COLUMN olap.acidity_by_site.episodes IS 'Acid episodes, see olap.acid_episodes.';

CREATE VIEW olap.acid_episodes AS
SELECT r.dataset_version, r.reference_version, r.code_version, e.*
FROM metrics.acid_episode e JOIN olap.run r USING (run_id);
COMMENT ON VIEW olap.acid_episodes IS 'One row per run of consecutive samples of a site''s series with ANC below 0 ueq/L or pH below 5.';
COMMENT ON COLUMN olap.acid_episodes.program_id IS 'Monitoring programme.';
COMMENT ON COLUMN olap.acid_episodes.site_id IS 'Site, text with leading zeros.';
COMMENT ON COLUMN olap.acid_episodes.episode IS 'Number of the episode at the site, in the order of time.';
COMMENT ON COLUMN olap.acid_episodes.first_date IS 'First acid sample.';
COMMENT ON COLUMN olap.acid_episodes.last_date IS 'Last acid sample.';
COMMENT ON COLUMN olap.acid_episodes.samples IS 'Acid samples.';
COMMENT ON COLUMN olap.acid_episodes.min_anc_ueq_l IS 'Lowest ANC.';
COMMENT ON COLUMN olap.acid_episodes.min_ph IS 'Lowest pH.';
COMMENT ON COLUMN olap.acid_episodes.ended_by IS 'Date of the next sample, which is not acid; null where there is none yet.';

CREATE VIEW olap.completeness AS
SELECT r.dataset_version, r.reference_version, r.code_version, c.*
FROM metrics.completeness c JOIN olap.run r USING (run_id);
COMMENT ON VIEW olap.completeness IS 'One row per programme, site, parameter and year: how many samples have the value, and the flags of the cells (QARTOD: good 1, not evaluated 2, suspect 3, fail 4, missing 9).';
COMMENT ON COLUMN olap.completeness.program_id IS 'Monitoring programme.';
COMMENT ON COLUMN olap.completeness.site_id IS 'Site, text with leading zeros.';
COMMENT ON COLUMN olap.completeness.parameter IS 'Every parameter of the contract, measured there or not; NA is sodium.';
COMMENT ON COLUMN olap.completeness.year IS 'Calendar year of sampling.';
COMMENT ON COLUMN olap.completeness.column_name IS 'The parameter''s column in the workbook.';
COMMENT ON COLUMN olap.completeness.samples IS 'Samples of the site and year, all locations and depths.';
COMMENT ON COLUMN olap.completeness.n IS 'Of these: with the value.';
COMMENT ON COLUMN olap.completeness.censored IS 'Of samples: only known to lie below or above a limit; not in n, and not missing.';
COMMENT ON COLUMN olap.completeness.good IS 'Of n: flag 1, at least one test was evaluated and none failed.';
COMMENT ON COLUMN olap.completeness.not_evaluated IS 'Flag 2, no test could be evaluated: the censored ones.';
COMMENT ON COLUMN olap.completeness.suspect IS 'Of n: flag 3, did not pass a soft test.';
COMMENT ON COLUMN olap.completeness.fail IS 'Of n: flag 4, did not pass a hard test of the contract of this run; batches are held to that of their day.';
COMMENT ON COLUMN olap.completeness.missing IS 'Flag 9: samples less n and censored.';
COMMENT ON COLUMN olap.completeness.tests_evaluated IS 'Tests that could be evaluated, sum over n.';
COMMENT ON COLUMN olap.completeness.tests_defined IS 'Tests that the contract defines for the parameter, sum over n.';
COMMENT ON COLUMN olap.completeness.outside_range IS 'Of n: outside the contract''s range.';
COMMENT ON COLUMN olap.completeness.outliers IS 'Of n: outside the site''s own history, 0.6745 |x - median| / MAD of the value''s side above 3.5.';
COMMENT ON COLUMN olap.completeness.outliers_checked IS 'Of n: held against that history; not where the MAD of the value''s side is 0.';

CREATE VIEW olap.quality AS
SELECT r.dataset_version, r.reference_version, r.code_version, q.*
FROM metrics.quality q JOIN olap.run r USING (run_id);
COMMENT ON VIEW olap.quality IS 'One row per rule, programme, site, parameter and year: how many samples or values break the rule.';
COMMENT ON COLUMN olap.quality.program_id IS 'Monitoring programme.';
COMMENT ON COLUMN olap.quality.site_id IS 'Site, text with leading zeros.';
COMMENT ON COLUMN olap.quality.parameter IS 'Parameter that the rule is about; null where it is about the whole sample.';
COMMENT ON COLUMN olap.quality.year IS 'Calendar year of sampling.';
COMMENT ON COLUMN olap.quality.rule IS 'Rule of the contract; history.outlier; repeat.identical, repeat.complementary and repeat.conflicting: samples that several batches say.';
COMMENT ON COLUMN olap.quality.severity IS 'hard (such a batch would be rejected today) or soft.';
COMMENT ON COLUMN olap.quality.n IS 'Samples or values that break it.';
COMMENT ON COLUMN olap.quality.checked IS 'Samples or values that could be tested.';

CREATE VIEW olap.balance_distribution AS
SELECT r.dataset_version, r.reference_version, r.code_version, d.*
FROM metrics.distribution d JOIN olap.run r USING (run_id);
COMMENT ON VIEW olap.balance_distribution IS 'One row per programme and quantity, of all its samples, and by site, by year, and by site and year.';
COMMENT ON COLUMN olap.balance_distribution.program_id IS 'Monitoring programme.';
COMMENT ON COLUMN olap.balance_distribution.quantity IS 'ion_balance_percent: 100 (C - A - ANC) / (C + A + ANC + 2 H); charge_ueq_l: C - A - ANC; conductance_percent: calculated less measured, of the measured.';
COMMENT ON COLUMN olap.balance_distribution.site_id IS 'Site; null = all of the programme.';
COMMENT ON COLUMN olap.balance_distribution.year IS 'Calendar year; null = all.';
COMMENT ON COLUMN olap.balance_distribution.n IS 'Samples with all ions that it needs.';
COMMENT ON COLUMN olap.balance_distribution.mean IS 'Mean.';
COMMENT ON COLUMN olap.balance_distribution.min IS 'Lowest.';
COMMENT ON COLUMN olap.balance_distribution.p05 IS '5th percentile, linear interpolation.';
COMMENT ON COLUMN olap.balance_distribution.q1 IS 'First quartile.';
COMMENT ON COLUMN olap.balance_distribution.median IS 'Median.';
COMMENT ON COLUMN olap.balance_distribution.q3 IS 'Third quartile.';
COMMENT ON COLUMN olap.balance_distribution.p95 IS '95th percentile.';
COMMENT ON COLUMN olap.balance_distribution.max IS 'Highest.';

CREATE VIEW olap.unit_breaks AS
SELECT r.dataset_version, r.reference_version, r.code_version, b.*
FROM metrics.unit_break b JOIN olap.run r USING (run_id);
COMMENT ON VIEW olap.unit_breaks IS 'One row per step of a programme''s parameter that looks like another unit: one factor of at least 5 at most sites, from one quarter to the next.';
COMMENT ON COLUMN olap.unit_breaks.program_id IS 'Monitoring programme.';
COMMENT ON COLUMN olap.unit_breaks.parameter IS 'Parameter.';
COMMENT ON COLUMN olap.unit_breaks.first_date IS 'Beginning of the first quarter with the new level.';
COMMENT ON COLUMN olap.unit_breaks.factor IS 'New level by old level, median of the sites.';
COMMENT ON COLUMN olap.unit_breaks.sites IS 'Sites with values on both sides.';
COMMENT ON COLUMN olap.unit_breaks.same_sites IS 'Of these: stepped by that factor, within 1.5.';
COMMENT ON COLUMN olap.unit_breaks.sharpness IS 'The step in mean deviations of the quarters from their levels, of logarithms; at least 5.';

CREATE VIEW olap.method_changes AS
SELECT r.dataset_version, r.reference_version, r.code_version, c.*
FROM metrics.method_change c JOIN olap.run r USING (run_id);
COMMENT ON VIEW olap.method_changes IS 'One row per change of method, of each site''s series and of each programme: did the values step with it?';
COMMENT ON COLUMN olap.method_changes.program_id IS 'Monitoring programme.';
COMMENT ON COLUMN olap.method_changes.parameter IS 'Parameter.';
COMMENT ON COLUMN olap.method_changes.change_year IS 'First year of the new method.';
COMMENT ON COLUMN olap.method_changes.site_id IS 'Site; null = the programme''s sites together.';
COMMENT ON COLUMN olap.method_changes.unit IS 'Unit of medians and steps.';
COMMENT ON COLUMN olap.method_changes.method_before IS 'Method of the last year with measurements before.';
COMMENT ON COLUMN olap.method_changes.method_after IS 'Method from change_year on.';
COMMENT ON COLUMN olap.method_changes.last_before IS 'Last sample before.';
COMMENT ON COLUMN olap.method_changes.first_after IS 'First sample after: where the change shows in the series.';
COMMENT ON COLUMN olap.method_changes.n_before IS 'Measurements with the old method in the three years before.';
COMMENT ON COLUMN olap.method_changes.median_before IS 'Their median.';
COMMENT ON COLUMN olap.method_changes.n_after IS 'Measurements with the new method in the three years from change_year on.';
COMMENT ON COLUMN olap.method_changes.median_after IS 'Their median.';
COMMENT ON COLUMN olap.method_changes.step IS 'median_after less median_before; a trend of the water is in it too.';
COMMENT ON COLUMN olap.method_changes.paired_sites IS 'Of a programme: sites with measurements on both sides.';
COMMENT ON COLUMN olap.method_changes.paired_step IS 'Of a programme: median of those sites'' steps; a change of sites is not in it.';

-- What every view says of the run that it shows, once for all of them.
DO $$
DECLARE
    shown record;
BEGIN
    FOR shown IN
        SELECT c.table_name, c.column_name, d.meaning
        FROM information_schema.columns c
        JOIN (VALUES ('run_id', 'Run of the metrics job, as in olap.run.'),
                     ('dataset_version', 'Version of the dataset, as in ledger.versions.'),
                     ('reference_version', 'Version of the methods and sites tables it was joined with.'),
                     ('code_version', 'Release of acidwatch and a hash of the job''s code.')) d (column_name, meaning) USING (column_name)
        WHERE c.table_schema = 'olap'
    LOOP
        EXECUTE format('COMMENT ON COLUMN olap.%I.%I IS %L', shown.table_name, shown.column_name, shown.meaning);
    END LOOP;
END $$;
