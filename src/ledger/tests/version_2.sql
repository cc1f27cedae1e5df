-- A ledger of version 2, as it was made and filled then.

-- What there is once in a ledger. One row.
CREATE TABLE meta (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    mark_ms       INTEGER NOT NULL CHECK (mark_ms >= 0),
    release_bytes INTEGER NOT NULL CHECK (release_bytes >= 0),
    ledger        BLOB    NOT NULL CHECK (length(ledger) = 16),
    last_charge   INTEGER NOT NULL CHECK (last_charge >= 0),
    final_charge  INTEGER NOT NULL CHECK (final_charge >= 0),
    last_release  INTEGER NOT NULL CHECK (last_release >= 0),
    moved         TEXT
) STRICT;

-- The generations: one for each unit of work that changed something. The last is the ledger's.
CREATE TABLE chain (
    generation INTEGER PRIMARY KEY CHECK (generation >= 0),
    head       BLOB NOT NULL CHECK (length(head) = 32),
    note       TEXT
) STRICT;
CREATE TRIGGER chain_final BEFORE UPDATE ON chain
BEGIN SELECT raise(ABORT, 'a generation is final'); END;
CREATE TRIGGER chain_kept BEFORE DELETE ON chain
BEGIN SELECT raise(ABORT, 'generations are never deleted'); END;

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

-- The sum of an account's debits that are not voided, from start_ms on. A row for another window
-- than the one asked about is ignored and made again from the debits.
CREATE TABLE account (
    id        TEXT    PRIMARY KEY CHECK (id <> ''),
    window_ms INTEGER NOT NULL CHECK (window_ms >= 0),
    start_ms  INTEGER NOT NULL CHECK (start_ms >= 0),
    rho       TEXT    NOT NULL CHECK (rho <> '' AND rho NOT GLOB '*[^0-9]*'),
    epsilon   TEXT    NOT NULL CHECK (epsilon <> '' AND epsilon NOT GLOB '*[^0-9]*'),
    delta     TEXT    NOT NULL CHECK (delta <> '' AND delta NOT GLOB '*[^0-9]*'),
    gaussian  INTEGER NOT NULL CHECK (gaussian >= 0)
) STRICT, WITHOUT ROWID;

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
    verifier TEXT NOT NULL CHECK (verifier <> '')
) STRICT, WITHOUT ROWID;

PRAGMA application_id = 0x4e476c64;
PRAGMA user_version = 2;
INSERT INTO meta VALUES (1, 1000, 5, x'000102030405060708090a0b0c0d0e0f', 3, 2, 1, NULL);
INSERT INTO chain VALUES (0, x'f7f8aee17082b54cc4d30a6c5e1f0027044d729db5124b51a5ef53600324e0ea', 'made'), (1, zeroblob(32), NULL);
INSERT INTO charge VALUES
    (1, x'0000000000000001', 'alice', 900, 'posted', NULL),
    (2, x'0000000000000002', 'alice', 950, 'voided', NULL),
    (3, x'0000000000000003', 'alice', 1000, 'pending', NULL);
INSERT INTO leaf VALUES
    (1, 0, x'0100000000000000000000000000000000000000000000000000000000000000', '4', NULL, '0'),
    (2, 0, x'0300000000000000000000000000000000000000000000000000000000000000', '5', NULL, '0'),
    (3, 0, x'0400000000000000000000000000000000000000000000000000000000000000', '3', NULL, '0');
INSERT INTO debit VALUES
    ('shop', 900, 1, '4', NULL, '0'), ('shop', 950, 2, '5', NULL, '0'),
    ('shop', 1000, 3, '3', NULL, '0');
INSERT INTO account VALUES ('shop', 0, 0, '7', '0', '0', 2);
INSERT INTO release (question, charge, expires_ms, payload) VALUES
    (x'0100000000000000000000000000000000000000000000000000000000000000', 1, 9000, x'68656c6c6f');
INSERT INTO user VALUES ('alice', 'v');
