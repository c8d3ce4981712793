-- What people do to the dataset after the fact: attempts numbered ahead, batches taken out and brought back, one workbook in place
-- of another, tags; and the journal of all that, which is copied to HDFS.

ALTER TABLE ledger.sources
    ADD COLUMN replaces text;                  -- source_id of the workbook that this one is sent in place of (ce_replaces)

CREATE TABLE ledger.replacements (
    source_id    text NOT NULL,  -- the one that another stands in place of: nothing of it is appended any more, even if it comes only now
    replaced_by  text NOT NULL,
    from_version bigint NOT NULL REFERENCES ledger.versions,
    to_version   bigint REFERENCES ledger.versions,  -- first version in which it is so no longer; null = still so
    PRIMARY KEY (source_id, from_version),
    CHECK (to_version > from_version)
);

ALTER TABLE ledger.batches
    ADD COLUMN taken_out bigint REFERENCES ledger.versions;  -- newest version in which a person changed its membership

CREATE UNIQUE INDEX memberships_open ON ledger.memberships (batch_id) WHERE to_version IS NULL;  -- one attempt of a batch at a time

-- Attempts after the first are numbered here before they are sent.
CREATE TABLE ledger.planned_attempts (
    batch_id        text NOT NULL REFERENCES ledger.batches,
    attempt         integer NOT NULL CHECK (attempt >= 2),
    kind            text NOT NULL CHECK (kind IN ('replay', 'resubmit', 'reprocess')),
    value_sha256    text NOT NULL,             -- of the value that will be sent
    planned_version bigint NOT NULL,           -- newest version when it was numbered
    planned_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    author          text NOT NULL,
    message         text NOT NULL,
    sent_at         timestamptz,               -- confirmed by the broker; null = numbered, and perhaps sent
    PRIMARY KEY (batch_id, attempt)
);

CREATE TABLE ledger.tags (
    tag        text PRIMARY KEY CHECK (tag ~ '^[A-Za-z][A-Za-z0-9._-]{0,63}$'),
    version    bigint NOT NULL REFERENCES ledger.versions,
    author     text NOT NULL,
    message    text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

ALTER TABLE ledger.versions
    ADD COLUMN details jsonb NOT NULL DEFAULT '{}';  -- what else this version did: batches_in, batches_out, replaced_source, restored_version

ALTER TABLE ledger.dead_letters
    ADD COLUMN "column" text NOT NULL DEFAULT '',    -- column of the first hard finding; empty when it is about the row or the record
    ADD COLUMN sites text[] NOT NULL DEFAULT '{}';   -- SITE_IDs in the batch, at most 100

ALTER TABLE ledger.deliveries DROP CONSTRAINT deliveries_kind_check;
ALTER TABLE ledger.deliveries ADD CONSTRAINT deliveries_kind_check CHECK (kind IN ('first', 'duplicate', 'rerun'));

-- Outcomes that named a file which gc had condemned: their records are sent again from raw/.
CREATE TABLE ledger.reruns (
    topic        text NOT NULL,
    partition    integer NOT NULL,
    "offset"     bigint NOT NULL,
    timestamp_ms bigint NOT NULL,
    batch_id     text NOT NULL,
    attempt      integer NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    sent_at      timestamptz,                  -- confirmed by the broker; null = still to be sent
    PRIMARY KEY (topic, partition, "offset", timestamp_ms)
);

ALTER TABLE ledger.audit
    ADD COLUMN version bigint,                 -- the version that the action made, if it made one
    ADD COLUMN journaled_at timestamptz;       -- when it was copied to journal/ on HDFS; null = still to be copied
COMMENT ON TABLE ledger.audit IS 'Who did what, when and why. Copied to journal/ on HDFS, so that `ledger rebuild` knows of it.';
