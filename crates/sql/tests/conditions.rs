//! Conditions and the postfix streams they give. In the streams `&`, `|`, `!` are And, Or, Not and `?` is Unsure.

mod written;

use written::{conditions, literal};

fn check(cases: &[(&str, &str)]) {
    for (condition, expected) in cases {
        let text = format!("SELECT * FROM t WHERE {condition}");
        assert_eq!(conditions(&text), *expected, "{condition}");
    }
}

#[test]
fn comparisons_are_read_from_both_sides() {
    check(&[
        ("k = 5", "k=5"),
        ("5 = k", "k=5"),
        ("5 < k", "k>5"),
        ("5 >= t.k", "t.k<=5"),
        ("d.t.k <> -5", "t.k<>-5"),
        ("k != +5", "k<>5"),
        ("k <=> NULL", "k<=>NULL"),
        ("`k` > 'a\\'b'", "k>'a\\'b'"),
        ("k = 0x1F", "k=x1F"),
        ("k = X'1F'", "k=x1F"),
        ("k = b'01'", "k=b01"),
        ("k = 0b01", "k=b01"),
        ("k = TRUE", "k=TRUE"),
        ("k = ?", "k=p0"),
        ("k = @`v`", "k=@v"),
        ("k = (5)", "k=5"),
        ("((k)) = 5", "k=5"),
        ("f(t.k) <= 5", "f(t.k)<=5"),
        ("(5) < k", "k>5"),
        (
            "k = TIMESTAMP '2020-01-01 00:00:00'",
            "k=d2020-01-01 00:00:00",
        ),
        ("k = - - 5", "k=5"),
        ("k = .5", "k=.5"),
        ("k = 1e+5", "k=1e+5"),
    ]);
}

#[test]
fn operators_bind_as_the_manual_says() {
    check(&[
        ("a = 1 AND b = 2 OR c = 3", "a=1 b=2 & c=3 |"),
        ("a = 1 OR b = 2 AND c = 3", "a=1 b=2 c=3 & |"),
        ("a = 1 || b = 2 && c = 3", "a=1 b=2 c=3 & |"),
        ("(a = 1 OR b = 2) AND c = 3", "a=1 b=2 | c=3 &"),
        ("NOT a = 1 AND b = 2", "a=1 ! b=2 &"),
        ("NOT (a = 1 AND b = 2)", "a=1 b=2 & !"),
        ("NOT NOT a = 1", "a=1"),
        ("a = 1 OR NOT b = 2 AND c = 3", "a=1 b=2 ! c=3 & |"),
        ("a BETWEEN 1 AND 2 AND b = 3", "a[1..2] b=3 &"),
        ("a NOT BETWEEN 1 AND 2", "a[1..2] !"),
        ("a IN (1, 2) OR a NOT IN (3)", "a{1 2} a{3} ! |"),
        ("a IS NULL AND b IS NOT NULL", "a0 b0 ! &"),
        ("a = 1 XOR b = 2", "a=1 b=2 & ? & ? |"),
        ("((((a = 1))))", "a=1"),
    ]);
}

#[test]
fn row_values_are_written_out() {
    check(&[
        ("(a, b) = (1, 2)", "a=1 b=2 &"),
        ("(a, b) = (1, 2) AND c = 3", "a=1 b=2 & c=3 &"),
        ("(a, b) IN ((1, 2), (3, f(4)))", "a=1 b=2 & a=3 b=[f 4] & |"),
        ("(a, b) NOT IN ((1, 2)) OR c = 1", "a=1 b=2 & ! c=1 |"),
        ("((a, b) = (1, 2))", "a=1 b=2 &"),
        ("(a, b) = (1, 2, 3)", "? ? & ? |"),
        ("(a, b) < (1, 2)", "? ? & ? |"),
        ("(a, b) = (SELECT 1, 2)", "? ? & ? |"),
    ]);
}

