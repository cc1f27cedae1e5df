-- What happened besides charges: who did what, and why. Old events may be forgotten; none changes.
CREATE TABLE event (
    id      INTEGER PRIMARY KEY,
    at_ms   INTEGER NOT NULL CHECK (at_ms >= 0),
    who     TEXT    NOT NULL,
    via     TEXT    NOT NULL,
    kind    TEXT    NOT NULL CHECK (kind <> ''),
    object  TEXT    NOT NULL,
    detail  TEXT    NOT NULL,
    why     TEXT    NOT NULL,
    key     BLOB    UNIQUE CHECK (length(key) = 32),
    request BLOB    CHECK (length(request) = 32)
) STRICT;
CREATE INDEX event_time ON event (at_ms, id);
CREATE TRIGGER event_final BEFORE UPDATE ON event
BEGIN SELECT raise(ABORT, 'an event is final'); END;
CREATE TRIGGER event_kept BEFORE DELETE ON event WHEN old.kind = 'charge.void'
BEGIN SELECT raise(ABORT, 'what was voided is kept'); END;

-- Bearer tokens of administrators: only digests.
CREATE TABLE token (
    id         TEXT    PRIMARY KEY CHECK (id <> ''),
    hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    created_by TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
