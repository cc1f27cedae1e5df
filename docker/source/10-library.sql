-- A lending library that does not exist. Every row is computed, so that it is plain that nobody
-- is in it; the numbers follow from the row's own number.

CREATE TABLE public.branches (
    name  text PRIMARY KEY,
    seats integer NOT NULL
);

CREATE TABLE public.readers (
    id     integer PRIMARY KEY,
    name   text NOT NULL,
    born   date NOT NULL,
    branch text NOT NULL REFERENCES public.branches (name),
    kind   text NOT NULL
);

CREATE TABLE public.loans (
    id        integer PRIMARY KEY,
    reader_id integer NOT NULL REFERENCES public.readers (id),
    lent_on   date NOT NULL,
    days      integer NOT NULL,
    fee       numeric(6, 2) NOT NULL
);

CREATE INDEX ON public.loans (reader_id);

INSERT INTO public.branches
VALUES ('north', 40), ('south', 60), ('east', 20), ('west', 30);

INSERT INTO public.readers
SELECT n,
       'reader ' || n,
       date '1940-01-01' + n * 13 % 25000,
       (ARRAY['north', 'south', 'east', 'west'])[1 + n % 4],
       (ARRAY['child', 'adult', 'student'])[1 + n * 7 % 3]
FROM generate_series(1, 2000) AS n;

-- A reader has one to nine loans.
INSERT INTO public.loans
SELECT row_number() OVER (ORDER BY n, k),
       n,
       date '2025-01-01' + (n * 31 + k * 47) % 365,
       1 + (n * 5 + k * 11) % 28,
       ((n + k) % 5) * 0.5
FROM generate_series(1, 2000) AS n, generate_series(1, 9) AS k
WHERE k <= 1 + n % 9;
