-- From version 3, which knew no teams.
DROP INDEX event_kept;
DROP TRIGGER event_decided;
