-- What versions 1 and 2 have in common. Sums of accounts are made again from the debits.
DROP TABLE account;
ALTER TABLE user ADD COLUMN added_ms INTEGER;
ALTER TABLE user ADD COLUMN seen_ms INTEGER;
CREATE INDEX charge_time ON charge (at_ms, id);
