-- Annual values of each site's one series, the trends computed from them, and those of regions. Published with the rest of a run.

CREATE TABLE metrics.annual (
    run_id     bigint NOT NULL REFERENCES metrics.runs ON DELETE CASCADE,
    program_id text NOT NULL,
    site_id    text NOT NULL,
    parameter  text NOT NULL,                  -- measured ones and derived ones such as CA_MG
    year       integer NOT NULL,
    unit       text NOT NULL,
    n          bigint NOT NULL CHECK (n > 0),
    negative   bigint NOT NULL CHECK (negative BETWEEN 0 AND n),
    mean       double precision NOT NULL,
    median     double precision NOT NULL,
    months     double precision[] NOT NULL CHECK (array_length(months, 1) = 12),  -- means; null where a month has none
    method     text,                           -- null: none is known, or a derived parameter
    PRIMARY KEY (run_id, program_id, site_id, parameter, year)
);
CREATE INDEX annual_by_parameter ON metrics.annual (run_id, parameter);

CREATE TABLE metrics.trend (
    run_id           bigint NOT NULL REFERENCES metrics.runs ON DELETE CASCADE,
    program_id       text NOT NULL,
    site_id          text NOT NULL,
    parameter        text NOT NULL,
    variant          text NOT NULL CHECK (variant IN ('annual_mean', 'annual_median', 'seasonal')),
    unit             text NOT NULL,
    region           text,                     -- null: of no region of the contract
    first_year       integer NOT NULL,
    last_year        integer NOT NULL CHECK (last_year >= first_year),
    n_years          integer NOT NULL CHECK (n_years BETWEEN 0 AND last_year - first_year + 1),
    n                integer NOT NULL,
    s                bigint,                   -- this and what follows: null where the series was not analysed
    var_s            double precision,
    z                double precision,
    p                double precision CHECK (p BETWEEN 0 AND 1),
    slope            double precision,
    slope_low        double precision,
    slope_high       double precision,
    percent_per_year double precision,
    class            text NOT NULL CHECK (class IN ('improving', 'worsening', 'rising', 'falling', 'no trend', 'not analysed')),
    confidence       double precision CHECK (confidence BETWEEN 0 AND 1),
    confidence_class text,
    reason           text,
    caution          text,
    seasons_p        double precision,
    fixed            boolean NOT NULL,
    step_year        integer,
    step_p           double precision,
    method_changes   integer[] NOT NULL,
    PRIMARY KEY (run_id, program_id, site_id, parameter, variant),
    CHECK ((class = 'not analysed') = (reason IS NOT NULL)),
    CHECK ((class = 'not analysed') = (slope IS NULL))
);
CREATE INDEX trend_by_parameter ON metrics.trend (run_id, parameter, variant);

CREATE TABLE metrics.region (
    run_id               bigint NOT NULL REFERENCES metrics.runs ON DELETE CASCADE,
    region               text NOT NULL,
    parameter            text NOT NULL,
    site_set             text NOT NULL CHECK (site_set IN ('fixed', 'all')),
    variant              text NOT NULL,
    unit                 text NOT NULL,
    first_year           integer NOT NULL,
    last_year            integer NOT NULL CHECK (last_year >= first_year),
    n_sites              integer NOT NULL CHECK (n_sites >= 0),
    median_slope         double precision,     -- this and what follows: null where n_sites is 0
    q25_slope            double precision,
    q75_slope            double precision,
    improving_percent    double precision CHECK (improving_percent BETWEEN 0 AND 100),
    worsening_percent    double precision CHECK (worsening_percent BETWEEN 0 AND 100),
    rising_percent       double precision CHECK (rising_percent BETWEEN 0 AND 100),
    falling_percent      double precision CHECK (falling_percent BETWEEN 0 AND 100),
    kendall_s            bigint,
    kendall_z            double precision,
    kendall_p            double precision CHECK (kendall_p BETWEEN 0 AND 1),
    kendall_slope        double precision,
    kendall_low          double precision,
    kendall_high         double precision,
    direction            text CHECK (direction IN ('falling', 'rising')),
    direction_share      double precision CHECK (direction_share BETWEEN 0 AND 1),
    direction_confidence double precision CHECK (direction_confidence BETWEEN 0 AND 1),
    PRIMARY KEY (run_id, region, parameter, site_set)
);

