//! What expressions of constants come to.

use super::*;
use crate::router::tests::fixture::Setup;
use odp_sql::Item;

/// What an expression comes to in a comparison.
fn computed(expression: &str) -> String {
    written(&format!("select * from t where k = {expression}"))
}

/// What an expression comes to in an INSERT.
fn stored(expression: &str) -> String {
    written(&format!("insert into t values ({expression})"))
}

fn written(text: &str) -> String {
    Setup::new().with_statement(text, |statement| {
        let compared = match statement.outline.filter().next() {
            Some(Item::Compare { value, .. }) => Some(value),
            _ => None,
        };
        let rows = statement.outline.rows();
        let inserted = rows.into_iter().next().and_then(|mut row| row.next());
        let Some(value) = compared.or(inserted) else {
            return "unread".to_owned();
        };
        match statement.operand(value) {
            Ok(Operand::Integer(number)) => number.to_string(),
            Ok(Operand::Decimal { negative, text }) => {
                let sign = if negative { "-" } else { "" };
                format!("{sign}{}", String::from_utf8_lossy(&text))
            }
            Ok(Operand::Text { bytes, .. }) => format!("'{}'", String::from_utf8_lossy(&bytes)),
            Ok(Operand::Moment(text)) => format!("d'{}'", String::from_utf8_lossy(&text)),
            Ok(other) => format!("{other:?}"),
            Err(_) => "unsure".to_owned(),
        }
    })
}

#[test]
fn expressions_come_to_what_the_engine_computes() {
    for (expression, expected) in [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * -3", "-9"),
        ("7 - 2 - 1", "4"),
        ("7 div 2", "3"),
        ("-7 div 2", "-3"),
        ("-7 mod 3", "-1"),
        ("7 % 4", "3"),
        ("10 / 2", "5."),
        ("abs(-5)", "5"),
        ("greatest(1, 3, 2) + least(4, 6)", "7"),
        ("coalesce(null, 4, 5)", "4"),
        ("cast(2.5 as signed)", "3"),
        ("cast('-17' as signed integer)", "-17"),
        ("convert(7, unsigned)", "7"),
        ("cast(12 as char)", "'12'"),
        ("concat('a', 1, 'b')", "'a1b'"),
        ("lower('AbC')", "'abc'"),
        ("upper('AbC')", "'ABC'"),
        ("trim('  a b ')", "'a b'"),
        ("substr('hello', 2, 3)", "'ell'"),
        ("substring('hello', -3)", "'llo'"),
        ("substr('hello', 0)", "''"),
        ("substr('hello', -9)", "''"),
        ("left('hello', 2)", "'he'"),
        ("right('hello', 9)", "'hello'"),
        ("lpad('7', 3, '0')", "'007'"),
        ("rpad('hello', 2, 'x')", "'he'"),
        ("repeat('ab', 2)", "'abab'"),
        ("reverse('abc')", "'cba'"),
        ("hex(255)", "'FF'"),
        ("hex('az')", "'617A'"),
        ("length('abc')", "3"),
        ("year('2024-02-29') * 100 + month('2024-02-29')", "202402"),
        ("to_days('2020-01-01')", "737790"),
        ("date('2020-05-05 10:11:12')", "d'2020-05-05'"),
        ("last_day('2024-02-03')", "d'2024-02-29'"),
        ("date_add('2024-01-31', interval 1 month)", "'2024-02-29'"),
        ("'2024-03-01' - interval 1 day", "'2024-02-29'"),
        ("date '2023-03-01' + interval 1 year", "d'2024-03-01'"),
        ("'2024-12-31' + interval 25 hour", "'2025-01-01 01:00:00'"),
        (
            "date_sub('2024-01-01 00:00:00', interval 1 second)",
            "'2023-12-31 23:59:59'",
        ),
        ("cast('2024-01-01' as datetime)", "d'2024-01-01 00:00:00'"),
    ] {
        assert_eq!(computed(expression), expected, "{expression}");
    }
}

#[test]
fn decimals_are_computed_where_they_are_stored() {
    for (expression, expected) in [
        ("1.5 * 2", "3.0"),
        ("1.25 + 1", "2.25"),
        ("0.5 - 1", "-0.5"),
        ("abs(-0.50)", "0.50"),
        ("-(-(.5) - 1)", "1.5"),
    ] {
        assert_eq!(stored(expression), expected, "{expression}");
    }
}

#[test]
fn what_is_not_certain_is_not_computed() {
    for expression in [
        "10 / 3",
        "1.5 * 2",
        "1 / 0",
        "5 mod 0",
        "9223372036854775807 + 1",
        "'2' + 3",
        "now()",
        "rand()",
        "concat('a', null)",
        "coalesce(1, 'a')",
        "upper('é')",
        "cast('12abc' as signed)",
        "cast(-1 as unsigned)",
        "cast(1 as char(1))",
        "date_add('2024-1-31', interval 1 month)",
        "date_add('2024-02-30', interval 1 month)",
        "date_add('9999-12-31', interval 1 day)",
        "date_add('2024-01-01', interval '1:1' minute_second)",
        "f(1)",
        "'a' 'b'",
        "k + 1",
        "concat('a', v)",
        "1 + (select 2)",
        "((((((((((1 + 1))))))))))",
    ] {
        let computed = computed(expression);
        assert!(
            ["unsure", "unread"].contains(&computed.as_str()),
            "{expression}: {computed}"
        );
    }
}
