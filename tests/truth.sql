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
-- Variances and deviations: PostgreSQL's numeric digit by digit, but for squares so large that even this
-- policy has noise on them.
-- approximately 1e-9
select var_pop(o_totalprice), var_samp(o_totalprice), variance(o_totalprice) from orders;
-- approximately 1e-9
select stddev_pop(o_totalprice), stddev_samp(o_totalprice), stddev(o_totalprice) from orders;
select var_pop(l_linenumber), var_samp(l_linenumber), stddev_pop(l_linenumber), stddev(l_linenumber) from lineitem;
select variance(c_nationkey), stddev(c_nationkey), avg(c_nationkey), sum(c_nationkey), count(c_nationkey) from customer;
select count(*), avg(l_quantity), stddev(l_quantity), variance(l_quantity) from lineitem;
-- approximately 1e-9
select l_returnflag, stddev(l_extendedprice), variance(l_discount), stddev_pop(l_tax), sum(l_tax) from lineitem group by 1 order by 1;
-- approximately 1e-9
select o_clerk, var_samp(o_totalprice), stddev_samp(o_totalprice), var_pop(o_totalprice), stddev_pop(o_totalprice) from orders group by o_clerk order by 1;
select n_name, count(*) filter (where c_acctbal > 9700), variance(c_acctbal) filter (where c_acctbal > 9700), stddev(c_acctbal) filter (where c_acctbal > 9700), var_pop(c_acctbal) filter (where c_acctbal > 9700), stddev_pop(c_acctbal) filter (where c_acctbal > 9700) from customer join nation on c_nationkey = n_nationkey group by 1 order by 1;
select variance(c_acctbal) filter (where c_acctbal < 0), stddev(c_acctbal) filter (where c_mktsegment = 'BUILDING') from customer;
select var_pop(o_shippriority), stddev(o_shippriority), variance(0) from orders;
-- approximately 1e-9
select var_pop(l_extendedprice * (1 - l_discount)), stddev(l_extendedprice * (1 - l_discount)) from lineitem;
select stddev(c_acctbal + 1), variance(-c_acctbal), stddev(c_acctbal * 0.001), stddev(c_acctbal * 1000000) from customer;
-- approximately 1e-9
select stddev(o_totalprice), var_pop(o_totalprice), count(o_totalprice) from customer left join orders on c_custkey = o_custkey;
-- approximately 1e-9
select c_mktsegment, stddev(o_totalprice), variance(o_shippriority) from customer left join orders on c_custkey = o_custkey and o_totalprice > 400000 group by 1 order by 1;
-- approximately 1e-9
select variance(case when o_orderstatus = 'F' then o_totalprice end), stddev(case when o_orderstatus = 'F' then 1 else 0 end) from orders;
select l_shipmode, round(stddev(l_quantity), 3) as s from lineitem group by 1 having stddev(l_quantity) > 1 order by variance(l_quantity) desc;
-- approximately 1e-9
select extract(year from l_shipdate) as y, avg(l_extendedprice), stddev_pop(l_extendedprice), stddev_pop(l_extendedprice) / avg(l_extendedprice) as cv from lineitem group by 1 order by 1;
-- approximately 1e-9
select stddev(l_suppkey), variance(l_partkey), stddev(l_partkey::bigint) from lineitem;
-- approximately 1e-9
select avg(o_totalprice) + 2 * stddev(o_totalprice) as high, avg(o_totalprice) - 2 * stddev(o_totalprice) as low from orders;
-- approximately 1e-10
select stddev(o_totalprice::double precision), var_pop(l_extendedprice::float8) from lineitem join orders on l_orderkey = o_orderkey;
-- approximately 1e-5
select variance(c_acctbal / 3), stddev(l_quantity / 7) from lineitem join orders on l_orderkey = o_orderkey join customer on o_custkey = c_custkey;
-- Two variables.
-- approximately 1e-9
select corr(l_quantity, l_extendedprice), corr(l_extendedprice, l_quantity), corr(l_tax, l_discount) from lineitem;
-- approximately 1e-9
select covar_pop(l_quantity, l_extendedprice), covar_samp(l_quantity, l_extendedprice), covar_pop(l_linenumber, l_linenumber) from lineitem;
-- approximately 1e-9
select regr_count(l_quantity, l_tax), regr_avgx(l_quantity, l_tax), regr_avgy(l_quantity, l_tax), regr_sxx(l_quantity, l_tax), regr_syy(l_quantity, l_tax), regr_sxy(l_quantity, l_tax) from lineitem;
-- approximately 1e-8
select regr_slope(l_extendedprice, l_quantity), regr_intercept(l_extendedprice, l_quantity), regr_r2(l_extendedprice, l_quantity) from lineitem;
-- approximately 1e-8
select l_returnflag, corr(l_extendedprice, l_quantity), regr_slope(l_extendedprice, l_quantity), regr_r2(l_extendedprice, l_quantity) from lineitem group by 1 order by 1;
-- approximately 1e-8
select c_mktsegment, regr_count(o_totalprice, c_acctbal), corr(o_totalprice, c_acctbal), regr_avgx(o_totalprice, c_acctbal), regr_intercept(o_totalprice, c_acctbal) from customer left join orders on c_custkey = o_custkey group by 1 order by 1;
-- approximately 1e-8
select n_name, count(*) filter (where c_acctbal > 9600), corr(c_acctbal, c_nationkey) filter (where c_acctbal > 9600), covar_samp(c_acctbal, c_nationkey) filter (where c_acctbal > 9600), covar_pop(c_acctbal, c_acctbal) filter (where c_acctbal > 9600), regr_slope(c_acctbal, c_nationkey) filter (where c_acctbal > 9600), regr_r2(c_nationkey, c_acctbal) filter (where c_acctbal > 9600), regr_sxx(c_acctbal, c_acctbal) filter (where c_acctbal > 9600), regr_slope(c_nationkey, c_acctbal) filter (where c_acctbal > 9600), regr_intercept(c_nationkey, c_acctbal) filter (where c_acctbal > 9600) from customer join nation on c_nationkey = n_nationkey group by 1 order by 1;
-- approximately 1e-9
select corr(l_quantity, l_tax) filter (where l_discount > 0.05), sum(l_quantity), avg(l_tax), stddev(l_quantity) from lineitem;
select regr_count(o_totalprice, o_shippriority), count(*), regr_count(c_acctbal, o_totalprice) from customer left join orders on c_custkey = o_custkey;
-- Totals: of the same release as their parts.
-- approximately 1e-9
select o_orderstatus, o_orderpriority, count(*), sum(o_totalprice), avg(o_totalprice), stddev(o_totalprice) from orders group by rollup (1, 2) order by 1, 2;
select o_orderstatus, o_orderpriority, count(*) from orders group by cube (o_orderstatus, o_orderpriority) order by 1, 2;
select o_orderstatus, o_orderpriority, grouping(o_orderstatus), grouping(o_orderstatus, o_orderpriority) as g, sum(o_totalprice) from orders group by grouping sets ((o_orderstatus), (o_orderpriority), ()) order by g, 1, 2;
select l_returnflag, l_linestatus, sum(l_quantity), avg(l_discount), count(*) filter (where l_tax > 0.04) from lineitem group by l_returnflag, rollup (l_linestatus) order by 1, 2;
select extract(year from o_orderdate) as y, extract(quarter from o_orderdate) as q, count(*), sum(o_totalprice) from orders group by rollup (1, 2) order by 1, 2;
select o_orderstatus, count(*) from orders group by rollup (o_orderstatus) having count(*) > 500 order by count(*) desc;
select case when grouping(o_orderstatus) = 1 then 'all' else o_orderstatus end as status, count(*), round(100.0 * count(*) / sum(count(*)) over (partition by grouping(o_orderstatus)), 2) as share from orders group by rollup (o_orderstatus) order by 1;
select count(*), sum(l_linenumber), avg(l_linenumber) from lineitem group by ();
select count(*) from orders group by grouping sets ((), (), (o_orderstatus)) order by 1;
select c_mktsegment, c_nationkey, count(distinct c_custkey), sum(c_acctbal) from customer group by cube (1, 2) order by 1, 2;
select r_name, n_name, count(*), count(distinct c_custkey) from customer join nation on c_nationkey = n_nationkey join region on n_regionkey = r_regionkey group by rollup (r_name, n_name) order by 1, 2;
select o_orderstatus, o_orderpriority, o_shippriority, count(*) from orders group by grouping sets (rollup (o_orderstatus, o_orderpriority), cube (o_shippriority), (o_orderstatus, o_shippriority)) order by 1, 2, 3, 4;
select o_orderstatus, o_orderpriority, count(*) from orders group by rollup ((o_orderstatus, o_orderpriority)) order by 1, 2;
select o_orderstatus, l_returnflag, count(*) from lineitem join orders on l_orderkey = o_orderkey group by cube (o_orderstatus), rollup (l_returnflag) order by 1, 2;
select o_orderstatus, count(*) from orders where o_totalprice < 0 group by rollup (o_orderstatus);
select c_acctbal > 0 as positive, c_mktsegment, count(*), variance(c_acctbal) from customer group by grouping sets ((1, 2), (1), ()) order by 1, 2;
select s, n, sum(n) over (order by s nulls first) from (select o_orderstatus as s, count(*) as n from orders group by rollup (1)) t order by s;
select distinct grouping(o_orderstatus, o_orderpriority) as g from orders group by cube (o_orderstatus, o_orderpriority) order by 1;
-- approximately 1e-8
select l_returnflag, corr(l_extendedprice, l_quantity), regr_slope(l_extendedprice, l_quantity), covar_samp(l_tax, l_discount) from lineitem group by rollup (1) order by 1;
-- What dashboards ask.
select "orders"."o_orderstatus" as "o_orderstatus" from "public"."orders" "orders" group by 1 order by "o_orderstatus" asc nulls first;
select distinct o_orderpriority from orders where not (o_orderpriority is null) order by 1 limit 1000;
select "t"."o_orderstatus" as "c", sum(1) as "n", count(1) from (select * from orders) "t" group by 1 having (count(1) > 0) order by 1;
select sum(1) as "cnt" from "public"."orders" "orders" having (count(1) > 0);
select "_"."s", "_"."a0" from (select "rows"."o_orderstatus" as "s", sum(cast("rows"."o_totalprice" as decimal)) as "a0" from "public"."orders" "rows" group by "o_orderstatus") "_" where not "_"."a0" is null limit 1000001;
select "_"."p", "_"."a0" from (select "rows"."o_orderpriority" as "p", sum(cast("rows"."o_totalprice" as decimal)) as "a0" from (select "_"."o_orderkey", "_"."o_orderpriority", "_"."o_totalprice", "_"."o_orderdate" from "public"."orders" "_" where "_"."o_orderdate" < timestamp '1996-10-08 00:00:00' and "_"."o_orderdate" >= timestamp '1995-07-08 00:00:00') "rows" group by "o_orderpriority") "_" where not "_"."a0" is null order by "_"."a0" desc, "_"."p" limit 1001;
select "source"."s" as "s", "source"."count" as "count" from (select "public"."orders"."o_orderstatus" as "s", count(distinct "public"."orders"."o_custkey") as "count", cast(sum(case when "public"."orders"."o_totalprice" > 100000 then 1 else 0.0 end) as double precision) / count(*) as "share" from "public"."orders" group by "public"."orders"."o_orderstatus" order by "public"."orders"."o_orderstatus" asc) as "source" where "source"."count" > 10 order by 1 limit 1048575;
select cast(trunc(extract(year from "orders"."o_orderdate")) as integer) as "yr", sum("orders"."o_totalprice") as "sum" from "public"."orders" "orders" group by 1 order by 1;
select (floor((("public"."orders"."o_totalprice" - 0.0) / 20000.0)) * 20000.0 + 0.0)::int as "price", count(*) as "count" from "public"."orders" where o_totalprice < 400000 group by 1 order by 1 asc;
select "Customers"."c_mktsegment" as "Customers__c_mktsegment", count(*) as "count" from "public"."orders" left join "public"."customer" as "Customers" on "public"."orders"."o_custkey" = "Customers"."c_custkey" group by "Customers"."c_mktsegment" order by "count" desc, "Customers"."c_mktsegment" asc limit 10;
select * from (select o_orderstatus, count(*) from orders group by 1) as hex_limited order by 1 limit 10001;
with root as (select date_trunc('month', o_orderdate) m, count(*) n from orders group by 1) select count(*) as rows from root;
select count(*) from (select o_orderstatus, o_orderpriority, sum(o_totalprice) from orders group by 1, 2 having sum(o_totalprice) > 1000) t;
select * from (select * from (select o_orderpriority as p, count(*) as n from orders group by 1) a where n > 10) b order by p limit 3;
select 'constant' as k, count(*), sum(o_totalprice) from orders group by 1;
select (case when ("orders"."o_totalprice" = 0) then false else true end) as f, sum(1) as "n" from orders group by 1 having sum(1) > 0.5;
select n_name from customer join nation on c_nationkey = n_nationkey group by 1 order by 1 limit 10;
select distinct c_acctbal > 0 as positive from customer order by 1;
select count(*) from (select distinct n_name from customer join nation on c_nationkey = n_nationkey) t;
select r_name from customer join nation on c_nationkey = n_nationkey join region on r_regionkey = n_regionkey where r_name <> 'ASIA' group by 1 order by 1;
