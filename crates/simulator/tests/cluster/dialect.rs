//! The everyday MySQL dialect: statements and what they must answer.

use crate::client::Client;
use odp_simulator::{Cluster, ClusterConfig};

/// Runs statements in order; each answers rows (`a|b` a row, `;` between rows), `ok` or an error number.
fn check(script: &[(&str, &str)]) {
    let cluster = Cluster::start(&ClusterConfig {
        servers: 1,
        ..ClusterConfig::default()
    })
    .unwrap();
    let mut client = Client::direct(cluster.addrs()[0], "app@demo", "app");
    for (sql, expected) in script {
        let reply = client.run(sql);
        let rows: Vec<String> = reply
            .rows
            .iter()
            .map(|row| {
                let cells = row
                    .iter()
                    .map(|cell| cell.clone().unwrap_or_else(|| "NULL".to_owned()));
                cells.collect::<Vec<_>>().join("|")
            })
            .collect();
        let answer = match &reply.error {
            Some((code, _)) => code.to_string(),
            None if rows.is_empty() => "ok".to_owned(),
            None => rows.join(";"),
        };
        assert_eq!(answer, *expected, "{sql}: {:?}", reply.error);
    }
}

#[test]
fn tables_are_defined_and_changed() {
    check(&[
        (
            "create table t (id int primary key auto_increment, n varchar(5) not null, k int default 7, key ik (k))",
            "ok",
        ),
        ("create table t (id int)", "1050"),
        ("create table if not exists t (id int)", "ok"),
        ("insert into t (n) values ('a'), ('b')", "ok"),
        ("insert into t (k) values (1)", "1364"),
        ("insert into t (n) values (null)", "1048"),
        ("insert into t (n) values ('toolong')", "1406"),
        ("insert into t (id, n) values (1, 'x')", "1062"),
        ("insert into t (id, n) values (0, 'z')", "ok"),
        ("select id, n, k from t order by id", "1|a|7;2|b|7;3|z|7"),
        (
            "alter table t add column extra decimal(6,2) default 1.5 after n",
            "ok",
        ),
        ("select * from t where id = 1", "1|a|1.50|7"),
        ("alter table t add index ie (extra), drop index ik", "ok"),
        ("alter table t drop column k", "ok"),
        ("alter table t drop column k", "1091"),
        ("alter table t modify n varchar(20)", "ok"),
        (
            "desc t",
            "id|int(11)|NO|PRI|NULL|auto_increment;n|varchar(20)|YES||NULL|;extra|decimal(6,2)|YES|MUL|1.5|",
        ),
        ("rename table t to u", "ok"),
        ("select count(*) from t", "1146"),
        ("create table c like u", "ok"),
        ("create table d as select id, n from u", "ok"),
        ("select * from d where id = 2", "2|b"),
        ("truncate table u", "ok"),
        ("select count(*) from u", "0"),
        ("create view v as select n from d where id < 3", "ok"),
        ("select * from v order by n", "a;b"),
        (
            "show full tables",
            "c|BASE TABLE;d|BASE TABLE;u|BASE TABLE;v|VIEW",
        ),
        ("drop table c, d, u", "ok"),
        ("drop table c", "1051"),
        ("drop table if exists c", "ok"),
        ("create database x", "ok"),
        ("create database x", "1007"),
        ("create table x.t (id int)", "ok"),
        ("insert into x.t values (5)", "ok"),
        ("select t.id from x.t", "5"),
        ("drop database x", "ok"),
        ("use x", "1049"),
        ("selec 1", "1064"),
    ]);
}

