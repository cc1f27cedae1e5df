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
    request BLOB    CHECK (length(request) = 32),
    generation INTEGER NOT NULL
) STRICT;
CREATE INDEX event_time ON event (at_ms, id);
CREATE TRIGGER event_final BEFORE UPDATE ON event
BEGIN SELECT raise(ABORT, 'an event is final'); END;

-- What was charged stays, whoever slips.
CREATE TRIGGER leaf_final BEFORE UPDATE ON leaf
BEGIN SELECT raise(ABORT, 'a leaf is final'); END;
CREATE TRIGGER leaf_kept BEFORE DELETE ON leaf
BEGIN SELECT raise(ABORT, 'leaves are never deleted'); END;
CREATE TRIGGER debit_final BEFORE UPDATE ON debit
BEGIN SELECT raise(ABORT, 'a debit is final'); END;
CREATE TRIGGER debit_kept BEFORE DELETE ON debit
BEGIN SELECT raise(ABORT, 'debits are never deleted'); END;

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
