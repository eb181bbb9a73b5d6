//! Writes what was read in a short form that test tables can hold.
#![allow(dead_code, reason = "each test binary uses a part")]

use odp_sql::{
    Charset, ColumnRef, CompareOp, Compute, Function, Item, Literal, LiteralList, Name, Outline,
    outline,
};

fn read(text: &str) -> Outline<'_> {
    outline(text.as_bytes(), Charset::Utf8)
}

pub(crate) fn name(name: &Name<'_>) -> String {
    String::from_utf8_lossy(&name.decoded().collect::<Vec<_>>()).into_owned()
}

/// `db.table as alias`
pub(crate) fn table(text: &str) -> String {
    let Some(table) = read(text).table() else {
        return String::new();
    };
    let database = table.database.map(|d| name(&d) + ".").unwrap_or_default();
    let alias = table
        .alias
        .map(|a| format!(" as {}", name(&a)))
        .unwrap_or_default();
    format!("{database}{}{alias}", name(&table.name))
}

pub(crate) fn literal(literal: &Literal<'_>) -> String {
    let plain = |bytes: &[u8]| {
        bytes
            .escape_ascii()
            .to_string()
            .replace("\\\\", "\\")
            .replace("\\'", "'")
            .replace("\\\"", "\"")
    };
    match literal {
        Literal::Null => "NULL".into(),
        Literal::Number { negative, text } => {
            format!("{}{}", if *negative { "-" } else { "" }, plain(text))
        }
        Literal::String { body, .. } => {
            if body.is_ascii() {
                format!("'{}'", String::from_utf8_lossy(body))
            } else {
                format!("'{}'", body.escape_ascii())
            }
        }
        Literal::Introduced {
            introducer, body, ..
        } => format!("{introducer:?}'{}'", body.escape_ascii()),
        Literal::Hex(digits) => format!("x{}", plain(digits)),
        Literal::Bit(digits) => format!("b{}", plain(digits)),
        Literal::Temporal { body, .. } => format!("d{}", plain(body)),
        Literal::True => "TRUE".into(),
        Literal::False => "FALSE".into(),
        Literal::Parameter(ordinal) => format!("p{ordinal}"),
        Literal::UserVariable(variable) => format!("@{}", name(variable)),
        Literal::Default => "DEFAULT".into(),
        Literal::Expression(expression) => expression.compute(&mut Written).unwrap_or_default(),
        Literal::Unsure => "?".into(),
    }
}

fn list(list: LiteralList<'_>) -> String {
    list.map(|value| literal(&value))
        .collect::<Vec<_>>()
        .join(" ")
}

pub(crate) fn column(column: &ColumnRef<'_>) -> String {
    let table = column.table.map(|t| name(&t) + ".").unwrap_or_default();
    table + &name(&column.column)
}

pub(crate) fn operator(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "=",
        CompareOp::NullSafeEq => "<=>",
        CompareOp::Ne => "<>",
        CompareOp::Lt => "<",
        CompareOp::Le => "<=",
        CompareOp::Gt => ">",
        CompareOp::Ge => ">=",
    }
}

pub(crate) fn item(item: Item<'_>) -> String {
    match item {
        Item::Compare {
            column: c,
            op,
            value,
        } => format!("{}{}{}", column(&c), operator(op), literal(&value)),
        Item::Call {
            function,
            column: c,
            op,
            value,
        } => {
            let function = name(&function);
            format!(
                "{function}({}){}{}",
                column(&c),
                operator(op),
                literal(&value)
            )
        }
        Item::In {
            column: c,
            list: members,
        } => format!("{}{{{}}}", column(&c), list(members)),
        Item::Between {
            column: c,
            low,
            high,
        } => format!("{}[{}..{}]", column(&c), literal(&low), literal(&high)),
        Item::Same { left, right } => format!("{}={}", column(&left), column(&right)),
        Item::IsNull(c) => format!("{}0", column(&c)),
        Item::And => "&".into(),
        Item::Or => "|".into(),
        Item::Not => "!".into(),
        Item::Unsure => "?".into(),
    }
}

pub(crate) fn conditions(text: &str) -> String {
    read(text).filter().map(item).collect::<Vec<_>>().join(" ")
}

/// `columns: [row] [row]`
pub(crate) fn rows(text: &str) -> String {
    let rows = read(text).rows();
    let columns = rows
        .columns()
        .map(|c| c.map(|n| name(&n)).collect::<Vec<_>>().join(" ") + ": ");
    let written: Vec<_> = rows.map(|row| format!("[{}]", list(row))).collect();
    columns.unwrap_or_default() + &written.join(" ")
}

/// Writes an expression as `[function arguments]`.
struct Written;

impl<'a> Compute<'a> for Written {
    type Value = String;

    fn literal(&mut self, value: Literal<'a>) -> Option<String> {
        Some(literal(&value))
    }

    fn apply(&mut self, function: Function<'a>, arguments: Vec<String>) -> Option<String> {
        let function = match function {
            Function::Named(name) => String::from_utf8_lossy(name).into_owned(),
            other => format!("{other:?}"),
        };
        Some(format!("[{function} {}]", arguments.join(" ")))
    }
}
