//! Statements with random conditions, names, literals, blanks and comments.

use proptest::prelude::*;
use proptest::sample::select;

#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) text: String,
}

const COLUMNS: &[&str] = &[
    "k",
    "K2",
    "`k`",
    "t.k",
    "`t`.`odd col`",
    "d.t.k",
    "`a``b`",
    "x.c_1",
    "naïve",
    "`é`",
];
const LITERALS: &[&str] = &[
    "0",
    "5",
    "12345678901234567890",
    "1.5",
    ".5",
    "2e3",
    "-5",
    "- 7",
    "'a'",
    "''",
    "'it''s'",
    "'a\\'b\\\\'",
    "\"q\"\"q\"",
    "'-- no'",
    "'/*'",
    "';'",
    "'é'",
    "x'1F'",
    "0x1f",
    "NULL",
    "TRUE",
    "false",
    "?",
    "(5)",
    "DATE '2020-01-01'",
    "TIMESTAMP '2020-01-01 00:00:00'",
];
const OPERATORS: &[&str] = &["=", "=", "=", "<=>", "<>", "!=", "<", "<=", ">", ">="];
const STRANGE: &[&str] = &[
    "f(k) = 5",
    "k + 1 = 5",
    "k = 5 + 1",
    "k = f(5, 'a')",
    "k LIKE 'a%'",
    "k NOT LIKE 'a%'",
    "k = j",
    "f(k, 1)",
    "k",
    "k * 2 > 1 - 3",
    "EXISTS (SELECT 1 FROM u WHERE a = 1 AND b = 2 OR c = 3)",
    "k IN (SELECT a FROM u WHERE a = 1 OR b = 2)",
    "k BETWEEN 1 AND j",
    "k + 1 BETWEEN 1 AND 2",
    "k BETWEEN 1 AND 2 + 3",
    "CASE WHEN a = 1 AND b = 2 THEN 1 ELSE 2 END = 1",
    "k = (SELECT max(a) FROM u WHERE a = 1)",
    "(k + 1) = 5",
    "(k) = 5",
    "k IS TRUE",
    "k IS NOT FALSE",
    "5 = 5",
    "f(1) IS NULL",
    "k REGEXP 'a'",
    "(k = 5) = 1",
    "k = 'a' COLLATE utf8mb4_bin",
    "(a, b) < (1, 2)",
    "k & 1 = 1",
    "k = 1 << 2",
    "k = INTERVAL 1 DAY + j",
    "CAST(k AS CHAR) = 'a'",
    "SUBSTRING(k FROM 1 FOR 2) = 'a'",
    "k IN (1, f(2), 3)",
    "k = -j",
    "-k = 5",
];
const TABLES: &[&str] = &[
    "t",
    "d.t",
    "`t`",
    "`d`.`odd tab`",
    "T1",
    "`select`",
    "`a``b`",
    "naïve",
];
const ALIASES: &[&str] = &["", "", " x", " AS x", " `from`", " AS `é`"];
const PARTITIONS: &[&str] = &["", "", "", " PARTITION (p0)", " PARTITION (p0, p1)"];
const TAILS: &[&str] = &[
    "",
    "",
    " GROUP BY k",
    " ORDER BY k DESC",
    " LIMIT 5",
    " FOR UPDATE",
    " ORDER BY k LIMIT 1, 2",
    " UNION SELECT 1 FROM u WHERE a = 1",
    " HAVING k > 1",
];
const HEADS: &[&str] = &[
    "SELECT * FROM",
    "SELECT k, `from`, 'FROM' FROM",
    "SELECT f(x), count(*) FROM",
    "SELECT (SELECT a FROM u WHERE b = 1) FROM",
    "EXPLAIN SELECT 1 FROM",
    "SELECT DISTINCT EXTRACT(YEAR FROM a) AS y FROM",
    "WITH c AS (SELECT 1 FROM u WHERE a = 1) SELECT * FROM",
    "UPDATE",
    "DELETE FROM",
    "SELECT CASE WHEN a = 1 THEN 2 END FROM",
];
const JOINS: &[&str] = &[
    "",
    "",
    "",
    " JOIN u ON t.a = u.a AND u.b = 1",
    " INNER JOIN u ON k = 5",
    " JOIN u ON k = 5 OR j = 6 INNER JOIN v ON k = 7",
    " STRAIGHT_JOIN u ON k IN ( 1 , 2 )",
    " RIGHT JOIN u ON k > 3 AND j = 1",
    " LEFT JOIN u ON k = 5",
    " LEFT JOIN u ON k = 5 JOIN v ON j = LEFT('ab', 1)",
    " JOIN u ON f(k) LEFT JOIN v ON k = 5 CROSS JOIN w",
    " CROSS JOIN u LEFT JOIN v ON k = 5 RIGHT JOIN w ON k BETWEEN 1 AND 2",
    ", u y",
    " LEFT JOIN u USING (a)",
];
const GAPS: &[&str] = &[
    " ",
    " ",
    " ",
    "\n",
    "\t ",
    " /* ' ; ( */ ",
    " -- \" `\n",
    "/**/",
    " # '(\n",
    "\r\n",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => expression(),
        8 => select(LITERALS).prop_map(str::to_owned),
        2 => any::<u64>().prop_map(|number| number.to_string()),
        2 => "[a-z '\"%_;`(){}/*#-]{0,8}".prop_map(|text| format!("'{}'", text.replace('\'', "''"))),
    ]
}

