//! Statements in both dialects, side by side.

use super::*;
use proptest::prelude::*;

struct NoTables;

impl Schema for NoTables {
    fn table(&self, _: &str, _: &str) -> Option<Arc<TableDef>> {
        None
    }
}

fn sqlite(sql: &str) -> String {
    let lexed = lex(sql.as_bytes()).unwrap();
    translate(sql.as_bytes(), &lexed.tokens, "test", &NoTables)
        .unwrap()
        .sql
}

#[test]
fn statements_are_rewritten() {
    for (mysql, expected) in [
        (
            "select 1+1, 'a' from dual",
            "SELECT 1 + 1 AS `1+1` , 'a' AS `a`",
        ),
        (
            "select c from t where id=5 for update",
            "SELECT c AS `c` from `test`.`t` where id = 5",
        ),
        (
            "select a.x y from d.t a, u b",
            "SELECT a . x AS `y` from `d`.`t` a , `test`.`u` b",
        ),
        (
            "select count(*) from (select 1) x",
            "SELECT count ( * ) AS `count(*)` from ( select 1 ) x",
        ),
        (
            "select a||b, 7/2, 7 div 2 from t",
            "SELECT a OR b AS `a||b` , 7 * 1.0 / 2 AS `7/2` , 7 / 2 AS `7 div 2` from `test`.`t`",
        ),
        (
            "insert ignore into t (a,b) values (1,'x')",
            "INSERT OR IGNORE INTO `test`.`t` (`a`, `b`) VALUES ( 1 , 'x' )",
        ),
        (
            "insert into t (a) values (1) on duplicate key update a=values(a)+1, b=2",
            "INSERT INTO `test`.`t` (`a`) VALUES ( 1 ) ON CONFLICT DO UPDATE SET `a` = mysql_updated(excluded.`a` + 1) , `b` = 2",
        ),
        (
            "update t set a=a+1 where b=2 limit 1",
            "UPDATE `test`.`t` SET `a` = a + 1 WHERE rowid IN (SELECT rowid FROM  `test`.`t` where b = 2 limit 1 )",
        ),
        (
            "delete from t where a in (select a from u order by a limit 2) order by a",
            "DELETE FROM `test`.`t` where a in ( select a from `test`.`u` order by a limit 2 )",
        ),
        (
            "delete from t where a in (1,2)",
            "DELETE FROM `test`.`t` where a in ( 1 , 2 )",
        ),
        (
            "select now() - interval 1 day",
            "SELECT date_sub(now ( ), 1, 'day') AS `now() - interval 1 day`",
        ),
        (
            "select date_add(d, interval 2 hour) from t",
            "SELECT date_add(d, 2, 'hour') AS `date_add(d, interval 2 hour)` from `test`.`t`",
        ),
        (
            "select cast(a as signed) from t force index (k) where a <=> null",
            "SELECT mysql_integer(a) AS `cast(a as signed)` from `test`.`t` where a IS null",
        ),
        (
            "with x as (select 1 a) select a from x",
            "WITH `x` AS ( select 1 a ) select a from `x`",
        ),
    ] {
        assert_eq!(sqlite(mysql), expected, "{mysql}");
    }
}

/// Texts of words and signs that mean something, so that the parsers are reached.
fn statement_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "select",
        "insert into t",
        "update t set",
        "delete from t",
        "replace",
        "create table t",
        "(",
        ")",
        ",",
        "=",
        "a",
        "`b`",
        "'c'",
        "1",
        "-",
        "?",
        "@v",
        "@@x",
        ":=",
        "values",
        "on duplicate key update",
        "where",
        "limit",
        "order by",
        "join",
        "on",
        "interval",
        "day",
        "in",
        "as",
        "case",
        "end",
        "from",
        "union",
        "with",
        "partition by",
        "hash",
        "key",
        "range",
        "less than",
        "maxvalue",
        "cast",
        "trim",
        "extract",
        "group_concat",
        ".",
        "*",
        "||",
        "int",
        "set",
        "date_add",
        "default",
        "for update",
        "\"",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #[test]
    fn no_statement_panics(sql in prop_oneof![statement_like(), ".{0,60}"]) {
        let Ok(lexed) = lex(sql.as_bytes()) else { return Ok(()) };
        translate(sql.as_bytes(), &lexed.tokens, "test", &NoTables).ok();
        crate::placement::touches(sql.as_bytes(), &lexed.tokens, &[]);
        let mut cursor = Cursor::new(sql.as_bytes(), &lexed.tokens);
        if cursor.accept_all(&["create", "table"]) {
            crate::ddl::create::parse(&mut cursor).ok();
        }
        crate::ddl::alter::parse(&cursor).ok();
    }
}
