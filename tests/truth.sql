-- Counts.
select count(*) from customer;
select count(*) from orders;
select count(*) from lineitem;
select count(1) from orders where o_totalprice > 100000;
select count(o_clerk) from orders;
select count(distinct c_custkey) from customer;
select count(distinct o_custkey) from orders;
select count(distinct c_custkey) from customer join orders on c_custkey = o_custkey;
select count(*) filter (where o_orderstatus = 'F'), count(*) from orders;
select count(*) as n, 'x' as label, 1 + 1 as two from orders;
select count(*) from orders where o_orderdate >= date '1995-01-01' and o_orderdate < date '1995-01-01' + interval '3 months';
select count(*) from orders where o_orderdate between '1994-01-01' and '1994-12-31';
select count(*) from orders where o_orderpriority in ('1-URGENT', '2-HIGH');
select count(*) from orders where o_orderpriority not in ('1-URGENT', '2-HIGH') and o_orderstatus <> 'P';
select count(*) from orders where o_clerk like 'Clerk#00000000%';
select count(*) from orders where o_clerk not like '%1' or o_clerk ilike 'clerk%5';
select count(*) from orders where not (o_totalprice < 50000 or o_totalprice is null);
select count(*) from lineitem where l_shipdate > l_commitdate and l_receiptdate - l_shipdate > 10;
select count(*) from orders where extract(year from o_orderdate) = 1996;
select count(*) from customer where c_nationkey % 5 = 2 and c_acctbal / 2 > 1000;
-- Sums and averages.
select sum(o_totalprice) from orders;
select sum(l_quantity), sum(l_extendedprice), avg(l_quantity), avg(l_extendedprice), avg(l_discount) from lineitem;
select sum(l_extendedprice * (1 - l_discount)) from lineitem;
select sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as charge from lineitem;
select sum(l_extendedprice * l_discount) as revenue from lineitem where l_shipdate >= date '1994-01-01' and l_shipdate < date '1995-01-01' and l_discount between 0.05 and 0.07 and l_quantity < 24;
select sum(c_acctbal), avg(c_acctbal) from customer;
select avg(c_acctbal) from customer where c_acctbal < 0;
select avg(o_totalprice), sum(o_totalprice) / count(*) as same from orders;
select sum(o_totalprice) filter (where o_orderstatus = 'O') as open, sum(o_totalprice) as total from orders;
select sum(case when o_orderpriority = '1-URGENT' then 1 else 0 end) from orders;
select 100.00 * sum(case when l_returnflag = 'R' then l_extendedprice * (1 - l_discount) else 0 end) / sum(l_extendedprice * (1 - l_discount)) as share from lineitem;
select sum(least(greatest(l_linenumber, 0), 10)), avg(l_linenumber) from lineitem;
select round(avg(l_quantity), 2), floor(sum(l_quantity) / 7)::int from lineitem;
select sum(l_linenumber::numeric * 2.5) from lineitem;
select sum(-l_quantity), sum(abs(c_acctbal)) from lineitem join orders on l_orderkey = o_orderkey join customer on o_custkey = c_custkey;
-- Groups.
select c_mktsegment, count(*) from customer group by c_mktsegment order by 1;
select o_orderstatus, count(*), sum(o_totalprice), avg(o_totalprice) from orders group by 1 order by 2 desc;
select o_orderpriority, count(*) as order_count from orders where o_orderdate >= date '1993-07-01' and o_orderdate < date '1993-07-01' + interval '3' month group by o_orderpriority order by o_orderpriority;
select date_trunc('month', o_orderdate) as month, count(*) from orders group by 1 order by 1;
select extract(year from o_orderdate) as year, sum(o_totalprice) from orders group by year order by year;
select date_trunc('year', o_orderdate)::date as year, count(*) from orders group by 1 having count(*) > 2200 order by 1;
select l_returnflag, l_linestatus, sum(l_quantity) as sum_qty, sum(l_extendedprice) as sum_base_price, sum(l_extendedprice * (1 - l_discount)) as sum_disc_price, sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as sum_charge, avg(l_quantity) as avg_qty, avg(l_extendedprice) as avg_price, avg(l_discount) as avg_disc, count(*) as count_order from lineitem where l_shipdate <= date '1998-12-01' - interval '90' day group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus;
select l_shipmode, count(*) filter (where l_tax > 0.04) as taxed, count(distinct o_custkey) from lineitem join orders on l_orderkey = o_orderkey group by l_shipmode order by l_shipmode;
select case when c_acctbal < 0 then 'debt' when c_acctbal < 5000 then 'some' else 'rich' end as class, count(*) from customer group by 1 order by 1;
select c_acctbal > 0 as positive, count(*), avg(c_acctbal) from customer group by 1 order by 1;
select floor(l_quantity / 10) * 10 as bucket, count(*) from lineitem group by 1 order by 1;
select lower(c_mktsegment) as segment, count(*) from customer group by lower(c_mktsegment) order by 1;
select substring(o_orderpriority from 1 for 1) as p, count(*) from orders group by 1 order by 1;
select o_orderstatus || '-' || o_orderpriority as both_, count(*) from orders where o_orderstatus <> 'P' group by 1 order by 1;
select l_linenumber, count(*) from lineitem group by l_linenumber order by l_linenumber;
select l_linenumber + 1 as next, count(*) from lineitem group by l_linenumber + 1 order by 1 desc limit 3;
select distinct o_orderstatus from orders;
select o_orderpriority from orders group by o_orderpriority order by 1;
select coalesce(nullif(o_orderstatus, 'P'), 'F') as s, count(*) from orders group by 1 order by 1;
-- Joins.
select n_name, count(*) from customer join nation on c_nationkey = n_nationkey group by n_name order by n_name;
select n_name, sum(l_extendedprice * (1 - l_discount)) as revenue from customer, orders, lineitem, supplier, nation, region where c_custkey = o_custkey and l_orderkey = o_orderkey and l_suppkey = s_suppkey and c_nationkey = s_nationkey and s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = 'ASIA' and o_orderdate >= date '1994-01-01' and o_orderdate < date '1994-01-01' + interval '1' year group by n_name order by revenue desc;
select l_shipmode, sum(case when o_orderpriority = '1-URGENT' or o_orderpriority = '2-HIGH' then 1 else 0 end) as high, sum(case when o_orderpriority <> '1-URGENT' and o_orderpriority <> '2-HIGH' then 1 else 0 end) as low from orders, lineitem where o_orderkey = l_orderkey and l_shipmode in ('MAIL', 'SHIP') and l_commitdate < l_receiptdate and l_shipdate < l_commitdate and l_receiptdate >= date '1994-01-01' and l_receiptdate < date '1994-01-01' + interval '1' year group by l_shipmode order by l_shipmode;
select 100.00 * sum(case when p_type like 'PROMO%' then l_extendedprice * (1 - l_discount) else 0 end) / sum(l_extendedprice * (1 - l_discount)) as promo from lineitem, part where l_partkey = p_partkey and l_shipdate >= date '1995-09-01' and l_shipdate < date '1995-09-01' + interval '1' month;
select count(*), count(o_orderkey), sum(o_totalprice) from customer left join orders on c_custkey = o_custkey;
select count(*) from customer left join orders on c_custkey = o_custkey and o_totalprice > 200000 where o_orderkey is null;
select count(distinct c_custkey) from customer c left join (select o_custkey from orders where o_orderstatus = 'P') p on p.o_custkey = c.c_custkey where p.o_custkey is null;
select r_name, count(*) from orders right join customer on o_custkey = c_custkey join nation on n_nationkey = c_nationkey join region on r_regionkey = n_regionkey group by 1 order by 1;
select count(*) from orders a join orders b on a.o_custkey = b.o_custkey where a.o_orderdate = b.o_orderdate;
select count(*) from lineitem l join customer c on true join orders o on o.o_orderkey = l.l_orderkey and o.o_custkey = c.c_custkey where c.c_mktsegment = 'BUILDING';
-- Subqueries and common table expressions.
select count(*) from (select o_custkey, o_totalprice * 2 as double from orders where o_orderstatus = 'F') t where double > 200000;
with big as (select * from orders where o_totalprice > 150000) select o_orderstatus, count(*) from big group by 1 order by 1;
with recent as (select o_orderkey, o_orderdate from orders where o_orderdate >= '1997-01-01'), lines as (select l_orderkey, l_extendedprice as price from lineitem) select extract(month from o_orderdate) as m, sum(price) from recent join lines on l_orderkey = o_orderkey group by 1 order by 1;
select x.s, x.n from (select o_orderstatus as s, count(*) as n from orders group by 1) x where x.n > 1000 order by 1;
-- Above the leaves.
select o_orderstatus, count(*) as n, round(100.0 * count(*) / sum(count(*)) over (), 2) as share from orders group by 1 order by 1;
select n_name, c, rank() over (order by c desc, n_name) from (select n_name, count(*) as c from customer join nation on n_nationkey = c_nationkey group by 1) t order by 3 limit 5;
select (select count(*) from orders) as orders, (select count(*) from customer) as customers;
select (select count(*) from orders)::numeric / (select count(*) from customer) as per_customer;
select a.y, a.n, b.n, a.n - b.n from (select extract(year from o_orderdate) y, count(*) n from orders group by 1) a join (select extract(year from o_orderdate) y, count(*) n from orders where o_orderstatus = 'F' group by 1) b on a.y = b.y order by 1;
select 'orders' as what, count(*) from orders union all select 'customers', count(*) from customer order by 1;
select o_orderstatus, sum(o_totalprice) from orders group by 1 union all select 'all', sum(o_totalprice) from orders order by 2;
with monthly as (select date_trunc('month', o_orderdate) as m, sum(o_totalprice) as s from orders group by 1) select m, s, s - lag(s) over (order by m) as change, avg(s) over (order by m rows between 2 preceding and current row) from monthly order by m;
with t as (select o_orderpriority as p, count(*) as n from orders group by 1) select a.p, b.p, a.n + b.n from t a cross join t b where a.p < b.p order by 1, 2;
select r.r_name, t.n from region r left join (select n_regionkey, count(*) as n from customer join nation on c_nationkey = n_nationkey group by 1) t on t.n_regionkey = r.r_regionkey order by 1;
select max(n), min(n), avg(n) from (select c_nationkey, count(*) as n from customer group by 1) t;
select count(*) from (select c_mktsegment from customer group by 1) t;
select to_char(sum(o_totalprice), 'FM999G999G999G990D00') as formatted, sum(o_totalprice)::float8 > 1 as big from orders;
select array_agg(n order by n) from (select o_orderstatus, count(*) as n from orders group by 1) t;
select o_orderstatus, count(*) from orders group by 1 order by count(*) desc, 1 limit 1 offset 1;
select count(*), n_regionkey from nation group by 2 order by 2;
values (1, (select count(*) from orders)), (2, (select count(*) from customer));
-- Spellings that the canonical form writes in its own way.
select trim(o_orderpriority) as t, left(o_orderpriority, 1), right(o_orderstatus, 1), count(*) from orders group by 1, 2, 3 order by 1, 2, 3;
select trim(leading from c_mktsegment) as l, substring(c_mktsegment, 1, 2) as s, count(*) from customer group by 1, 2 order by 1, 2;
select count(*) from orders where trim(trailing from o_clerk) = 'Clerk#000000001' or o_orderdate is null;
select sum(c_nationkey % 7), sum(mod(c_nationkey, 3)) from customer;
-- WITH inside a subquery.
select count(*) from (with big as (select o_custkey, o_totalprice from orders where o_totalprice > 100000) select * from big where o_totalprice < 200000) t;
with f as (select * from orders where o_orderstatus = 'F') select c_mktsegment, n from (with g as (select o_custkey, o_orderkey from f) select c_mktsegment, count(*) as n from customer join g on o_custkey = c_custkey group by 1) t order by 1;
-- Equal leaves, and what counts nothing.
select (select count(*) from orders where o_shippriority < 5) - (select count(*) from orders where o_shippriority < 5) as none, count(null) from customer;

-- Bounds that nobody declared: those of a type, and what people add is estimated.
SELECT sum(p_size), avg(p_retailprice) FROM lineitem JOIN part ON l_partkey = p_partkey;
SELECT o_orderpriority, sum(p_size * 2) FROM orders JOIN lineitem ON l_orderkey = o_orderkey JOIN part ON l_partkey = p_partkey GROUP BY 1;
SELECT c_mktsegment, sum(s_acctbal) FROM customer JOIN supplier ON c_nationkey = s_suppkey GROUP BY 1;
