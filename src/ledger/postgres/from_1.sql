-- From version 1, which knew no events and no decisions. Sums of accounts are made again from the
-- debits.
ALTER TABLE meta ADD COLUMN last_event bigint NOT NULL DEFAULT 0 CHECK (last_event >= 0);
ALTER TABLE chain ADD COLUMN mark_ms bigint, ADD COLUMN last_charge bigint,
    ADD COLUMN last_event bigint, ADD COLUMN events bytea CHECK (length(events) = 32),
    ADD COLUMN rest bytea CHECK (length(rest) = 32);
-- A program of the older version that is still connected knows no decisions: it writes no more.
ALTER TABLE chain ADD CONSTRAINT chain_made_of CHECK (mark_ms IS NOT NULL) NOT VALID;
ALTER TABLE analyst ADD COLUMN added_ms bigint, ADD COLUMN seen_ms bigint;
CREATE INDEX charge_time ON charge (at_ms, id);
DROP TABLE account;
-- The sum of an account's debits that are not voided, from start_ms on. A row for another window
-- than the one asked about is ignored and made again from the debits. Windows are milliseconds; a
-- lifetime is 0 and a calendar month -1. The second half is what administrators decided.
CREATE TABLE account (
    id            text    COLLATE "C" PRIMARY KEY CHECK (id <> ''),
    window_ms     bigint  NOT NULL CHECK (window_ms >= -1),
    start_ms      bigint  NOT NULL CHECK (start_ms >= 0),
    rho           numeric NOT NULL CHECK (rho >= 0),
    epsilon       numeric NOT NULL CHECK (epsilon >= 0),
    delta         numeric NOT NULL CHECK (delta >= 0),
    gaussian      bigint  NOT NULL CHECK (gaussian >= 0),
    version       bigint  NOT NULL DEFAULT 0 CHECK (version >= 0),
    frozen        boolean NOT NULL DEFAULT false,
    cap           numeric          CHECK (cap >= 0 AND cap = trunc(cap)),
    granted       numeric NOT NULL DEFAULT 0 CHECK (granted >= 0 AND granted = trunc(granted)),
    granted_until bigint,
    reset_ms      bigint
) WITH (fillfactor = 50);

-- What happened besides charges: who did what, and why. Old events may be forgotten; none changes.
CREATE TABLE event (
    id      bigint PRIMARY KEY,
    at_ms   bigint NOT NULL CHECK (at_ms >= 0),
    who     text   COLLATE "C" NOT NULL,
    via     text   COLLATE "C" NOT NULL,
    kind    text   COLLATE "C" NOT NULL CHECK (kind <> ''),
    object  text   COLLATE "C" NOT NULL,
    detail  text   COLLATE "C" NOT NULL,
    why     text   COLLATE "C" NOT NULL,
    key     bytea  UNIQUE CHECK (length(key) = 32),
    request bytea  CHECK (length(request) = 32),
    generation bigint NOT NULL
);
CREATE INDEX event_time ON event (at_ms, id);
CREATE INDEX event_kept ON event (generation)
    WHERE kind = 'charge.void' OR kind LIKE 'account.%';

-- Bearer tokens of administrators: only digests.
CREATE TABLE token (
    id         text   COLLATE "C" PRIMARY KEY CHECK (id <> ''),
    hash       bytea  NOT NULL UNIQUE CHECK (length(hash) = 32),
    name       text   NOT NULL,
    role       text   NOT NULL,
    created_by text   NOT NULL,
    created_ms bigint NOT NULL,
    expires_ms bigint NOT NULL
);

CREATE TRIGGER event_final BEFORE UPDATE OR TRUNCATE ON event EXECUTE FUNCTION final();
CREATE TRIGGER event_kept BEFORE DELETE ON event
    FOR EACH ROW WHEN (old.kind = 'charge.void' OR old.kind LIKE 'account.%')
    EXECUTE FUNCTION final();
UPDATE meta SET version = 2;
