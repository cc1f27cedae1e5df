-- From version 2, which knew no teams, and no marks of single records.
ALTER TABLE chain ADD COLUMN marks bytea;
DROP INDEX event_kept;
DROP TRIGGER event_kept ON event;
UPDATE meta SET version = 3;