CREATE VIEW olap.annual_values AS
SELECT r.dataset_version, r.reference_version, r.code_version, a.*
FROM metrics.annual a JOIN olap.run r USING (run_id);
COMMENT ON VIEW olap.annual_values IS 'One row per programme, site, parameter and year, of the site''s one series: no deep water, surface and outlet together; at a site with inlet samples the location with most years alone.';
COMMENT ON COLUMN olap.annual_values.program_id IS 'Monitoring programme; six lakes are in two, with a series for each.';
COMMENT ON COLUMN olap.annual_values.site_id IS 'Site, text with leading zeros.';
COMMENT ON COLUMN olap.annual_values.parameter IS 'What was measured (NA is sodium), or derived in each sample: CA_MG, BC, ANC_CALC, and SO4, CA and MG less sea salt.';
COMMENT ON COLUMN olap.annual_values.year IS 'Calendar year of sampling.';
COMMENT ON COLUMN olap.annual_values.unit IS 'Unit of mean, median and months.';
COMMENT ON COLUMN olap.annual_values.n IS 'Measurements of the year, both sample types.';
COMMENT ON COLUMN olap.annual_values.negative IS 'Of n: below 0. Less sea salt, these are samples with more of it than there can be; they are kept.';
COMMENT ON COLUMN olap.annual_values.mean IS 'Mean of the year''s measurements; pH is averaged as pH.';
COMMENT ON COLUMN olap.annual_values.median IS 'Median of the year''s measurements.';
COMMENT ON COLUMN olap.annual_values.months IS 'Means of the twelve months, January first; null where a month has none.';
COMMENT ON COLUMN olap.annual_values.method IS 'The method of that year; null where none is known, and for derived parameters.';

CREATE VIEW olap.monthly_values AS
SELECT a.dataset_version, a.reference_version, a.code_version, a.run_id, a.program_id, a.site_id, a.parameter, a.year, m.month::integer AS month, a.unit, m.mean
FROM olap.annual_values a CROSS JOIN LATERAL unnest(a.months) WITH ORDINALITY AS m (mean, month)
WHERE m.mean IS NOT NULL;
COMMENT ON VIEW olap.monthly_values IS 'One row per programme, site, parameter, year and month with a value: what the seasonal trends are made of.';
COMMENT ON COLUMN olap.monthly_values.program_id IS 'Monitoring programme.';
COMMENT ON COLUMN olap.monthly_values.site_id IS 'Site, text with leading zeros.';
COMMENT ON COLUMN olap.monthly_values.parameter IS 'What was measured (NA is sodium), or derived.';
COMMENT ON COLUMN olap.monthly_values.year IS 'Calendar year of sampling.';
COMMENT ON COLUMN olap.monthly_values.month IS 'Month, 1 to 12.';
COMMENT ON COLUMN olap.monthly_values.unit IS 'Unit of the mean.';
COMMENT ON COLUMN olap.monthly_values.mean IS 'Mean of the month''s measurements.';

CREATE VIEW olap.trends AS
SELECT r.dataset_version, r.reference_version, r.code_version, t.*
FROM metrics.trend t JOIN olap.run r USING (run_id);
COMMENT ON VIEW olap.trends IS 'One row per programme, site, parameter and variant over the default period: is it rising or falling, how fast, how sure.';
COMMENT ON COLUMN olap.trends.program_id IS 'Monitoring programme.';
COMMENT ON COLUMN olap.trends.site_id IS 'Site, text with leading zeros.';
COMMENT ON COLUMN olap.trends.parameter IS 'What was measured (NA is sodium), or derived: CA_MG, BC, ANC_CALC, and SO4, CA and MG less sea salt.';
COMMENT ON COLUMN olap.trends.variant IS 'annual_mean (the default of acidwatch metrics trend), annual_median, or seasonal: monthly means, month by month where the months differ.';
COMMENT ON COLUMN olap.trends.unit IS 'Unit of the values; slopes are in this unit per year.';
COMMENT ON COLUMN olap.trends.region IS 'Region of the site; null where it is in none.';
COMMENT ON COLUMN olap.trends.first_year IS 'First year of the period.';
COMMENT ON COLUMN olap.trends.last_year IS 'Last year of the period.';
COMMENT ON COLUMN olap.trends.n_years IS 'Years of the period with a value; a trend needs two thirds of them.';
COMMENT ON COLUMN olap.trends.n IS 'Values used: annual ones, or monthly ones for the seasonal variant.';
COMMENT ON COLUMN olap.trends.s IS 'Mann-Kendall S: pairs of values that rise less pairs that fall.';
COMMENT ON COLUMN olap.trends.var_s IS 'Variance of S where there is no trend, with tie correction.';
COMMENT ON COLUMN olap.trends.z IS 'S in standard deviations, with continuity correction.';
COMMENT ON COLUMN olap.trends.p IS 'Two-sided probability of such an S where there is no trend.';
COMMENT ON COLUMN olap.trends.slope IS 'Sen slope: median slope of all pairs, unit per year.';
COMMENT ON COLUMN olap.trends.slope_low IS 'Lower end of its 95 % interval.';
COMMENT ON COLUMN olap.trends.slope_high IS 'Upper end of its 95 % interval.';
COMMENT ON COLUMN olap.trends.percent_per_year IS 'Slope in per cent of the absolute median of the values; null where that is 0.';
COMMENT ON COLUMN olap.trends.class IS 'By p < 0.05: improving or worsening (SO4 and NO3 falling, ANC and pH rising is improving), rising or falling for all other parameters, no trend, not analysed.';
COMMENT ON COLUMN olap.trends.confidence IS 'Confidence of improving, 0 to 1; null where the parameter has no good direction.';
COMMENT ON COLUMN olap.trends.confidence_class IS 'The same in five classes, from very likely degrading to very likely improving.';
COMMENT ON COLUMN olap.trends.reason IS 'Why not analysed: too few values (5), constant, too few different values (3), too few years (two thirds).';
COMMENT ON COLUMN olap.trends.caution IS 'What to keep in mind: fewer than 10 values.';
COMMENT ON COLUMN olap.trends.seasons_p IS 'Kruskal and Wallis: probability of such differences between months where there are none; below 0.05 each month is tested by itself.';
COMMENT ON COLUMN olap.trends.fixed IS 'Analysed, with values in the first three and the last three years of the period.';
COMMENT ON COLUMN olap.trends.step_year IS 'Pettitt, after the trend was taken off: the first year of the new level; null for the seasonal variant.';
COMMENT ON COLUMN olap.trends.step_p IS 'Probability of such a step where there is none.';
COMMENT ON COLUMN olap.trends.method_changes IS 'Years of the period whose method is another than before.';

