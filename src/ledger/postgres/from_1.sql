-- From version 1, which knew no events and no decisions. Sums of accounts are made again from the
-- debits.
ALTER TABLE meta ADD COLUMN last_event bigint NOT NULL DEFAULT 0 CHECK (last_event >= 0);
ALTER TABLE chain ADD COLUMN mark_ms bigint, ADD COLUMN last_charge bigint,
    ADD COLUMN last_event bigint, ADD COLUMN events bytea CHECK (length(events) = 32),
    ADD COLUMN rest bytea CHECK (length(rest) = 32), ADD COLUMN marks bytea;
-- A program of the older version that is still connected knows no decisions: it writes no more.
ALTER TABLE chain ADD CONSTRAINT chain_made_of CHECK (mark_ms IS NOT NULL) NOT VALID;
ALTER TABLE analyst ADD COLUMN added_ms bigint, ADD COLUMN seen_ms bigint;
CREATE INDEX charge_time ON charge (at_ms, id);
DROP TABLE account;
UPDATE meta SET version = 3;
