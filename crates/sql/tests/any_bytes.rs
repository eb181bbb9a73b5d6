//! Nothing in a statement, however broken, makes the recogniser panic, loop or contradict itself.
#![allow(clippy::indexing_slicing, reason = "a test may index")]

use odp_sql::{Backslash, Charset, Filter, Item, Literal, LiteralList, Outline, Unescape, outline};
use proptest::prelude::*;

const FRAGMENTS: &[&str] = &[
    "SELECT",
    "INSERT INTO",
    "REPLACE",
    "UPDATE",
    "DELETE",
    "EXPLAIN",
    "DESC",
    "WITH",
    "RECURSIVE",
    "AS",
    "FROM",
    "WHERE",
    "VALUES",
    "SET",
    "NAMES",
    "@@session.a",
    "PARTITION",
    "JOIN",
    "NATURAL",
    "LEFT",
    "t.k = u.k",
    "N'a'",
    "_gbk",
    "USING",
    "UNION",
    "AND",
    "OR",
    "XOR",
    "NOT",
    "IN",
    "BETWEEN",
    "IS",
    "NULL",
    "CASE",
    "END",
    "CREATE",
    "TABLE",
    "INDEX",
    "ON",
    "BEGIN",
    "CALL",
    "LOAD DATA",
    "MERGE",
    "ROW",
    "DEFAULT",
    "DATE",
    "FOR UPDATE",
    "INTO",
    "(",
    "(",
    "(",
    ")",
    ")",
    ")",
    ",",
    ";",
    ".",
    "=",
    "<",
    "<=>",
    ":=",
    "&&",
    "||",
    "!",
    "-",
    "+",
    "*",
    "/",
    "?",
    "@",
    "@@a",
    "@`a`",
    "'",
    "\"",
    "`",
    "\\",
    "x'",
    "b'",
    "0x1",
    "0b1",
    "1e",
    "1.5",
    "5",
    "k",
    "t",
    "`a``b`",
    "'a'",
    "/*",
    "*/",
    "/*!50000",
    "/*+",
    "-- ",
    "#",
    "\n",
    " ",
    "\u{0}",
    "é",
];

fn statement() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        8 => prop::sample::select(FRAGMENTS).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    let pieces = prop::collection::vec((fragment, any::<bool>()), 0..60);
    pieces.prop_map(|pieces| {
        let mut text = Vec::new();
        for (piece, is_apart) in pieces {
            text.extend_from_slice(&piece);
            if is_apart {
                text.push(b' ');
            }
        }
        text
    })
}

fn charset() -> impl Strategy<Value = Charset> {
    prop::sample::select(vec![
        Charset::Utf8,
        Charset::Gbk,
        Charset::Gb18030,
        Charset::Big5,
        Charset::Sjis,
    ])
}

/// The values that a postfix reader would hold after the stream; panics when the stream is no postfix.
fn stack_after(filter: Filter<'_>, limit: usize) -> usize {
    let (mut depth, mut steps) = (0_usize, 0_usize);
    for item in filter {
        steps += 1;
        assert!(steps <= limit, "the stream ends");
        match item {
            Item::And | Item::Or => {
                depth = depth
                    .checked_sub(1)
                    .filter(|left| *left > 0)
                    .expect("two values");
            }
            Item::Not => assert!(depth > 0),
            Item::In { list, .. } => {
                check_list(list, limit);
                depth += 1;
            }
            _ => depth += 1,
        }
        assert!(depth <= Filter::MAX_STACK);
    }
    depth
}

fn check_list(list: LiteralList<'_>, limit: usize) {
    assert!(list.clone().take(limit + 1).count() <= limit);
    for literal in list {
        if let Literal::String { body, quote } = literal {
            for charset in [Charset::Utf8, Charset::Gbk, Charset::Gb18030] {
                for backslash in [Backslash::Escapes, Backslash::IsPlain] {
                    assert!(Unescape::new(body, quote, charset, backslash).count() <= body.len());
                }
            }
        }
    }
}

fn check(text: &[u8], charset: Charset) {
    let found: Outline<'_> = outline(text, charset);
    let limit = 2 + 6 * text.len();
    assert!(stack_after(found.filter(), limit) <= 1);
    let rows = found.rows();
    assert!(rows.columns().map_or(0, Iterator::count) <= limit);
    let mut count = 0;
    for row in rows {
        count += 1;
        assert!(count <= limit);
        check_list(row, limit);
    }
    assert!(found.settings().take(limit + 1).count() <= limit);
    assert!(found.first_length() <= text.len());
    assert!(found.parameters() as usize <= text.len());
    if let Some(table) = found.table() {
        let mut name = vec![0; text.len()];
        let length = table
            .name
            .write_to(&mut name)
            .expect("the name is part of the text");
        assert!(table.name.eq_bytes_ignore_case(&name[..length]));
        assert!(table.name.same(&table.name));
    }
    let first = outline(&text[..found.first_length()], charset);
    assert_eq!(first.verb(), found.verb());
    assert!(!first.is_multi_statement());
    for item in found.outer_filter().chain(found.filter()).take(64) {
        if let Item::Same { left, right } = item {
            std::hint::black_box((found.shares(left), found.shares(right)));
        }
    }
    std::hint::black_box(format!("{found:?} {:?}", found.uses()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn fragments_of_sql_never_panic(text in statement(), charset in charset()) {
        check(&text, charset);
    }

    #[test]
    fn random_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..200), charset in charset()) {
        check(&text, charset);
    }

    #[test]
    fn conditions_of_fragments_leave_exactly_one_value(condition in statement()) {
        let mut text = b"SELECT * FROM t WHERE ".to_vec();
        text.extend_from_slice(&condition);
        prop_assert_eq!(stack_after(outline(&text, Charset::Utf8).filter(), 6 * text.len()), 1);
    }
}

#[test]
fn deep_and_long_texts_take_linear_time() {
    for unit in [
        "(",
        "NOT ",
        "(a,",
        "k IN (",
        "x AS (",
        "WITH x AS (",
        "SELECT * FROM (",
        "CASE ",
        "/*!",
        "`",
        "- ",
        "EXPLAIN ",
        "1 JOIN u USING (k) ",
        "NATURAL JOIN u ",
        "t.k = u.k AND ",
        "_utf8'a' ",
    ] {
        for start in [
            "SELECT * FROM t WHERE ",
            "WITH ",
            "INSERT INTO t VALUES ",
            "",
        ] {
            let text = format!("{start}{}", unit.repeat(20_000));
            check(text.as_bytes(), Charset::Gbk);
        }
    }
}
