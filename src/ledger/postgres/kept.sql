-- What is kept for ever of the events: what was given back, what was decided about accounts, and who
-- is in which team.
CREATE INDEX event_kept ON event (generation)
    WHERE kind = 'charge.void' OR kind LIKE 'account.%' OR kind LIKE 'team.%';
CREATE INDEX event_team ON event (id) WHERE kind LIKE 'team.%';
CREATE TRIGGER event_kept BEFORE DELETE ON event
    FOR EACH ROW WHEN (old.kind = 'charge.void' OR old.kind LIKE 'account.%'
        OR old.kind LIKE 'team.%')
    EXECUTE FUNCTION final();
