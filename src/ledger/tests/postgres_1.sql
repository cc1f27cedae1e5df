-- A ledger in PostgreSQL of version 1, as it was made and filled then.

-- What there is once in a ledger. Its one row is the lock of everybody who writes.
CREATE TABLE meta (
    one           boolean PRIMARY KEY CHECK (one),
    version       integer NOT NULL,
    ledger        bytea   NOT NULL CHECK (length(ledger) = 16),
    mark_ms       bigint  NOT NULL CHECK (mark_ms >= 0),
    release_bytes bigint  NOT NULL CHECK (release_bytes >= 0),
    last_charge   bigint  NOT NULL CHECK (last_charge >= 0),
    final_charge  bigint  NOT NULL CHECK (final_charge >= 0),
    last_release  bigint  NOT NULL CHECK (last_release >= 0),
    generation    bigint  NOT NULL CHECK (generation >= 0),
    head          bytea   NOT NULL CHECK (length(head) = 32),
    moved         text
) WITH (fillfactor = 10); -- room for new versions of the row beside the old ones

-- The generations: one for each unit of work that changed something.
CREATE TABLE chain (
    generation bigint PRIMARY KEY CHECK (generation >= 0),
    head       bytea  NOT NULL CHECK (length(head) = 32),
    note       text
);

-- One statement of one analyst. Pending and posted count as spent, voided does not. Charges from
-- before there were keys have none.
CREATE TABLE charge (
    id      bigint PRIMARY KEY,
    query   bytea  NOT NULL CHECK (length(query) = 8),
    analyst text   COLLATE "C" NOT NULL CHECK (analyst <> ''),
    at_ms   bigint NOT NULL CHECK (at_ms >= 0),
    state   text   COLLATE "C" NOT NULL CHECK (state IN ('pending', 'posted', 'voided')),
    key     bytea  UNIQUE CHECK (length(key) = 16)
) WITH (fillfactor = 90); -- room for the state to change in place
CREATE INDEX charge_analyst ON charge (analyst, id);

-- The leaves of a charge: what was asked, and its price for every kind of account.
-- No epsilon: the noise is Gaussian.
CREATE TABLE leaf (
    charge   bigint  NOT NULL,
    position integer NOT NULL CHECK (position >= 0),
    question bytea   NOT NULL CHECK (length(question) = 32),
    rho      numeric NOT NULL CHECK (rho > 0 AND rho = trunc(rho)),
    epsilon  numeric          CHECK (epsilon > 0 AND epsilon = trunc(epsilon)),
    delta    numeric NOT NULL CHECK (delta >= 0 AND delta = trunc(delta)),
    PRIMARY KEY (charge, position)
);

-- What a charge took from an account, over all its leaves.
CREATE TABLE debit (
    account text    COLLATE "C" NOT NULL CHECK (account <> ''),
    at_ms   bigint  NOT NULL CHECK (at_ms >= 0),
    charge  bigint  NOT NULL,
    rho     numeric NOT NULL CHECK (rho > 0 AND rho = trunc(rho)),
    epsilon numeric          CHECK (epsilon > 0 AND epsilon = trunc(epsilon)),
    delta   numeric NOT NULL CHECK (delta >= 0 AND delta = trunc(delta)),
    PRIMARY KEY (account, at_ms, charge)
);
CREATE INDEX debit_charge ON debit (charge);

-- The sum of an account's debits that are not voided, from start_ms on. A row for another window
-- than the one asked about is ignored and made again from the debits.
CREATE TABLE account (
    id        text    COLLATE "C" PRIMARY KEY CHECK (id <> ''),
    window_ms bigint  NOT NULL CHECK (window_ms >= 0),
    start_ms  bigint  NOT NULL CHECK (start_ms >= 0),
    rho       numeric NOT NULL CHECK (rho >= 0),
    epsilon   numeric NOT NULL CHECK (epsilon >= 0),
    delta     numeric NOT NULL CHECK (delta >= 0),
    gaussian  bigint  NOT NULL CHECK (gaussian >= 0)
) WITH (fillfactor = 50);

-- Releases remembered, in the order of storing.
CREATE TABLE release (
    id         bigint PRIMARY KEY,
    question   bytea  NOT NULL UNIQUE CHECK (length(question) = 32),
    charge     bigint NOT NULL,
    expires_ms bigint NOT NULL,
    payload    bytea  NOT NULL
);
CREATE INDEX release_expiry ON release (expires_ms);

-- The analysts who may log in, with what proves their password.
CREATE TABLE analyst (
    name     text COLLATE "C" PRIMARY KEY CHECK (name <> ''),
    verifier text NOT NULL CHECK (verifier <> '')
);

-- What is final stays, whoever slips.
CREATE FUNCTION final() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'rows of % are final', TG_TABLE_NAME; END $$;
CREATE TRIGGER chain_final BEFORE UPDATE OR DELETE OR TRUNCATE ON chain EXECUTE FUNCTION final();
CREATE TRIGGER charge_kept BEFORE DELETE OR TRUNCATE ON charge EXECUTE FUNCTION final();
CREATE TRIGGER charge_final BEFORE UPDATE ON charge
    FOR EACH ROW WHEN (old.state = 'voided') EXECUTE FUNCTION final();
CREATE TRIGGER leaf_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON leaf EXECUTE FUNCTION final();
CREATE TRIGGER debit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON debit EXECUTE FUNCTION final();
CREATE TRIGGER release_final BEFORE UPDATE ON release EXECUTE FUNCTION final();

INSERT INTO meta VALUES (true, 1, '\x000102030405060708090a0b0c0d0e0f', 1000, 5, 3, 2, 1, 1,
    decode(repeat('ab', 32), 'hex'), NULL);
INSERT INTO chain VALUES (0, '\xf7f8aee17082b54cc4d30a6c5e1f0027044d729db5124b51a5ef53600324e0ea', 'made'),
    (1, decode(repeat('ab', 32), 'hex'), NULL);
INSERT INTO charge VALUES (1, '\x0000000000000001', 'alice', 900, 'posted', NULL),
    (2, '\x0000000000000002', 'alice', 950, 'voided', NULL),
    (3, '\x0000000000000003', 'alice', 1000, 'pending', NULL);
INSERT INTO leaf VALUES (1, 0, decode(rpad('01', 64, '0'), 'hex'), 4, NULL, 0),
    (2, 0, decode(rpad('03', 64, '0'), 'hex'), 5, NULL, 0),
    (3, 0, decode(rpad('04', 64, '0'), 'hex'), 3, NULL, 0);
INSERT INTO debit VALUES ('shop', 900, 1, 4, NULL, 0), ('shop', 950, 2, 5, NULL, 0),
    ('shop', 1000, 3, 3, NULL, 0);
INSERT INTO account VALUES ('shop', 0, 0, 7, 0, 0, 2);
INSERT INTO release VALUES (1, decode(rpad('01', 64, '0'), 'hex'), 1, 9000, 'hello');
INSERT INTO analyst VALUES ('alice', 'v');
