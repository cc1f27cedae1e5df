-- From version 2, which knew no teams.
DROP INDEX event_kept;
DROP TRIGGER event_kept ON event;
UPDATE meta SET version = 3;
