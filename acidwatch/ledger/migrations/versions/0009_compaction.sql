-- Compaction moves batches from small files to large ones. Who has listed a file before may still read it: gc leaves it its grace time.

ALTER TABLE ledger.files
    ADD COLUMN moved_at timestamptz;           -- when batches in it were last moved to another file; null = never
