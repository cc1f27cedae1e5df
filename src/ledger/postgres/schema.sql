-- The ledger in PostgreSQL, version 3. Amounts are whole numbers of any size, which numeric adds
-- exactly. Names compare by their bytes, as they do in the other store.
--
-- No foreign keys: only noisegate writes here, under one lock, and a check of each row would cost
-- more than the row.

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
    moved         text,
    last_event    bigint  NOT NULL DEFAULT 0 CHECK (last_event >= 0)
) WITH (fillfactor = 10); -- room for new versions of the row beside the old ones

-- The generations: one for each unit of work that changed something. What a head is made of is not
-- known of those of version 1.
CREATE TABLE chain (
    generation bigint PRIMARY KEY CHECK (generation >= 0),
    head       bytea  NOT NULL CHECK (length(head) = 32),
    note       text,
    mark_ms     bigint,
    last_charge bigint,
    last_event  bigint,
    events      bytea CHECK (length(events) = 32),
    rest        bytea CHECK (length(rest) = 32),
    marks       bytea
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
CREATE INDEX charge_time ON charge (at_ms, id);

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
    verifier text NOT NULL CHECK (verifier <> ''),
    added_ms bigint,
    seen_ms  bigint
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
