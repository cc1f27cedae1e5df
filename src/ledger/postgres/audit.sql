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
