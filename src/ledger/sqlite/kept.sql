-- What is kept for ever of the events: what was given back, what was decided about accounts, and who
-- is in which team.
CREATE INDEX event_kept ON event (generation)
WHERE kind = 'charge.void' OR kind GLOB 'account.*' OR kind GLOB 'team.*';
CREATE INDEX event_team ON event (id) WHERE kind GLOB 'team.*';
CREATE TRIGGER event_decided BEFORE DELETE ON event
WHEN old.kind = 'charge.void' OR old.kind GLOB 'account.*' OR old.kind GLOB 'team.*'
BEGIN SELECT raise(ABORT, 'what was voided and decided is kept'); END;
