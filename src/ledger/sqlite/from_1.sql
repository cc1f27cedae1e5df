-- From version 1, which had neither generations nor keys, and counted sizes in triggers.
DROP TRIGGER release_added;
DROP TRIGGER release_removed;
DROP INDEX charge_pending;
ALTER TABLE charge ADD COLUMN key BLOB CHECK (length(key) = 16);
CREATE UNIQUE INDEX charge_key ON charge (key);
ALTER TABLE meta RENAME TO meta_1;
