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
