-- The authority on what the dataset is. Versions are immutable and numbered without gaps; membership says which
-- (batch, attempt) belongs to which versions; files say where its bytes are, and may change without any version changing.

CREATE SCHEMA ledger;

CREATE TABLE ledger.datasets (
    dataset        text PRIMARY KEY,
    newest_version bigint NOT NULL DEFAULT 0,
    rows           bigint NOT NULL DEFAULT 0,  -- of the newest version
    bytes          bigint NOT NULL DEFAULT 0,  -- of the newest version: bytes of the Kafka values
    accepted       bigint NOT NULL DEFAULT 0,  -- batches with an accepted attempt
    rejected       bigint NOT NULL DEFAULT 0,  -- batches without one
    duplicates     bigint NOT NULL DEFAULT 0   -- deliveries of a batch and attempt already recorded from another origin
);
COMMENT ON TABLE ledger.datasets IS 'Every writer locks the dataset''s row first; counters change in the same transaction.';
INSERT INTO ledger.datasets (dataset) VALUES ('water-quality');

CREATE TABLE ledger.sources (
    source_id     text PRIMARY KEY,            -- SHA-256 of the file, or the topic of records without one
    name          text NOT NULL,               -- ce_source
    first_sent_at timestamptz NOT NULL,        -- ce_sourcetime: when the sending of this source first began
    batch_count   integer,
    first_seen_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ledger.batches (
    batch_id         text PRIMARY KEY,
    source_id        text NOT NULL REFERENCES ledger.sources,
    batch_index      integer NOT NULL,         -- from 0
    subject          text NOT NULL,            -- sheet and cell range
    accepted_attempt integer,                  -- the attempt that first became a member
    attempts         integer NOT NULL DEFAULT 0
);
CREATE INDEX batches_by_source ON ledger.batches (source_id, batch_index);

CREATE TABLE ledger.files (
    file_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    path         text NOT NULL UNIQUE,         -- below the root, such as clean/2026-11-24/....parquet
    zone         text NOT NULL CHECK (zone IN ('raw', 'clean', 'quarantine')),
    bytes        bigint NOT NULL,
    sha256       text NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    condemned_at timestamptz                   -- gc is about to delete it: nothing new may refer to it
);

CREATE TABLE ledger.attempts (
    batch_id          text NOT NULL REFERENCES ledger.batches,
    attempt           integer NOT NULL CHECK (attempt >= 1),
    recorded          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,  -- order of recording, for paging
    verdict           text NOT NULL CHECK (verdict IN ('accepted', 'rejected')),
    rows              integer NOT NULL,
    hard              integer NOT NULL,
    soft              integer NOT NULL,
    findings          jsonb NOT NULL,          -- at most 50; all of them are in quarantine/
    topic             text NOT NULL,
    partition         integer NOT NULL,
    "offset"          bigint NOT NULL,
    timestamp_ms      bigint NOT NULL,
    value_sha256      text NOT NULL,
    value_bytes       bigint NOT NULL,
    contract_version  text NOT NULL,
    reference_version integer NOT NULL,
    service_version   text NOT NULL,
    judged_at         timestamptz NOT NULL,
    recorded_at       timestamptz NOT NULL DEFAULT now(),
    version           bigint,                  -- the version it became, if it did
    PRIMARY KEY (batch_id, attempt)
);

CREATE TABLE ledger.file_batches (
    batch_id text NOT NULL,
    attempt  integer NOT NULL,
    file_id  bigint NOT NULL REFERENCES ledger.files,
    zone     text NOT NULL,
    PRIMARY KEY (batch_id, attempt, zone),
    FOREIGN KEY (batch_id, attempt) REFERENCES ledger.attempts
);
CREATE INDEX file_batches_by_file ON ledger.file_batches (file_id);

CREATE TABLE ledger.deliveries (
    topic        text NOT NULL,
    partition    integer NOT NULL,
    "offset"     bigint NOT NULL,
    timestamp_ms bigint NOT NULL,              -- a topic made anew starts its offsets again
    batch_id     text NOT NULL,
    attempt      integer NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('first', 'duplicate')),
    raw_file_id  bigint NOT NULL REFERENCES ledger.files,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, "offset", timestamp_ms)
);
CREATE INDEX deliveries_by_batch ON ledger.deliveries (batch_id, attempt);

CREATE TABLE ledger.versions (
    version    bigint PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('append', 'quarantine', 'restore', 'reprocess')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    author     text NOT NULL,
    message    text NOT NULL,
    batch_id   text,
    attempt    integer,
    batch_rows bigint NOT NULL,
    batch_bytes bigint NOT NULL,
    rows       bigint NOT NULL,                -- of the whole version, before rows that say the same sample are resolved
    bytes      bigint NOT NULL,
    FOREIGN KEY (batch_id, attempt) REFERENCES ledger.attempts
);

CREATE TABLE ledger.memberships (
    batch_id     text NOT NULL,
    attempt      integer NOT NULL,
    from_version bigint NOT NULL REFERENCES ledger.versions,
    to_version   bigint REFERENCES ledger.versions,  -- first version that no longer has it; null = still a member
    PRIMARY KEY (batch_id, attempt, from_version),
    FOREIGN KEY (batch_id, attempt) REFERENCES ledger.attempts,
    CHECK (to_version > from_version)
);
CREATE INDEX memberships_by_version ON ledger.memberships (from_version, to_version);

CREATE TABLE ledger.dead_letters (
    batch_id        text PRIMARY KEY REFERENCES ledger.batches,
    state           text NOT NULL CHECK (state IN ('pending', 'published', 'replayed', 'resolved', 'parked')),
    attempt         integer NOT NULL,          -- the attempt that failed last
    failures        integer NOT NULL,
    reason          text NOT NULL,             -- rule of the first hard finding
    message         text NOT NULL,
    rules           text[] NOT NULL,
    first_failed_at timestamptz NOT NULL,
    last_failed_at  timestamptz NOT NULL,
    letter_topic    text,
    letter_partition integer,
    letter_offset   bigint,
    changed_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dead_letters_by_state ON ledger.dead_letters (state, last_failed_at);

CREATE TABLE ledger.audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    author   text NOT NULL,
    action   text NOT NULL,
    message  text NOT NULL,
    details  jsonb NOT NULL DEFAULT '{}'
);

-- What Spark and every other reader takes: the file of each member, never a directory listing.
CREATE FUNCTION ledger.members(of_version bigint)
RETURNS TABLE (path text, batch_id text, attempt integer, source_first_sent_at timestamptz, source_id text, batch_index integer,
               rows integer, bytes bigint, sha256 text)
LANGUAGE sql STABLE AS $$
    SELECT f.path, m.batch_id, m.attempt, s.first_sent_at, s.source_id, b.batch_index, a.rows, f.bytes, f.sha256
    FROM ledger.memberships m
    JOIN ledger.attempts a USING (batch_id, attempt)
    JOIN ledger.file_batches fb ON fb.batch_id = m.batch_id AND fb.attempt = m.attempt AND fb.zone = 'clean'
    JOIN ledger.files f USING (file_id)
    JOIN ledger.batches b ON b.batch_id = m.batch_id
    JOIN ledger.sources s USING (source_id)
    WHERE m.from_version <= of_version AND (m.to_version IS NULL OR m.to_version > of_version)
$$;