#[test]
fn rows_are_read_and_changed() {
    check(&[
        (
            "create table a (id int primary key, name varchar(20), grp int, amount decimal(8,2))",
            "ok",
        ),
        (
            "create table b (aid int, note varchar(30), key (aid))",
            "ok",
        ),
        (
            "insert into a values (1,'Ann',1,10.5),(2,'Bob',1,20),(3,'Cid',2,30.25)",
            "ok",
        ),
        ("insert into b values (1,'n1'),(1,'n2'),(3,'n3')", "ok"),
        (
            "select a.name, b.note from a left join b on a.id = b.aid order by a.id, b.note",
            "Ann|n1;Ann|n2;Bob|NULL;Cid|n3",
        ),
        (
            "select grp, count(*), sum(amount), group_concat(name order by name desc separator '-') from a group by grp order by grp",
            "1|2|30.5|Bob-Ann;2|1|30.25|Cid",
        ),
        ("select id from a order by id limit 1, 1", "2"),
        ("select name from a where name = 'ann'", "Ann"),
        (
            "update a set amount = amount * 2 where grp = 1 order by id desc limit 1",
            "ok",
        ),
        ("select amount from a where id = 2", "40.00"),
        (
            "update a join b on a.id = b.aid set a.name = 'J' where b.note = 'n3'",
            "ok",
        ),
        ("select name from a where id = 3", "J"),
        (
            "delete a from a join b on a.id = b.aid where b.note = 'n3'",
            "ok",
        ),
        ("select count(*) from a", "2"),
        ("insert into a (id, name) select id + 10, name from a", "ok"),
        (
            "insert into a (id, name) values (1, 'x') on duplicate key update name = concat(values(name), '!')",
            "ok",
        ),
        ("select row_count()", "2"),
        ("replace into a (id, name) values (2, 'Rep')", "ok"),
        (
            "select id, name, grp from a where id < 3 order by id",
            "1|x!|1;2|Rep|NULL",
        ),
        ("insert ignore into a (id) values (1), (99)", "ok"),
        ("delete from a where id > 10 limit 1", "ok"),
        ("select count(*) from a where id > 10", "2"),
        ("select * from a where id = 1 for update", "1|x!|1|10.50"),
        (
            "select (select max(id) from a) m, exists(select 1 from b)",
            "99|1",
        ),
        ("select 1 union select 2 union all select 2", "1;2;2"),
        (
            "with recursive r as (select 1 n union all select n + 1 from r where n < 3) select n from r",
            "1;2;3",
        ),
        ("select nosuch from a", "1054"),
        ("insert into a (nosuch) values (1)", "1054"),
        ("insert into a (id) values (1, 2)", "1136"),
    ]);
}

#[test]
fn expressions_mean_what_mysql_means() {
    check(&[
        (
            "select 7/2, 7 div 2, mod(10,3), 10 % 3, 10 mod 3, round(2.5), truncate(2.567,1)",
            "3.5|3|1|1|1|3|2.5",
        ),
        (
            "select concat('a', 1), concat('a', null), 'a' || null, 1 || 0, 'it''s \\' \"q\"'",
            "a1|NULL|NULL|1|it's ' \"q\"",
        ),
        (
            "select null <=> null, !0, not 1, true, 5 & 3, 5 | 2, 1 << 3",
            "1|1|0|1|1|7|8",
        ),
        (
            "select date_add('2024-01-31', interval 1 month), '2024-03-01' - interval 1 day, datediff('2024-03-04', '2024-03-01')",
            "2024-02-29|2024-02-29|3",
        ),
        (
            "select str_to_date('02.01.2024', '%d.%m.%Y'), date_format('2024-05-06 07:08:09', '%Y/%c/%e %T')",
            "2024-01-02|2024/5/6 07:08:09",
        ),
        (
            "select unix_timestamp('1970-01-02 00:00:00'), from_unixtime(86400), year('2024-03-04')",
            "86400|1970-01-02 00:00:00|2024",
        ),
        (
            "select lpad('5',3,'0'), substring_index('a.b.c','.',2), left('abc',2), right('abc',2), hex(255), hex('ab')",
            "005|a.b|ab|bc|FF|6162",
        ),
        (
            "select length('中'), char_length('中'), cast('12' as signed) + 1, cast(1.567 as decimal(10,2)), format(1234.5,2)",
            "3|1|13|1.57|1,234.50",
        ),
        (
            "select if(1 > 2, 'y', 'n'), ifnull(null, 'z'), greatest(1, 3, 2), least(4, 2), isnull(null), field('b','a','b')",
            "n|z|3|2|1|2",
        ),
        ("select case when 2 > 1 then 'big' else 'small' end", "big"),
        (
            "select 'a_c' like 'a\\_c', 'abc' like 'a\\_c', 'ABC' like 'a%'",
            "1|0|1",
        ),
        ("set @x = 5, @y := 'text'", "ok"),
        ("select @x + 1, @y, @z", "6|text|NULL"),
        ("select 1 into @x", "ok"),
        (
            "select @x, @@autocommit, @@session.autocommit, @@tx_isolation",
            "1|1|1|READ-COMMITTED",
        ),
        ("select @@nonsense", "1193"),
        ("set nonsense = 1", "1193"),
        (
            "set session transaction isolation level repeatable read",
            "ok",
        ),
        ("select @@transaction_isolation", "REPEATABLE-READ"),
        ("set names latin1", "ok"),
        (
            "show variables like 'collation_connection'",
            "collation_connection|latin1_swedish_ci",
        ),
        ("prepare s from 'select ? + ?'", "ok"),
        ("set @a = 40, @b = 2", "ok"),
        ("execute s using @a, @b", "42"),
        ("deallocate prepare s", "ok"),
        ("execute s", "1243"),
        ("select nosuchfunction(1)", "1305"),
    ]);
}