#[test]
fn expressions_of_constants_are_read_whole() {
    check(&[
        ("k = 5 + 1", "k=[Add 5 1]"),
        (
            "k = 5 - 2 - 1 AND j = 1",
            "k=[Subtract [Subtract 5 2] 1] j=1 &",
        ),
        ("k = 1 + 2 * 3", "k=[Add 1 [Multiply 2 3]]"),
        (
            "k = (1 + 2) DIV -3",
            "k=[IntegerDivide [Add 1 2] [Negate 3]]",
        ),
        ("1 % 2 < k", "k>[Modulo 1 2]"),
        ("k = f(5, 'a')", "k=[f 5 'a']"),
        ("k = ? + g(?)", "k=[Add p0 [g p1]]"),
        ("k = CAST(? AS SIGNED INTEGER)", "k=[Cast(Signed) p0]"),
        ("k = CONVERT('1', CHAR)", "k=[Cast(Char) '1']"),
        ("k IN (1, f(2, 3), NULL)", "k{1 [f 2 3] NULL}"),
        ("k BETWEEN 1 AND 2 + 3 AND j = 4", "k[1..[Add 2 3]] j=4 &"),
        (
            "k >= DATE '2020-01-01' - INTERVAL 1 DAY",
            "k>=[SubtractInterval(Day) d2020-01-01 1]",
        ),
        (
            "k = DATE_ADD('2020-01-01', INTERVAL (1 + 1) MONTH)",
            "k=[AddInterval(Month) '2020-01-01' [Add 1 1]]",
        ),
        ("k = - -1.5", "k=[Negate [Negate 1.5]]"),
        ("k = -'5'", "k=[Negate '5']"),
    ]);
}

#[test]
fn what_is_not_understood_is_unsure() {
    check(&[
        ("f(k, 1) = 5", "?"),
        ("k + 1 = 5", "?"),
        ("k < j", "?"),
        ("k = j + 1", "?"),
        ("k <=> j", "?"),
        ("k", "?"),
        ("k LIKE 'a%' AND j = 1", "? j=1 &"),
        ("k = 5 COLLATE utf8mb4_bin", "?"),
        ("k = _utf8'a'", "k=Utf8'a'"),
        ("k = _BINARY 'a'", "k=Binary'a'"),
        ("k = N'a'", "k=Utf8'a'"),
        ("k = _koi8r'a'", "?"),
        ("k = _utf8'a' 'b'", "?"),
        ("k = 'a' 'b'", "?"),
        ("BINARY k = 'a'", "?"),
        ("k = 5 = 1", "?"),
        ("k = 5 IS NULL", "?"),
        ("(k = 5) = 0", "k=5 ? & ? |"),
        ("(k = 5) IS NOT TRUE AND j = 1", "k=5 ? & ? | j=1 &"),
        ("(k) + 1 = 5", "? ? & ? |"),
        ("!(k = 5)", "?"),
        ("EXISTS (SELECT 1 FROM u WHERE a = 1) AND k = 1", "? k=1 &"),
        ("k IN (SELECT 1) AND j = 1", "? j=1 &"),
        ("k = (SELECT 1)", "?"),
        ("k = ANY (SELECT 1)", "?"),
        ("(SELECT 1) = k", "?"),
        ("k IN (1, f(2, j), NULL)", "k{1 ? NULL}"),
        ("k = f()", "?"),
        ("k = f(SELECT 1)", "?"),
        ("k = 1 + j", "?"),
        ("k = 5 + 1 = 1", "?"),
        ("k = 1 + INTERVAL 1 FORTNIGHT", "?"),
        ("k = CAST(1 AS JSON)", "?"),
        ("k BETWEEN 1 AND j AND i = 1", "? i=1 &"),
        ("k + 1 BETWEEN 1 AND 2 AND i = 1", "? i=1 &"),
        (
            "CASE WHEN a = 1 AND b = 2 THEN 1 END = 1 AND k = 1",
            "? k=1 &",
        ),
        ("k =", "?"),
        ("k = 1 AND", "k=1 ? &"),
        ("", "?"),
        ("k = 'open", "?"),
        ("k IS TRUE", "?"),
        ("k = 5 SOUNDS LIKE 6", "?"),
    ]);
}

#[test]
fn a_condition_ends_with_its_clause() {
    for end in [
        "GROUP BY a",
        "ORDER BY a",
        "LIMIT 1",
        "HAVING a = 1",
        "FOR UPDATE",
        "LOCK IN SHARE MODE",
        "UNION SELECT 1",
        "INTO @a",
        "WINDOW w AS (ORDER BY a)",
        "RETURNING a",
        "; SELECT 1",
        "EXCEPT SELECT 1",
        ")",
        "-- end",
        "/* end",
    ] {
        check(&[(&format!("k = 5 {end}"), "k=5")]);
    }
}

