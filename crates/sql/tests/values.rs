//! The values that INSERT, SET and the small commands carry.

mod written;

use odp_sql::{Charset, Verb, outline};
use written::rows;

#[test]
fn rows_come_with_their_columns() {
    let cases = [
        (
            "INSERT INTO t VALUES (1, 'a'), (-2, NULL)",
            "[1 'a'] [-2 NULL]",
        ),
        (
            "INSERT INTO t (a, `b`) VALUE (1, DEFAULT)",
            "a b: [1 DEFAULT]",
        ),
        ("INSERT INTO t () VALUES ()", ": []"),
        ("INSERT INTO t VALUES ROW(1), ROW(2)", "[1] [2]"),
        (
            "INSERT INTO t (a, b) VALUES (now(), 1 + 1), ((3), x'41')",
            "a b: [? [Add 1 1]] [3 x41]",
        ),
        (
            "INSERT INTO t VALUES ('it''s', \"a\\\"b\"), (DATE '2020-01-01', -1.5e3)",
            "['it''s' 'a\\\"b'] [d2020-01-01 -1.5e3]",
        ),
        ("INSERT INTO t VALUES (?, :=, ?), (?)", "[p0 ? p1] [p2]"),
        (
            "INSERT INTO t SET a = 1, b = f(2, 3), c = 'x' ON DUPLICATE KEY UPDATE a = 2",
            "a b c: [1 [f 2 3] 'x']",
        ),
        (
            "REPLACE INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a)",
            "a: [1]",
        ),
        ("INSERT INTO t (a) SELECT 1", ""),
        ("INSERT INTO t (SELECT 1)", ""),
        ("INSERT INTO t VALUES (1, 2", "[1 ?]"),
        ("SELECT 1", ""),
    ];
    for (text, expected) in cases {
        assert_eq!(rows(text), expected, "{text}");
    }
}

#[test]
fn commands_give_their_name() {
    let cases = [
        ("USE `my db`", Some("my db")),
        ("SAVEPOINT a", Some("a")),
        ("ROLLBACK TO a", Some("a")),
        ("PREPARE s FROM 'select 1'", Some("s")),
        ("EXECUTE s", Some("s")),
        ("DROP PREPARE s", Some("s")),
        ("ROLLBACK", None),
    ];
    for (text, expected) in cases {
        let name = outline(text.as_bytes(), Charset::Utf8).name_argument();
        assert_eq!(name.is_some(), expected.is_some(), "{text}");
        assert!(
            name.is_none_or(|name| name.eq_ignore_case(expected.unwrap())),
            "{text}"
        );
    }
}

#[test]
fn explain_route_is_told_from_explain() {
    let route = outline(b"EXPLAIN ROUTE SELECT * FROM t", Charset::Utf8);
    assert!(route.is_explain_route() && route.is_explain() && route.verb() == Verb::Select);
    let plan = outline(b"EXPLAIN SELECT * FROM t", Charset::Utf8);
    assert!(plan.is_explain() && !plan.is_explain_route());
    assert!(!outline(b"DESC t", Charset::Utf8).is_explain());
}

#[test]
fn a_routine_is_no_table() {
    let call = outline(b"CALL d.p(1, ?)", Charset::Utf8);
    let routine = call.routine().unwrap();
    assert!(routine.name.eq_ignore_case("P") && routine.database.unwrap().eq_ignore_case("d"));
    assert_eq!(call.parameters(), 1);
}

#[test]
fn settings_are_listed_in_their_order() {
    use odp_sql::{SettingValue, Target};
    let write = |text: &str| {
        let settings = outline(text.as_bytes(), Charset::Utf8).settings();
        let written = settings.map(|setting| {
            let target = match setting.target {
                Target::Session(name) => written::name(&name),
                Target::Global(name) => format!("global {}", written::name(&name)),
                Target::User(name) => format!("@{}", written::name(&name)),
                Target::Names => "names".into(),
                Target::CharacterSet => "charset".into(),
            };
            let value = match setting.value {
                SettingValue::Literal(literal) => written::literal(&literal),
                SettingValue::Word(name) => written::name(&name),
            };
            format!("{target}={value}")
        });
        written.collect::<Vec<_>>().join(" ")
    };
    let cases = [
        ("SET autocommit = 0", "autocommit=0"),
        (
            "SET autocommit=ON, @@session.sql_mode := 'a,b'",
            "autocommit=ON sql_mode='a,b'",
        ),
        (
            "SET GLOBAL a = 1, SESSION b = DEFAULT, @@global.c = 2, @@d = -1",
            "global a=1 b=DEFAULT global c=2 d=-1",
        ),
        ("SET @a = 1, @`b c` = f(1, 2), x = 3;", "@a=1 @b c=? x=3"),
        ("SET NAMES utf8mb4 COLLATE utf8mb4_bin", "names=utf8mb4"),
        (
            "SET NAMES 'gbk', autocommit = 1",
            "names='gbk' autocommit=1",
        ),
        ("SET CHARACTER SET utf8", "charset=utf8"),
        ("SET a = b.c", "a=?"),
        ("SET SESSION TRANSACTION READ ONLY", ""),
        ("SET PASSWORD FOR u = 'x'", ""),
        ("SELECT 1", ""),
    ];
    for (text, expected) in cases {
        assert_eq!(write(text), expected, "{text}");
    }
}