/// Constants joined by operators and functions, and something else once in a while.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        8 => select(&["1", "2.5", "'a'", "0", "NULL", "DATE '2020-01-01'", "?"][..]).prop_map(str::to_owned),
        1 => select(&["k", "f(k)", "`j`"][..]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let operator = select(&["+", "-", "*", "/", "%", "DIV"][..]);
        prop_oneof![
            3 => (inner.clone(), operator, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            1 => inner.clone().prop_map(|a| format!("( {a} )")),
            1 => inner.clone().prop_map(|a| format!("- ( {a} )")),
            1 => prop::collection::vec(inner.clone(), 1..4).prop_map(|all| format!("concat( {} )", all.join(" , "))),
            1 => inner.prop_map(|a| format!("CAST( {a} AS SIGNED )")),
        ]
    })
}

fn leaf() -> impl Strategy<Value = String> {
    let column = || select(COLUMNS);
    let values = || prop::collection::vec(value(), 1..4).prop_map(|values| values.join(" , "));
    let not = || select(&["", "", "NOT "][..]);
    let pair = || (value(), value()).prop_map(|(a, b)| format!("( {a} , {b} )"));
    prop_oneof![
        6 => (column(), select(OPERATORS), value()).prop_map(|(c, op, v)| format!("{c} {op} {v}")),
        2 => (column(), select(OPERATORS), value()).prop_map(|(c, op, v)| format!("{v} {op} {c}")),
        2 => (column(), not(), values()).prop_map(|(c, not, list)| format!("{c} {not}IN ( {list} )")),
        2 => (column(), not(), value(), value()).prop_map(|(c, not, a, b)| format!("{c} {not}BETWEEN {a} AND {b}")),
        1 => (column(), not()).prop_map(|(c, not)| format!("{c} IS {not}NULL")),
        1 => (column(), column(), pair()).prop_map(|(a, b, row)| format!("( {a} , {b} ) = {row}")),
        1 => (column(), column(), not(), prop::collection::vec(pair(), 1..3))
            .prop_map(|(a, b, not, rows)| format!("( {a} , {b} ) {not}IN ( {} )", rows.join(" , "))),
        1 => select(STRANGE).prop_map(str::to_owned),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    leaf().prop_recursive(3, 10, 2, |inner| {
        prop_oneof![
            3 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} AND {b}")),
            2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} or {b}")),
            2 => inner.clone().prop_map(|a| format!("( {a} )")),
            1 => inner.prop_map(|a| format!("NOT {a}")),
        ]
    })
}

fn conditional() -> impl Strategy<Value = String> {
    let table = (
        select(TABLES),
        select(PARTITIONS),
        select(ALIASES),
        select(JOINS),
    );
    (select(HEADS), table, condition(), select(TAILS)).prop_map(
        |(head, (table, partition, alias, join), condition, tail)| {
            let tail = if head.ends_with("FROM") && !head.starts_with("DELETE") {
                tail
            } else {
                ""
            };
            let (set, join) = match head {
                "UPDATE" => (" SET a = 1 , b = f(2)", ""),
                "DELETE FROM" => ("", ""),
                _ => ("", join),
            };
            format!("{head} {table}{partition}{alias}{join}{set} WHERE {condition}{tail}")
        },
    )
}

fn followed() -> impl Strategy<Value = String> {
    (select(TABLES), condition()).prop_flat_map(|(table, condition)| {
        select(vec![
            format!("SELECT * FROM ( SELECT * FROM {table} WHERE {condition} ) x WHERE x.k = 1"),
            format!(
                "WITH c AS ( SELECT * FROM {table} WHERE {condition} ) SELECT * FROM c WHERE k = 1"
            ),
            format!(
                "( SELECT * FROM {table} WHERE {condition} ) UNION ( SELECT 1 FROM u WHERE a = 1 )"
            ),
            format!("SELECT * FROM {table}"),
            format!("DELETE x FROM {table} x WHERE {condition}"),
        ])
    })
}

fn insert() -> impl Strategy<Value = String> {
    let row = (
        value(),
        value(),
        select(&["1", "now()", "1 + 2", "f(1, 'a')", "(SELECT 1)"][..]),
    )
        .prop_map(|(a, b, c)| format!("( {a} , {b} , {c} )"));
    let head = select(&["INSERT INTO", "REPLACE INTO", "INSERT IGNORE INTO"][..]);
    let columns = select(&["", "(a, b, c)", "(a,b,c)"][..]);
    (
        head,
        select(TABLES),
        columns,
        prop::collection::vec(row, 1..4),
    )
        .prop_map(|(head, table, columns, rows)| {
            format!("{head} {table} {columns} VALUES {}", rows.join(" , "))
        })
}

/// Puts blanks and comments where single spaces outside quotes are.
fn spread(text: &str, gaps: &[&str]) -> String {
    let mut gaps = gaps.iter().cycle();
    let mut spread = String::new();
    let (mut quote, mut is_escaped) = (None, false);
    for letter in text.chars() {
        match (quote, letter) {
            (None, '\'' | '"' | '`') => quote = Some(letter),
            (Some(open), _) if open == letter && !is_escaped => quote = None,
            _ => {}
        }
        is_escaped = letter == '\\' && !is_escaped && quote.is_some();
        if letter == ' ' && quote.is_none() {
            spread.push_str(gaps.next().copied().unwrap_or(" "));
        } else {
            spread.push(letter);
        }
    }
    spread
}

pub(crate) fn statement() -> impl Strategy<Value = Statement> {
    let text = prop_oneof![6 => conditional(), 2 => followed(), 2 => insert()];
    (text, prop::collection::vec(select(GAPS), 1..6)).prop_map(|(text, gaps)| Statement {
        text: spread(&text, &gaps),
    })
}