#[test]
fn the_condition_belongs_to_the_block_of_the_table() {
    let cases = [
        ("SELECT * FROM t", ""),
        ("SELECT * FROM t, u WHERE t.a = u.b", "t.a=u.b"),
        (
            "SELECT * FROM t JOIN u ON t.a = u.a WHERE t.k = 1",
            "t.a=u.a t.k=1 &",
        ),
        (
            "SELECT * FROM t JOIN u ON t.k = 1 AND t.a = u.a",
            "t.k=1 t.a=u.a &",
        ),
        ("SELECT * FROM t RIGHT JOIN u ON t.k = 1", "t.k=1"),
        ("SELECT * FROM t LEFT JOIN u ON t.k = 1", ""),
        ("SELECT * FROM t LEFT JOIN u ON t.k = 1 WHERE j = 2", "j=2"),
        (
            "SELECT * FROM t LEFT JOIN u ON k = 1 JOIN v ON k = 2 JOIN w ON k = 3",
            "k=2",
        ),
        (
            "SELECT * FROM t JOIN (SELECT * FROM u JOIN v ON k = 1) x ON j = 2",
            "j=2",
        ),
        (
            "SELECT * FROM (SELECT * FROM t WHERE k = 1) x WHERE c = 2",
            "k=1",
        ),
        ("SELECT * FROM (SELECT * FROM t) x WHERE c = 2", ""),
        (
            "SELECT (SELECT 1 FROM u WHERE a = 1) FROM t WHERE k = 1",
            "k=1",
        ),
        ("SELECT * FROM t UNION SELECT * FROM u WHERE a = 1", ""),
        (
            "WITH c AS (SELECT * FROM u WHERE a = 1) SELECT * FROM c WHERE b = 2",
            "a=1",
        ),
        (
            "UPDATE t SET a = 1, b = (SELECT 1 FROM u WHERE c = 1) WHERE k = 1 ORDER BY a",
            "k=1",
        ),
        ("UPDATE t SET a = ? WHERE k = ?", "k=p1"),
        ("DELETE FROM t WHERE k = 1", "k=1"),
        ("DELETE x FROM t x WHERE x.k = 1", "x.k=1"),
        ("EXPLAIN SELECT * FROM t WHERE k = 1", "k=1"),
        ("INSERT INTO t SELECT * FROM u WHERE k = 1", ""),
    ];
    for (text, expected) in cases {
        assert_eq!(conditions(text), expected, "{text}");
    }
}

#[test]
fn parentheses_beyond_the_limit_are_one_unsure() {
    let deep = format!("{}k = 1{} AND j = 2", "(".repeat(200), ")".repeat(200));
    check(&[(&deep, "? j=2 &")]);
    let within = format!("{}k = 1{} AND j = 2", "(".repeat(30), ")".repeat(30));
    check(&[(&within, "k=1 j=2 &")]);
}

#[test]
fn trail_bytes_are_no_quotes() {
    use odp_sql::{Charset, Item, outline};
    // The second bytes of these characters are a backslash, a backtick and a bar.
    let cases: [(&[u8], Charset); 4] = [
        (b"\x95\x5C", Charset::Gbk),
        (b"\x81\x60", Charset::Gb18030),
        (b"\xA5\x5C", Charset::Big5),
        (b"\x83\x5C", Charset::Sjis),
    ];
    for (character, charset) in cases {
        let mut text = b"SELECT * FROM `".to_vec();
        text.extend_from_slice(character);
        text.extend_from_slice(b"` WHERE k = '");
        text.extend_from_slice(character);
        text.extend_from_slice(b"' AND j = 1");
        let found = outline(&text, charset);
        assert_eq!(
            found.table().unwrap().name.as_bytes().unwrap_or(character),
            character
        );
        let items: Vec<_> = found.filter().collect();
        let [Item::Compare { value, .. }, Item::Compare { .. }, Item::And] = &items[..] else {
            panic!("{charset:?}: {items:?}");
        };
        assert_eq!(
            literal(value).as_bytes(),
            format!("'{}'", character.escape_ascii()).as_bytes()
        );
    }
}
