-- What the live job keeps: which accepted batches it has taken in, their samples, the figures of each site, and the alerts.
-- No reference to ledger.*: a restored ledger may know less than this for a while.

CREATE TABLE metrics.live_state (
    only_row bool PRIMARY KEY DEFAULT true CHECK (only_row),
    version  bigint NOT NULL,                  -- of the dataset, up to which changes of membership are followed
    seen_at  timestamptz NOT NULL              -- when the job last looked, whether there was something new or not
);
COMMENT ON TABLE metrics.live_state IS 'One row, made by the first start of the live job, locked by whoever changes live_* tables.';

CREATE TABLE metrics.live_batch (
    batch_id text NOT NULL,
    attempt  integer NOT NULL,
    rows     integer NOT NULL,
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (batch_id, attempt)
);
COMMENT ON TABLE metrics.live_batch IS 'Accepted (batch, attempt) whose samples were taken in: each once, whatever Spark repeats.';

CREATE TABLE metrics.live_sample (
    batch_id        text NOT NULL,
    attempt         integer NOT NULL,
    row             integer NOT NULL,          -- of the sheet
    program_id      text NOT NULL,
    site_id         text NOT NULL,
    sampled_at      timestamp NOT NULL,        -- DATE_SMP with its time
    sample_location text NOT NULL,
    sample_depth    double precision,
    values          jsonb NOT NULL,            -- parameter -> value in the contract's unit; what was not measured is left out
    FOREIGN KEY (batch_id, attempt) REFERENCES metrics.live_batch
);
CREATE INDEX live_sample_by_site ON metrics.live_sample (program_id, site_id);
CREATE INDEX live_sample_by_batch ON metrics.live_sample (batch_id, attempt);

CREATE TABLE metrics.live_site (
    program_id      text NOT NULL,
    site_id         text NOT NULL,
    parameter       text NOT NULL,
    unit            text NOT NULL,
    last_value      double precision,
    last_sampled_at timestamp,
    mean            double precision NOT NULL,
    n               bigint NOT NULL CHECK (n > 0),
    samples         bigint NOT NULL CHECK (samples >= n),
    anc_class       text NOT NULL,
    last_batch      text NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (program_id, site_id, parameter)
);

CREATE TABLE metrics.alerts (
    alert_id       text PRIMARY KEY,
    number         bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    raised_at      timestamptz NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('anc-class', 'history')),
    program_id     text NOT NULL,
    site_id        text NOT NULL,
    parameter      text NOT NULL,
    unit           text NOT NULL,
    value          double precision NOT NULL,
    sampled_at     timestamp NOT NULL,
    batch_id       text NOT NULL,
    attempt        integer NOT NULL,
    row            integer NOT NULL,
    class_before   text,
    value_before   double precision,
    sampled_before timestamp,
    class_after    text,
    median         double precision,
    mad            double precision,
    score          double precision,
    published_at   timestamptz,                -- confirmed by the broker; null = raised, and perhaps sent
    CHECK ((kind = 'anc-class') = (class_before IS NOT NULL)),
    CHECK ((kind = 'history') = (score IS NOT NULL))
);
CREATE INDEX alerts_by_site ON metrics.alerts (program_id, site_id, number);
CREATE INDEX alerts_unpublished ON metrics.alerts (number) WHERE published_at IS NULL;

CREATE VIEW olap.live_site AS SELECT * FROM metrics.live_site;
COMMENT ON VIEW olap.live_site IS 'One row per programme, site and parameter, kept by `acidwatch job live` within a trigger: as the newest version of the dataset has it.';
COMMENT ON COLUMN olap.live_site.program_id IS 'Monitoring programme; six lakes are in two, with a row for each.';
COMMENT ON COLUMN olap.live_site.site_id IS 'Site, text with leading zeros.';
COMMENT ON COLUMN olap.live_site.parameter IS 'What was measured; NA is sodium.';
COMMENT ON COLUMN olap.live_site.unit IS 'Unit of last_value and mean.';
COMMENT ON COLUMN olap.live_site.last_value IS 'Value of the newest sample, by its date, that speaks for the site: no deep water (HYPO); where there are inlet samples only the location with most years. Null where no such sample has one.';
COMMENT ON COLUMN olap.live_site.last_sampled_at IS 'Date and time of that sample.';
COMMENT ON COLUMN olap.live_site.mean IS 'Mean of all n values, every location and depth, as mean of olap.site_statistics.';
COMMENT ON COLUMN olap.live_site.n IS 'Values of the parameter.';
COMMENT ON COLUMN olap.live_site.samples IS 'Samples of the site, whatever was measured in them; the same in each of its rows.';
COMMENT ON COLUMN olap.live_site.anc_class IS 'ANC class of the site: that of its last ANC; unknown without one. The same in each of its rows.';
COMMENT ON COLUMN olap.live_site.last_batch IS 'The batch that was sent last of those that the site''s samples stand in.';
COMMENT ON COLUMN olap.live_site.updated_at IS 'When the live job last changed the site''s figures.';

CREATE VIEW olap.alerts AS SELECT * FROM metrics.alerts;
COMMENT ON VIEW olap.alerts IS 'Alerts that the live job raised; number is their order. They stay when their batch is taken out of the dataset later.';
COMMENT ON COLUMN olap.alerts.alert_id IS 'ce_id of the record on the topic of alerts; a sample raises the same id however often it is looked at.';
COMMENT ON COLUMN olap.alerts.number IS 'Rises with every alert, with gaps.';
COMMENT ON COLUMN olap.alerts.raised_at IS 'When it was raised.';
COMMENT ON COLUMN olap.alerts.kind IS 'anc-class: the site''s newest sample has another ANC class; history: a value outside the site''s own history.';
COMMENT ON COLUMN olap.alerts.program_id IS 'Monitoring programme.';
COMMENT ON COLUMN olap.alerts.site_id IS 'Site, text with leading zeros.';
COMMENT ON COLUMN olap.alerts.parameter IS 'What was measured; ANC where the class moved.';
COMMENT ON COLUMN olap.alerts.unit IS 'Unit of value, value_before, median and mad.';
COMMENT ON COLUMN olap.alerts.value IS 'The value that raised it.';
COMMENT ON COLUMN olap.alerts.sampled_at IS 'Date and time of its sample.';
COMMENT ON COLUMN olap.alerts.batch_id IS 'Batch that the sample stands in.';
COMMENT ON COLUMN olap.alerts.attempt IS 'Attempt of that batch.';
COMMENT ON COLUMN olap.alerts.row IS 'Row of the sheet.';
COMMENT ON COLUMN olap.alerts.class_before IS 'Of anc-class: the class of the sample that was the newest until then.';
COMMENT ON COLUMN olap.alerts.value_before IS 'Of anc-class: the ANC of that sample.';
COMMENT ON COLUMN olap.alerts.sampled_before IS 'Of anc-class: date and time of that sample.';
COMMENT ON COLUMN olap.alerts.class_after IS 'Of anc-class: the class of value.';
COMMENT ON COLUMN olap.alerts.median IS 'Of history: median of the site''s values before the batch came.';
COMMENT ON COLUMN olap.alerts.mad IS 'Of history: median deviation of the values on the side of value.';
COMMENT ON COLUMN olap.alerts.score IS 'Of history: 0.6745 |value - median| / mad; above 3.5 an alert is raised.';
COMMENT ON COLUMN olap.alerts.published_at IS 'When the broker confirmed it; null: not yet.';
