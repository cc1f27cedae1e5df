-- From version 2, which knew no events and no decisions.
ALTER TABLE meta ADD COLUMN last_event INTEGER NOT NULL DEFAULT 0 CHECK (last_event >= 0);
ALTER TABLE chain ADD COLUMN mark_ms INTEGER;
ALTER TABLE chain ADD COLUMN last_charge INTEGER;
ALTER TABLE chain ADD COLUMN last_event INTEGER;
ALTER TABLE chain ADD COLUMN events BLOB CHECK (length(events) = 32);
ALTER TABLE chain ADD COLUMN rest BLOB CHECK (length(rest) = 32);
ALTER TABLE chain ADD COLUMN marks BLOB;
