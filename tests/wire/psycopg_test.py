"""What psycopg 3 does with the proxy. Prints "done" at the end; any exception is a failure."""

import datetime
from contextlib import contextmanager
from decimal import Decimal

import psycopg
from psycopg import errors

conn = psycopg.connect("", autocommit=True)
notices = []
conn.add_notice_handler(lambda notice: notices.append((notice.sqlstate, notice.message_primary)))


@contextmanager
def raises(kind, words=""):
    try:
        yield
    except kind as error:
        assert words in str(error), str(error)
        if error.diag.message_detail and error.diag.message_detail.startswith("noisegate:"):
            assert error.diag.message_hint, str(error)
    else:
        raise AssertionError(f"no {kind.__name__}")


def one(text, *parameters, **options):
    return conn.execute(text, parameters or None, **options).fetchone()[0]


def charges():
    return one("select count(*) from noisegate.my_queries")


# Plain and with parameters, bound by the server.
count = one("select count(*) from orders")
assert isinstance(count, int) and 10_000 < count < 20_000, count
first = one("select count(*) from orders where o_orderstatus = %s", "F")
assert first < count
fresh = one("select count(*) from orders where o_totalprice > %s", Decimal("1234.5"))
assert "cost epsilon 0.5" in notices[-2][1], notices
date = datetime.date(1995, 1, 1)
assert 0 < one("select count(*) from orders where o_orderdate >= %s", date) < count
assert one("select count(*) from orders where o_totalprice > %s", Decimal("1e3")) > 0
assert one("select count(*) from orders where o_shippriority in (%s, %s)", 0, 1) > 0
assert one("select %s::text from orders having count(*) > %s", "é", 5) == "é"

# Prepared, in text and in binary.
before = charges()
for binary in (False, True, False, True):
    again = one("select count(*) from orders where o_orderstatus = %s", "F", prepare=True, binary=binary)
    assert again == first, (again, first)
assert charges() == before, "remembered"
mean = "select o_orderstatus, avg(o_totalprice), count(*) from orders where o_orderstatus <> 'P' group by 1 order by 1"
text = conn.execute(mean).fetchall()
assert text == conn.execute(mean, binary=True).fetchall()
assert [type(value) for value in text[0]] == [str, Decimal, int], text
assert charges() == before + 1

# Refusals by their SQLSTATE.
with raises(errors.InsufficientPrivilege, "Rows of people"):
    conn.execute("select * from orders")
with raises(errors.FeatureNotSupported, "max"):
    conn.execute("select max(o_clerk) from orders")
with raises(errors.InvalidParameterValue):
    conn.execute("set noisegate.epsilon = 'lots'")
with raises(errors.UndefinedColumn):
    conn.execute("select count(nope) from orders")
with raises(errors.ConfigurationLimitExceeded, "together cost more"):
    conn.execute("set noisegate.epsilon = 2; select count(*), sum(o_totalprice) from orders "
                 "union all select count(*), 0 from lineitem where l_tax > 0.011")
conn.execute("reset noisegate.epsilon")
either = one("select count(*) from orders where o_orderstatus = any(%s)", ["F", "O"])
assert first < either < count + 1000, either
notices.clear()
assert conn.execute("select * from orders limit 5").fetchall() == []
assert [state for state, _ in notices] == ["01000"], notices

# Pipelines.
with conn.pipeline():
    cursors = [conn.execute(text) for text in ("select 1", "select count(*) from orders", "select 3")]
    assert [cursor.fetchone()[0] for cursor in cursors] == [1, count, 3]
with raises(errors.InsufficientPrivilege):
    with conn.pipeline() as pipeline:
        good = conn.execute("select 1")
        pipeline.sync()
        conn.execute("select * from orders")
        skipped = conn.execute("select count(*) from lineitem where l_tax > 0.012")
before = charges()
assert one("select count(*) from orders") == count
assert charges() == before

# Transactions and cursors of the server.
with conn.transaction():
    with conn.cursor(name="public") as cursor:
        cursor.execute("select n_nationkey from nation order by 1")
        assert cursor.fetchmany(2) == [(0,), (1,)]
    assert one("select count(*) from orders") == count
    with raises(errors.InsufficientPrivilege):
        with conn.transaction():
            conn.execute("select * from orders")
    assert one("select count(*) from orders") == count
with raises(errors.FeatureNotSupported, "DECLARE"):
    with conn.transaction():
        with conn.cursor(name="private") as cursor:
            cursor.execute("select count(*) from orders")
with raises(errors.InFailedSqlTransaction):
    with conn.transaction():
        with raises(errors.InsufficientPrivilege):
            conn.execute("select * from orders")
        conn.execute("select count(*) from orders")

# COPY out of a public query; a private one is refused.
with conn.cursor().copy("copy (select r_name from region order by 1 limit 1) to stdout") as copy:
    assert b"".join(bytes(part) for part in copy).strip() == b"AFRICA"
with raises(errors.FeatureNotSupported, "COPY"):
    with conn.cursor().copy("copy (select count(*) from orders) to stdout") as copy:
        list(copy)
assert one("select count(*) from orders") == count
conn.close()
print("done")