CREATE VIEW olap.region_trends AS
SELECT r.dataset_version, r.reference_version, r.code_version, g.*
FROM metrics.region g JOIN olap.run r USING (run_id);
COMMENT ON VIEW olap.region_trends IS 'One row per region, parameter and site set: the trends of its sites together, of annual means over the default period.';
COMMENT ON COLUMN olap.region_trends.region IS 'Adirondacks, Catskills, Central Appalachians, New England or Pennsylvania.';
COMMENT ON COLUMN olap.region_trends.parameter IS 'What was measured (NA is sodium), or derived.';
COMMENT ON COLUMN olap.region_trends.site_set IS 'all: every site with a trend; fixed: those with values in the first three and the last three years of the period.';
COMMENT ON COLUMN olap.region_trends.variant IS 'What the sites'' trends are of.';
COMMENT ON COLUMN olap.region_trends.unit IS 'Unit of the values; slopes are in this unit per year.';
COMMENT ON COLUMN olap.region_trends.first_year IS 'First year of the period.';
COMMENT ON COLUMN olap.region_trends.last_year IS 'Last year of the period.';
COMMENT ON COLUMN olap.region_trends.n_sites IS 'Sites of the set.';
COMMENT ON COLUMN olap.region_trends.median_slope IS 'Median of the sites'' Sen slopes.';
COMMENT ON COLUMN olap.region_trends.q25_slope IS 'First quartile of the sites'' Sen slopes, linear interpolation.';
COMMENT ON COLUMN olap.region_trends.q75_slope IS 'Third quartile of the sites'' Sen slopes, linear interpolation.';
COMMENT ON COLUMN olap.region_trends.improving_percent IS 'Per cent of the sites that improve, p < 0.05; null where the parameter has no good direction.';
COMMENT ON COLUMN olap.region_trends.worsening_percent IS 'Per cent of the sites that worsen, p < 0.05; null where the parameter has no good direction.';
COMMENT ON COLUMN olap.region_trends.rising_percent IS 'Per cent of the sites that rise, p < 0.05.';
COMMENT ON COLUMN olap.region_trends.falling_percent IS 'Per cent of the sites that fall, p < 0.05.';
COMMENT ON COLUMN olap.region_trends.kendall_s IS 'Regional Kendall: sum of the sites'' S.';
COMMENT ON COLUMN olap.region_trends.kendall_z IS 'The same in standard deviations; takes the sites as independent, which they are not.';
COMMENT ON COLUMN olap.region_trends.kendall_p IS 'Two-sided p of the regional Kendall test.';
COMMENT ON COLUMN olap.region_trends.kendall_slope IS 'Median slope of all pairs within sites.';
COMMENT ON COLUMN olap.region_trends.kendall_low IS 'Lower end of its 95 % interval.';
COMMENT ON COLUMN olap.region_trends.kendall_high IS 'Upper end of its 95 % interval.';
COMMENT ON COLUMN olap.region_trends.direction IS 'The direction of most sites.';
COMMENT ON COLUMN olap.region_trends.direction_share IS 'Sites of that direction, and half of those without one, of all sites.';
COMMENT ON COLUMN olap.region_trends.direction_confidence IS 'Confidence that most sites move this way, allowing for sites that move together.';
