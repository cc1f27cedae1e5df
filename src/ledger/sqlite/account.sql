-- The sum of an account's debits that are not voided, from start_ms on. A row for another window
-- than the one asked about is ignored and made again from the debits. Windows are milliseconds; a
-- lifetime is 0 and a calendar month -1. The second half is what administrators decided.
CREATE TABLE account (
    id            TEXT    PRIMARY KEY CHECK (id <> ''),
    window_ms     INTEGER NOT NULL CHECK (window_ms >= -1),
    start_ms      INTEGER NOT NULL CHECK (start_ms >= 0),
    rho           TEXT    NOT NULL CHECK (rho <> '' AND rho NOT GLOB '*[^0-9]*'),
    epsilon       TEXT    NOT NULL CHECK (epsilon <> '' AND epsilon NOT GLOB '*[^0-9]*'),
    delta         TEXT    NOT NULL CHECK (delta <> '' AND delta NOT GLOB '*[^0-9]*'),
    gaussian      INTEGER NOT NULL CHECK (gaussian >= 0),
    version       INTEGER NOT NULL DEFAULT 0 CHECK (version >= 0),
    frozen        INTEGER NOT NULL DEFAULT 0 CHECK (frozen IN (0, 1)),
    cap           TEXT             CHECK (cap <> '' AND cap NOT GLOB '*[^0-9]*'),
    granted       TEXT    NOT NULL DEFAULT '0' CHECK (granted <> '' AND granted NOT GLOB '*[^0-9]*'),
    granted_until INTEGER,
    reset_ms      INTEGER
) STRICT, WITHOUT ROWID;
