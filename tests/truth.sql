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
-- Distinct values.
select count(distinct c_nationkey) from customer;
select count(distinct c_mktsegment), count(distinct c_acctbal > 0), count(*) from customer;
select count(distinct o_clerk), count(distinct o_custkey), count(distinct o_orderkey) from orders;
select count(distinct o_totalprice) filter (where o_orderstatus = 'F') from orders;
select o_orderstatus, count(distinct o_clerk), count(distinct o_orderdate) as days, sum(o_totalprice) from orders group by 1 order by 1;
select l_shipmode, count(distinct l_quantity), count(distinct l_quantity / 7) filter (where l_tax > 0.04) from lineitem group by 1 order by 1;
select count(distinct nullif(c_nationkey, 3)), count(distinct lower(c_mktsegment)), count(distinct 1), count(distinct null::int) from customer;
select n_name, count(distinct c_mktsegment) from customer join nation on n_nationkey = c_nationkey group by 1 order by 1;
select extract(year from o_orderdate) as y, count(distinct l_partkey) as parts, count(distinct l_suppkey) from lineitem join orders on l_orderkey = o_orderkey where l_discount > 0.05 group by 1 order by 1;
select nullif(o_orderstatus, 'P') as s, count(distinct o_orderpriority) from orders group by 1 order by 1;
select count(distinct l_shipdate), count(distinct l_shipdate::timestamp), count(distinct l_shipinstruct || l_shipmode) from lineitem;
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
-- EXISTS and IN along the person.
select o_orderpriority, count(*) as order_count from orders where o_orderdate >= date '1993-07-01' and o_orderdate < date '1993-07-01' + interval '3' month and exists (select * from lineitem where l_orderkey = o_orderkey and l_commitdate < l_receiptdate) group by o_orderpriority order by o_orderpriority;
select count(*) from customer where exists (select 1 from orders where o_custkey = c_custkey and o_totalprice > 300000 limit 1);
select c_mktsegment, count(*) from customer where not exists (select 1 from orders where o_custkey = c_custkey) group by 1 order by 1;
select count(*) from customer where c_custkey in (select o_custkey from orders where o_orderstatus = 'P');
select count(*) from customer where c_custkey not in (select o_custkey from orders where o_custkey is not null);
select count(*) from orders where o_custkey = any (select c_custkey from customer where c_acctbal < 0);
select count(*) from orders where o_orderkey in (select l_orderkey from lineitem where l_quantity > 49);
select count(*) from orders o where exists (select 1 from orders p where p.o_custkey = o.o_custkey and p.o_orderdate < o.o_orderdate);
select count(*) from customer where exists (select 1 from orders where o_custkey = c_custkey and exists (select 1 from lineitem where l_orderkey = o_orderkey and l_returnflag = 'R'));
select count(*), sum(case when exists (select 1 from lineitem where l_orderkey = o_orderkey and l_quantity > 45) then o_totalprice else 0 end) from orders;
select exists (select 1 from orders where o_custkey = c_custkey) as orders, count(*) from customer group by 1 order by 1;
select count(*) from customer where exists (select 1 from orders where o_custkey = c_custkey) or c_acctbal < 0;
select count(*) from lineitem where l_partkey in (select p_partkey from part where p_size < 10);
select count(*) from lineitem where l_partkey not in (select p_partkey from part where p_size < 10);
select count(*) filter (where exists (select 1 from nation where n_nationkey = c_nationkey and n_name like 'A%')) from customer;
select count(*) from customer where c_nationkey in (select n_nationkey from nation where n_regionkey in (select r_regionkey from region where r_name = 'EUROPE'));
select avg(case when c_custkey in (select o_custkey from orders where o_totalprice > 300000) then 5 else 6 end), count(*) filter (where c_custkey in (select o_custkey from orders)) from customer;
-- Computed for each person first.
select c_count, count(*) as custdist from (select c_custkey, count(o_orderkey) from customer left outer join orders on c_custkey = o_custkey and o_comment not like '%special%requests%' group by c_custkey) as c_orders (c_custkey, c_count) group by c_count having count(*) > 1 order by custdist desc, c_count desc;
select n, count(*) from (select o_custkey, count(*) as n from orders group by o_custkey) t group by n having count(*) > 1 order by n;
select avg(n), sum(n), count(*) from (select o_custkey, count(*) as n from orders group by o_custkey) t;
select count(*) from (select o_custkey from orders group by o_custkey having count(*) > 20) t;
select count(*) from (select o_custkey, sum(o_totalprice) as s from orders group by 1) t where s > 1000000;
select c_mktsegment, avg(n) from customer join (select o_custkey, count(*) as n from orders group by 1) t on o_custkey = c_custkey group by 1 order by 1;
select coalesce(n, 0) > 0 as buys, count(*) from customer left join (select o_custkey, count(*) as n from orders group by 1) t on o_custkey = c_custkey group by 1 order by 1;
select count(*) from (select o_custkey, o_orderstatus, max(o_totalprice) as m, min(o_orderdate) as d from orders group by 1, 2) t where m > 200000 and d < '1994-01-01';
select count(*) from (select distinct o_custkey, o_orderpriority from orders) t;
select n, count(*) from (select o_custkey, count(distinct o_orderpriority) as n from orders group by 1) t group by 1 order by 1;
select big, count(*) from (select o_custkey, bool_or(o_totalprice > 300000) as big from orders group by 1) t group by 1 order by 1;
select lines, count(*) from (select l_orderkey, count(*) as lines from lineitem group by l_orderkey) t group by lines order by lines;
select orders, count(*) from (select o_custkey, count(*) as orders from (select o_custkey, o_orderkey, count(*) as lines from orders join lineitem on l_orderkey = o_orderkey group by 1, 2) t where lines > 3 group by o_custkey) u group by orders having count(*) > 1 order by orders;
with per as (select o_custkey, sum(o_totalprice) as total from orders group by o_custkey) select floor(total / 1000000) as millions, count(*) from per group by 1 having count(*) > 1 order by 1;
select count(*) from orders join (select o_custkey as k, max(o_orderdate) as last from orders group by 1) t on k = o_custkey and last = o_orderdate;
select count(*) from orders where o_orderkey in (select l_orderkey from lineitem group by l_orderkey having sum(l_quantity) > 200);
-- Windows within a person.
select count(*), sum(o_totalprice) from (select o_totalprice, row_number() over (partition by o_custkey order by o_orderdate, o_orderkey) as n from orders) t where n = 1;
select o_orderpriority, count(*) from (select distinct on (o_custkey) o_custkey, o_orderpriority from orders order by o_custkey, o_orderdate, o_orderkey) t group by 1 order by 1;
select count(*) from (select o_orderdate - lag(o_orderdate) over (partition by o_custkey order by o_orderdate, o_orderkey) as gap from orders) t where gap < 30;
select o_orderstatus, count(*) from (select o_orderstatus, rank() over (partition by o_custkey order by o_totalprice desc) as r from orders) t where r <= 3 group by 1 order by 1;
select count(*) from (select o_totalprice, avg(o_totalprice) over (partition by o_custkey) as mean from orders) t where o_totalprice > 1.5 * mean;
select count(*) from (select sum(o_totalprice) over (partition by o_custkey order by o_orderdate) as so_far from orders) t where so_far > 1000000;
select count(*) from (select o_custkey, o_orderdate, first_value(o_orderdate) over w as first, count(*) over w as n from orders window w as (partition by o_custkey order by o_orderdate, o_orderkey)) t where o_orderdate > first + 365 and n > 5;
select n, count(*) from (select row_number() over (partition by c_custkey order by o_orderdate, o_orderkey) as n from customer left join orders on o_custkey = c_custkey) t group by n having count(*) > 1 order by n;
select count(*) from (select o_orderdate, row_number() over (partition by o_custkey, o_orderstatus order by o_orderdate) as n, rank() over (partition by o_custkey order by o_totalprice) as r from orders) t where n = 2;
-- Several kinds of rows under one name.
select kind, count(*) from (select 'order' as kind, o_custkey as who from orders union all select 'customer', c_custkey from customer) t group by kind order by kind;
select count(*), sum(v) from (select o_totalprice as v from orders union all select c_acctbal from customer) t;
select count(distinct who) from (select o_custkey as who from orders where o_orderstatus = 'P' union all select c_custkey from customer where c_acctbal < 0) t;
-- The queries of TPC-H that are about people in aggregate.
select l_returnflag, l_linestatus, sum(l_quantity) as sum_qty, sum(l_extendedprice) as sum_base_price, sum(l_extendedprice * (1 - l_discount)) as sum_disc_price, sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as sum_charge, avg(l_quantity) as avg_qty, avg(l_extendedprice) as avg_price, avg(l_discount) as avg_disc, count(*) as count_order from lineitem where l_shipdate <= date '1998-12-01' - interval '90' day group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus;
select supp_nation, cust_nation, l_year, sum(volume) as revenue from (select n1.n_name as supp_nation, n2.n_name as cust_nation, extract(year from l_shipdate) as l_year, l_extendedprice * (1 - l_discount) as volume from supplier, lineitem, orders, customer, nation n1, nation n2 where s_suppkey = l_suppkey and o_orderkey = l_orderkey and c_custkey = o_custkey and s_nationkey = n1.n_nationkey and c_nationkey = n2.n_nationkey and ((n1.n_name = 'FRANCE' and n2.n_name = 'GERMANY') or (n1.n_name = 'GERMANY' and n2.n_name = 'FRANCE')) and l_shipdate between date '1995-01-01' and date '1996-12-31') as shipping group by supp_nation, cust_nation, l_year order by supp_nation, cust_nation, l_year;
select o_year, sum(case when nation = 'BRAZIL' then volume else 0 end) / sum(volume) as mkt_share from (select extract(year from o_orderdate) as o_year, l_extendedprice * (1 - l_discount) as volume, n2.n_name as nation from part, supplier, lineitem, orders, customer, nation n1, nation n2, region where p_partkey = l_partkey and s_suppkey = l_suppkey and l_orderkey = o_orderkey and o_custkey = c_custkey and c_nationkey = n1.n_nationkey and n1.n_regionkey = r_regionkey and r_name = 'AMERICA' and s_nationkey = n2.n_nationkey and o_orderdate between date '1995-01-01' and date '1996-12-31') as all_nations group by o_year order by o_year;
select nation, o_year, sum(amount) as sum_profit from (select n_name as nation, extract(year from o_orderdate) as o_year, l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity as amount from part, supplier, lineitem, partsupp, orders, nation where s_suppkey = l_suppkey and ps_suppkey = l_suppkey and ps_partkey = l_partkey and p_partkey = l_partkey and o_orderkey = l_orderkey and s_nationkey = n_nationkey and p_name like '%e%') as profit group by nation, o_year order by nation, o_year desc;
select l_shipmode, sum(case when o_orderpriority = '1-URGENT' or o_orderpriority = '2-HIGH' then 1 else 0 end) as high_line_count, sum(case when o_orderpriority <> '1-URGENT' and o_orderpriority <> '2-HIGH' then 1 else 0 end) as low_line_count from orders, lineitem where o_orderkey = l_orderkey and l_shipmode in ('MAIL', 'SHIP') and l_commitdate < l_receiptdate and l_shipdate < l_commitdate and l_receiptdate >= date '1994-01-01' and l_receiptdate < date '1994-01-01' + interval '1' year group by l_shipmode order by l_shipmode;
select sum(l_extendedprice * (1 - l_discount)) as revenue from lineitem, part where (p_partkey = l_partkey and p_brand = 'Brand#12' and p_container in ('SM CASE', 'SM BOX', 'SM PACK', 'SM PKG') and l_quantity >= 1 and l_quantity <= 1 + 10 and p_size between 1 and 5 and l_shipmode in ('AIR', 'AIR REG') and l_shipinstruct = 'DELIVER IN PERSON') or (p_partkey = l_partkey and p_brand = 'Brand#23' and p_container in ('MED BAG', 'MED BOX', 'MED PKG', 'MED PACK') and l_quantity >= 10 and l_quantity <= 10 + 10 and p_size between 1 and 10 and l_shipmode in ('AIR', 'AIR REG') and l_shipinstruct = 'DELIVER IN PERSON') or (p_partkey = l_partkey and p_brand = 'Brand#34' and p_container in ('LG CASE', 'LG BOX', 'LG PACK', 'LG PKG') and l_quantity >= 20 and l_quantity <= 20 + 10 and p_size between 1 and 15 and l_shipmode in ('AIR', 'AIR REG') and l_shipinstruct = 'DELIVER IN PERSON');
select s_name, count(*) as numwait from supplier, lineitem l1, orders, nation where s_suppkey = l1.l_suppkey and o_orderkey = l1.l_orderkey and o_orderstatus = 'F' and l1.l_receiptdate > l1.l_commitdate and exists (select * from lineitem l2 where l2.l_orderkey = l1.l_orderkey and l2.l_suppkey <> l1.l_suppkey) and not exists (select * from lineitem l3 where l3.l_orderkey = l1.l_orderkey and l3.l_suppkey <> l1.l_suppkey and l3.l_receiptdate > l3.l_commitdate) and s_nationkey = n_nationkey and n_name = 'SAUDI ARABIA' group by s_name order by numwait desc, s_name limit 100;
-- Leaves within leaves, and public values below a leaf.
select count(*) from orders where o_totalprice > (select avg(o_totalprice) from orders);
select o_orderstatus, count(*) from orders where o_totalprice > 2 * (select avg(o_totalprice) from orders where o_orderpriority = '1-URGENT') group by 1 order by 1;
select count(*) from orders where o_totalprice > (select avg(o_totalprice) from orders where o_totalprice > (select avg(o_totalprice) from orders));
select count(*) from customer where c_nationkey = (select max(n_nationkey) from nation);
select count(*) from customer join (select c_mktsegment as s, avg(c_acctbal) as a from customer group by 1) t on s = c_mktsegment where c_acctbal > a;
with means as (select c_mktsegment as s, avg(c_acctbal) as a from customer group by 1) select c_mktsegment, count(*) from customer join means on s = c_mktsegment and c_acctbal > a group by 1 order by 1;
select count(*) from orders where o_orderpriority in (select o_orderpriority from orders group by 1 having count(*) > 3000);
select count(*), (select count(*) from customer) from orders where o_totalprice > (select avg(o_totalprice) from orders);
select sum(case when o_totalprice > (select avg(o_totalprice) from orders) then 1 else 0 end) from orders;
select count(*) from customer join (select n_nationkey as k from nation order by n_name limit 5) t on k = c_nationkey;
select count(*) filter (where c_acctbal > (select avg(c_acctbal) from customer)) as above, count(*) from customer;
select avg(n) from (select o_custkey, count(*) as n from orders where o_totalprice > (select avg(o_totalprice) from orders) group by 1) t;
select cntrycode, count(*) as numcust, sum(c_acctbal) as totacctbal from (select c_nationkey as cntrycode, c_acctbal from customer where c_nationkey in (13, 2, 21, 3, 20, 18, 17) and c_acctbal > (select avg(c_acctbal) from customer where c_acctbal > 0.00 and c_nationkey in (13, 2, 21, 3, 20, 18, 17)) and not exists (select * from orders where o_custkey = c_custkey)) as custsale group by cntrycode having count(*) > 0 order by cntrycode;
with revenue0 as (select l_suppkey as supplier_no, sum(l_extendedprice * (1 - l_discount)) as total_revenue from lineitem where l_shipdate >= date '1996-01-01' and l_shipdate < date '1996-01-01' + interval '3' month group by l_suppkey) select s_suppkey, s_name, total_revenue from supplier, revenue0 where s_suppkey = supplier_no and total_revenue = (select max(total_revenue) from revenue0) order by s_suppkey;
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
-- A value of other rows of the same person.
select count(*) from orders o where o_totalprice > (select avg(i.o_totalprice) from orders i where i.o_custkey = o.o_custkey);
select count(*) from customer where (select count(*) from orders where o_custkey = c_custkey) > 15;
select c_mktsegment, count(*) from customer where (select count(*) from orders where o_custkey = c_custkey and o_orderstatus = 'P') = 0 group by 1 order by 1;
select sum((select sum(l_quantity) from lineitem where l_orderkey = o_orderkey)) from orders;
select count(*) from orders o where o_orderdate = (select max(o_orderdate) from orders i where i.o_custkey = o.o_custkey and i.o_orderpriority = o.o_orderpriority);
select n, count(*) from (select c_custkey, (select count(*) from orders where o_custkey = c_custkey) as n from customer) t group by n having count(*) > 1 order by n;
select count(*) from lineitem l, part where p_partkey = l_partkey and l_quantity < 0.9 * (select avg(m.l_quantity) from lineitem m where m.l_orderkey = l.l_orderkey);
-- Functions of the table, as keys, in conditions and in sums.
select count(*) from customer where sqrt(abs(c_acctbal)) > 70;
select count(*) from customer where |/ abs(c_acctbal)::float8 < 50 or ||/ c_acctbal::float8 < 0;
select count(*) from customer where c_acctbal > 0 and ln(c_acctbal) > 8.5 and log(c_acctbal) < 3.9 and log(2, c_acctbal) > 12;
select count(*) from customer where exp(c_nationkey) > 1000000 or power(c_nationkey, 2) = 49 or c_nationkey ^ 2 = 64;
select sign(c_acctbal) as s, count(*) from customer group by 1 order by 1;
select sum(sqrt(l_quantity)) > 1000 as large, sum(sign(l_quantity)), sum(power(l_linenumber, 2)), sum(l_linenumber ^ 3) from lineitem;
select trim_scale(sum(power(l_quantity, 2))), sum(@ l_quantity), sum(ceil(l_extendedprice)), sum(round(l_extendedprice)) from lineitem;
select width_bucket(least(greatest(c_acctbal, -1000), 9999.99), -1000, 11000, 12) as b, count(*) from customer group by 1 order by 1;
select width_bucket(o_totalprice, array[1000, 50000, 150000.5]) as b, count(*) from orders group by 1 order by 1;
select width_bucket(l_linenumber, array[2, 5]) as b, sum(width_bucket(l_extendedprice, 0, 100000, 7)), avg(width_bucket(l_linenumber, array[2, 5])) from lineitem group by 1 order by 1;
select width_bucket(o_orderdate, array['1993-01-01', '1995-06-01']::date[]) as b, count(*) from orders group by 1 order by 1;
select floor(o_totalprice / 50000)::int as f, count(*) from orders where o_totalprice < 450000 group by 1 order by 1;
select trunc(o_totalprice, -5) as t, count(*) from orders group by 1 order by 1;
select round(c_acctbal, -3) as r, count(*) from customer group by 1 order by 1;
select l_linenumber & 1 as odd, l_linenumber | 8 as high, l_linenumber # 3 as x, count(*) from lineitem group by 1, 2, 3 order by 1, 2, 3;
select l_linenumber << 2 as l, l_linenumber >> 1 as r, ~ l_linenumber as n, count(*) from lineitem group by 1, 2, 3 order by 1, 2, 3;
select gcd(l_linenumber, 6) as g, lcm(l_linenumber, 4) as l, div(l_quantity, 20) as d, count(*) from lineitem group by 1, 2, 3 order by 1, 2, 3;
select to_hex(l_linenumber) as h, to_char(l_linenumber, 'FM000') as c, count(*) from lineitem group by 1, 2 order by 1, 2;
select count(*) from customer where sin(c_nationkey) > 0 and cos(c_nationkey) < 0.5 and atan2(c_nationkey, 3) > 0.2 and degrees(asin(0.5)) > c_nationkey;
select count(*) from lineitem where factorial(l_linenumber) > 100 and trim_scale(l_tax) = 0.05;
select avg(extract(hour from o_orderdate::timestamp)), sum(extract(month from o_orderdate)), sum(extract(dow from o_orderdate)), sum(extract(doy from o_orderdate)) from orders;
select date_part('year', o_orderdate) as y, date_part('quarter', o_orderdate) as q, count(*) from orders group by 1, 2 order by 1, 2;
select extract(isoyear from o_orderdate) as y, extract(decade from o_orderdate) as d, count(*) from orders group by 1, 2 order by 1, 2;
select count(*) from orders where extract(epoch from o_orderdate) > 800000000 and extract(julian from o_orderdate) < 2450000;
select to_char(o_orderdate, 'YYYY-MM') as month, count(*) from orders group by 1 order by 1;
select to_char(o_orderdate, 'Dy') as d, to_char(o_orderdate, 'FMMonth') as m, count(*) from orders group by 1, 2 order by 1, 2;
select date_bin('7 days', o_orderdate::timestamp, '1992-01-01') as w, count(*) from orders where o_orderdate < '1992-06-01' group by 1 order by 1;
select date_trunc('quarter', o_orderdate::timestamp)::date as q, count(*) from orders group by 1 order by 1;
select date_trunc('month', o_orderdate, 'Asia/Tokyo') as m, count(*) from orders group by 1 order by 1;
select (o_orderdate::timestamp at time zone 'America/New_York')::date as d, count(*) from orders where o_orderdate < '1992-01-17' group by 1 order by 1;
select extract(year from age(timestamp '1999-01-01', o_orderdate)) as years, count(*) from orders group by 1 order by 1;
select count(*) from lineitem where extract(epoch from l_receiptdate::timestamp - l_shipdate::timestamp) > 86400 * 20 and isfinite(l_shipdate);
select count(*) from orders where make_date(1995, o_shippriority + 2, 3) < o_orderdate;
select length(o_orderpriority) as n, octet_length(trim(o_orderpriority)) as o, count(*) from orders group by 1, 2 order by 1, 2;
select split_part(o_orderpriority, '-', 2) as word, count(*) from orders group by 1 order by 1;
select split_part(trim(o_orderpriority), '-', 1)::int as number, count(*) from orders group by 1 order by 1;
select replace(trim(c_mktsegment), 'E', 'ee') as r, translate(c_mktsegment, 'ABC', 'xy') as t, count(*) from customer group by 1, 2 order by 1, 2;
select lpad(l_linenumber::text, 3, '0') as l, rpad(trim(l_shipmode), 6, '.') as r, count(*) from lineitem group by 1, 2 order by 1, 2;
select reverse(trim(l_shipmode)) as r, ascii(l_shipmode) as a, repeat(l_returnflag, 3) as x, count(*) from lineitem group by 1, 2, 3 order by 1, 2, 3;
select position('-' in o_orderpriority) as p, strpos(o_orderpriority, 'H') as h, count(*) from orders group by 1, 2 order by 1, 2;
select concat(l_returnflag::text, '/', l_linestatus::text, l_linenumber) as c, concat_ws('-', l_returnflag::text, l_linestatus::text) as w, count(*) from lineitem group by 1, 2 order by 1, 2;
select initcap(lower(trim(l_shipinstruct))) as i, overlay(trim(l_shipmode) placing '*' from 2 for 1) as o, count(*) from lineitem group by 1, 2 order by 1, 2;
select count(*) from orders where o_clerk ~ '^Clerk#0{5}[0-9]+' and o_orderpriority::text ~* '(urgent|high)';
select count(*) from orders where o_orderpriority !~ '^[1-3]' or o_orderpriority::text !~* 'low';
select count(*) from orders where starts_with(o_clerk::text, 'Clerk#00000000') or o_orderpriority::text ^@ '1-';
select starts_with(o_clerk::text, 'Clerk#000000001') as one, count(*), avg(o_totalprice) from orders group by 1 order by 1;
select trim(both 'C' from o_clerk) like 'lerk%' as t, ltrim(o_orderpriority, '12345-') as l, count(*) from orders group by 1, 2 order by 1, 2;
select count(*) from orders where right(trim(o_clerk), 3)::int % 2 = 0 and substring(o_clerk from 7 for 20)::numeric > 3;
select upper(n_name) as n, count(*) from customer join nation on n_nationkey = c_nationkey group by 1 order by 1;
select length(n_name) as n, count(*) from customer join nation on n_nationkey = c_nationkey group by 1 order by 1;
select sum(least(greatest(length(o_clerk), 0), 20)), sum(ceil(o_totalprice / 1000) * 2) from orders;
-- Partitions, unions and names where rows of several people could have come together.
select count(*) from (select c_custkey, count(*) over (partition by c_custkey) as n from customer left join orders on c_custkey = o_custkey) t where n >= 2;
select count(*) from (select o.o_custkey, count(*) over (partition by d.ok) as n from orders o join (select c_custkey as k, o_orderkey as ok from orders left join customer on c_custkey = o_custkey and c_acctbal > 0 group by 1, 2) d on d.ok = o.o_orderkey) t where n >= 1;
select kind, count(*) from (select o_orderstatus::text as kind, o_custkey from orders union all select 'X', c_custkey from customer) t group by kind order by 1;
with t (l_tax, l_discount) as (select l_discount, l_tax from lineitem) select avg(l_tax), avg(l_discount) from t;
select count(*) from customer left join orders o on o.o_custkey = c_custkey where o.o_orderpriority not in (select p.o_orderpriority from orders p where p.o_custkey = c_custkey and p.o_orderstatus = 'P');
select count(p), count(*) from (select lag(rn) over (partition by o_custkey order by rn) p from (select o_custkey, row_number() over (partition by o_custkey order by o_orderdate) rn from orders) s) t;
select count(*) from (select c_custkey, o_orderkey, count(*) n from orders left join customer on c_custkey = o_custkey and c_acctbal > 0 group by 1, 2) t;
select avg(case when exists (select 1 from lineitem where l_orderkey = o_orderkey and l_quantity > 40) then 1 else 0 end) from orders;
select count(*) from orders cross join (select 1 as x from nation having true) t;
select count(x) from (select o_custkey a, o_custkey b from orders) t(x, y);
select count(*) from (select row_number() over (partition by o_custkey order by o_orderdate, o_totalprice) n, rank() over (partition by o_custkey order by o_totalprice) r from orders) t where n = 1 and r > 3;
select sum(s) from (select o_custkey, sum(o_totalprice * (1 - 0.05) * 2) as s from orders group by 1) t;
select coalesce(case when o_orderstatus = 'F' then o_totalprice else 1.5 end, 0) > 2 as big, count(*) from orders group by 1 order by 1;

