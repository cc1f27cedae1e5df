-- What there is once in a ledger. One row.
CREATE TABLE meta (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    mark_ms       INTEGER NOT NULL CHECK (mark_ms >= 0),
    release_bytes INTEGER NOT NULL CHECK (release_bytes >= 0),
    ledger        BLOB    NOT NULL CHECK (length(ledger) = 16),
    last_charge   INTEGER NOT NULL CHECK (last_charge >= 0),
    final_charge  INTEGER NOT NULL CHECK (final_charge >= 0),
    last_release  INTEGER NOT NULL CHECK (last_release >= 0),
    moved         TEXT,
    last_event    INTEGER NOT NULL DEFAULT 0 CHECK (last_event >= 0)
) STRICT;

-- The generations: one for each unit of work that changed something. The last is the ledger's.
-- What a head is made of is not known of those of older versions.
CREATE TABLE chain (
    generation INTEGER PRIMARY KEY CHECK (generation >= 0),
    head       BLOB NOT NULL CHECK (length(head) = 32),
    note       TEXT,
    mark_ms     INTEGER,
    last_charge INTEGER,
    last_event  INTEGER,
    events      BLOB CHECK (length(events) = 32),
    rest        BLOB CHECK (length(rest) = 32),
    marks       BLOB
) STRICT;
CREATE TRIGGER chain_final BEFORE UPDATE ON chain
BEGIN SELECT raise(ABORT, 'a generation is final'); END;
CREATE TRIGGER chain_kept BEFORE DELETE ON chain
BEGIN SELECT raise(ABORT, 'generations are never deleted'); END;

