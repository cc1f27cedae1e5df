-- From version 3, which knew no teams, and no marks of single records.
ALTER TABLE chain ADD COLUMN marks BLOB;
DROP INDEX event_kept;
DROP TRIGGER event_decided;