-- Bounds that nobody declared: those of a type, and what people add is estimated.
SELECT sum(p_size), avg(p_retailprice) FROM lineitem JOIN part ON l_partkey = p_partkey;
SELECT o_orderpriority, sum(p_size * 2) FROM orders JOIN lineitem ON l_orderkey = o_orderkey JOIN part ON l_partkey = p_partkey GROUP BY 1;
SELECT c_mktsegment, sum(s_acctbal) FROM customer JOIN supplier ON c_nationkey = s_suppkey GROUP BY 1;
-- Of people, for each row of a public table.
select n_name, (select count(*) from customer where c_nationkey = n_nationkey) as n from nation order by n_name;
select n_name, (select 2 * count(*) + 1 from customer where c_nationkey = n_nationkey and c_acctbal > 8000) as n, (select round(avg(c_acctbal), 2) from customer where c_nationkey = n_nationkey) as balance from nation order by n_name;
select r_name, (select sum(o_totalprice) from orders, customer, nation where o_custkey = c_custkey and c_nationkey = n_nationkey and n_regionkey = r_regionkey) as total from region order by 1;
select s_name from supplier where (select sum(l_quantity) from lineitem where l_suppkey = s_suppkey) > 15300 order by 1;
select p_brand, avg(p_retailprice) from part where 20 < (select count(*) from lineitem where lineitem.l_partkey = part.p_partkey and l_shipmode like 'R%AIL%') group by 1 order by 1;
select count(*), sum(l_quantity) from lineitem, part where l_partkey = p_partkey and p_size < 20 and l_quantity > (select avg(l_quantity) from lineitem where l_partkey = p_partkey);
select count(*) from customer, nation where c_nationkey = n_nationkey and c_acctbal > (select 1.2 * avg(c_acctbal) from customer where c_nationkey = n_nationkey);
-- What stands in a WITH query around, and rows that the source cannot make itself.
with a as (select avg(o_totalprice) as v from orders) select count(*) from orders where o_totalprice > (select v from a);
with a as (select avg(o_totalprice) as v from orders), b as (select v / 2 as w from a) select count(*) from orders where o_totalprice > (select v from a) - (select w from b);
with big as (select * from orders where o_totalprice > (select avg(o_totalprice) from orders)) select o_orderstatus, count(*) from big group by 1 order by 1;
with few as (select n_nationkey as key from nation order by n_name limit 5) select count(*) from customer, few where c_nationkey = key;
select count(*) from customer where c_nationkey <> all (select n_nationkey from nation where n_regionkey = 1);
select count(*) from orders where o_orderstatus <> all (select o_orderstatus from orders group by 1 having count(*) > 3000);
select count(*) from customer where c_nationkey in (select n_nationkey from nation where n_regionkey = 1 except select 3);
select count(*) from customer where c_nationkey in (values (1), (2), (7));
select count(*) from customer where c_nationkey > (select max(n_nationkey) - 5 from (select n_nationkey from nation union select 3) as n);
-- A cast to a length cuts.
select o_orderpriority::varchar(1) as level, count(*) from orders group by 1 order by 1;
-- The columns of a WITH query under names of the block's own.
with r as (select o_shippriority as a, o_totalprice as b, o_shippriority as c from orders) select sum(t.c), count(*) from r as t(x, c, b) where t.c > 1000;
-- Equal numbers that are written with more zeros or fewer.
select count(*) from (select o_custkey, avg(distinct case when o_orderstatus = 'F' then o_shippriority + 3 else (o_shippriority + 3) * 1.0000000000 end) as m from orders group by 1) t where m > 2;
