-- The ledger, version 4. Amounts are decimal digits in text: they can exceed 64 bits.

-- One statement of one analyst. Pending and posted count as spent, voided does not. Charges from
-- before there were keys have none.
CREATE TABLE charge (
    id      INTEGER PRIMARY KEY,
    query   BLOB    NOT NULL CHECK (length(query) = 8),
    analyst TEXT    NOT NULL CHECK (analyst <> ''),
    at_ms   INTEGER NOT NULL CHECK (at_ms >= 0),
    state   TEXT    NOT NULL CHECK (state IN ('pending', 'posted', 'voided')),
    key     BLOB             CHECK (length(key) = 16)
) STRICT;
CREATE UNIQUE INDEX charge_key ON charge (key);
CREATE INDEX charge_analyst ON charge (analyst, id);
CREATE INDEX charge_time ON charge (at_ms, id);
CREATE TRIGGER charge_final BEFORE UPDATE ON charge WHEN old.state = 'voided'
BEGIN SELECT raise(ABORT, 'a voided charge is final'); END;
CREATE TRIGGER charge_kept BEFORE DELETE ON charge
BEGIN SELECT raise(ABORT, 'charges are never deleted'); END;

-- The leaves of a charge: what was asked, and its price for every kind of account.
-- No epsilon: the noise is Gaussian.
CREATE TABLE leaf (
    charge   INTEGER NOT NULL REFERENCES charge (id),
    position INTEGER NOT NULL CHECK (position >= 0),
    question BLOB    NOT NULL CHECK (length(question) = 32),
    rho      TEXT    NOT NULL CHECK (rho <> '' AND rho NOT GLOB '*[^0-9]*' AND rho <> '0'),
    epsilon  TEXT             CHECK (epsilon <> '' AND epsilon NOT GLOB '*[^0-9]*' AND epsilon <> '0'),
    delta    TEXT    NOT NULL CHECK (delta <> '' AND delta NOT GLOB '*[^0-9]*'),
    PRIMARY KEY (charge, position)
) STRICT, WITHOUT ROWID;

-- What a charge took from an account, over all its leaves.
CREATE TABLE debit (
    account TEXT    NOT NULL CHECK (account <> ''),
    at_ms   INTEGER NOT NULL CHECK (at_ms >= 0),
    charge  INTEGER NOT NULL REFERENCES charge (id),
    rho     TEXT    NOT NULL CHECK (rho <> '' AND rho NOT GLOB '*[^0-9]*' AND rho <> '0'),
    epsilon TEXT             CHECK (epsilon <> '' AND epsilon NOT GLOB '*[^0-9]*' AND epsilon <> '0'),
    delta   TEXT    NOT NULL CHECK (delta <> '' AND delta NOT GLOB '*[^0-9]*'),
    PRIMARY KEY (account, at_ms, charge)
) STRICT, WITHOUT ROWID;
CREATE INDEX debit_charge ON debit (charge);

-- Releases remembered, in the order of storing.
CREATE TABLE release (
    id         INTEGER PRIMARY KEY,
    question   BLOB    NOT NULL UNIQUE CHECK (length(question) = 32),
    charge     INTEGER NOT NULL REFERENCES charge (id),
    expires_ms INTEGER NOT NULL,
    payload    BLOB    NOT NULL
) STRICT;
CREATE INDEX release_expiry ON release (expires_ms);
CREATE TRIGGER release_final BEFORE UPDATE ON release
BEGIN SELECT raise(ABORT, 'a release is never changed'); END;

-- The analysts who may log in, with what proves their password.
CREATE TABLE user (
    name     TEXT PRIMARY KEY CHECK (name <> ''),
    verifier TEXT NOT NULL CHECK (verifier <> ''),
    added_ms INTEGER,
    seen_ms  INTEGER
) STRICT, WITHOUT ROWID;
