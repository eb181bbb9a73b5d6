//! Conditions as trees of short strings, to be compared.

use crate::written::{column, name, operator};
use odp_sql::{
    Backslash, Charset, Compute, Filter, Function, Item, Literal, LiteralList, Name, Outline,
    TemporalKind, Unescape,
};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    Leaf(String),
    Not(Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
    Unsure,
}

impl Tree {
    pub(crate) fn and(self, right: Self) -> Self {
        Self::And(Box::new(self), Box::new(right))
    }

    pub(crate) fn or(self, right: Self) -> Self {
        Self::Or(Box::new(self), Box::new(right))
    }

    /// The opposite; twice the opposite is the thing itself.
    pub(crate) fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            Self::Unsure => Self::Unsure,
            other => Self::Not(Box::new(other)),
        }
    }

    pub(crate) fn of(filter: Filter<'_>) -> Option<Self> {
        let mut stack = Vec::new();
        for item in filter {
            let value = match item {
                Item::Compare {
                    value: Literal::Unsure,
                    ..
                }
                | Item::Call { .. }
                | Item::Unsure => Self::Unsure,
                Item::Compare {
                    column: c,
                    op,
                    value,
                } => Self::Leaf(format!(
                    "{} {} {}",
                    column(&c),
                    operator(op),
                    literal(&value)
                )),
                Item::In {
                    column: c,
                    list: members,
                } => Self::Leaf(format!("{} in {}", column(&c), list(members))),
                Item::Between {
                    column: c,
                    low,
                    high,
                } => Self::Leaf(format!(
                    "{} between {} {}",
                    column(&c),
                    literal(&low),
                    literal(&high)
                )),
                Item::Same { left, right } => {
                    Self::Leaf(format!("{} = {}", column(&left), column(&right)))
                }
                Item::IsNull(c) => Self::Leaf(format!("{} is null", column(&c))),
                Item::Not => stack.pop().map(Self::negated)?,
                Item::And => {
                    let right = stack.pop()?;
                    stack.pop()?.and(right)
                }
                Item::Or => {
                    let right = stack.pop()?;
                    stack.pop()?.or(right)
                }
            };
            stack.push(value);
        }
        stack.pop()
    }

    /// Whether this tree, read from the statement, says nothing that `truth` does not.
    pub(crate) fn claims_no_more_than(&self, truth: &Self) -> bool {
        match (self, truth) {
            (Self::Unsure, _) => true,
            (Self::Or(left, right), _) if left.is_part_of_more() && **right == Self::Unsure => true,
            (Self::Leaf(a), Self::Leaf(b)) => a == b,
            (Self::Not(a), Self::Not(b)) => a.claims_no_more_than(b),
            (Self::Not(a), Self::Unsure) => a.claims_no_more_than(truth),
            (Self::And(a, b), Self::And(c, d)) | (Self::Or(a, b), Self::Or(c, d)) => {
                a.claims_no_more_than(c) && b.claims_no_more_than(d)
            }
            _ => false,
        }
    }

    /// `… AND ?`, the left side of how a group inside a larger expression comes out.
    fn is_part_of_more(&self) -> bool {
        matches!(self, Self::And(_, right) if **right == Self::Unsure)
    }

    pub(crate) fn is_unsure_somewhere(&self) -> bool {
        match self {
            Self::Leaf(text) => text.contains('\u{0}'),
            Self::Not(inner) => inner.is_unsure_somewhere(),
            Self::And(a, b) | Self::Or(a, b) => a.is_unsure_somewhere() || b.is_unsure_somewhere(),
            Self::Unsure => true,
        }
    }
}

fn text(bytes: impl Iterator<Item = u8>) -> String {
    String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
}

/// The literal's value; [`Literal::Unsure`] is a NUL.
fn literal(literal: &Literal<'_>) -> String {
    match literal {
        Literal::Null => "null".into(),
        Literal::Number {
            negative,
            text: digits,
        } => {
            format!(
                "{}{}",
                if *negative { "-" } else { "" },
                text(digits.iter().copied())
            )
        }
        Literal::String { body, quote } => {
            format!(
                "'{}'",
                text(Unescape::new(
                    body,
                    *quote,
                    Charset::Utf8,
                    Backslash::Escapes
                ))
            )
        }
        Literal::Hex(digits) => format!("x{}", text(digits.iter().copied())),
        Literal::Temporal { kind, body } => {
            let kind = match kind {
                TemporalKind::Date => "DATE",
                TemporalKind::Time => "TIME",
                TemporalKind::Timestamp => "TIMESTAMP",
            };
            format!("{kind} {}", text(body.iter().copied()))
        }
        Literal::True => "true".into(),
        Literal::False => "false".into(),
        Literal::Parameter(_) => "?".into(),
        Literal::Expression(expression) => expression.compute(&mut Written).unwrap_or_default(),
        Literal::Unsure => "\u{0}".into(),
        other => format!("{other:?}"),
    }
}

/// The opposite; twice the opposite is the thing itself.
pub(crate) fn minus(value: &str) -> String {
    match value.strip_prefix('-') {
        Some(value) => value.to_owned(),
        None => format!("-{value}"),
    }
}

/// Writes an expression with its operators in front.
struct Written;

impl<'a> Compute<'a> for Written {
    type Value = String;

    fn literal(&mut self, value: Literal<'a>) -> Option<String> {
        Some(literal(&value))
    }

    fn apply(&mut self, function: Function<'a>, arguments: Vec<String>) -> Option<String> {
        let arguments = arguments.join(" ");
        Some(match function {
            Function::Negate => minus(&arguments),
            Function::Add => format!("(+ {arguments})"),
            Function::Subtract => format!("(- {arguments})"),
            Function::Multiply => format!("(* {arguments})"),
            Function::Divide => format!("(/ {arguments})"),
            Function::IntegerDivide => format!("(DIV {arguments})"),
            Function::Modulo => format!("(% {arguments})"),
            Function::Named(name) => {
                format!("({} {arguments})", text(name.iter().copied()))
            }
            Function::Cast(to) => format!("(cast {arguments} {to:?})"),
            Function::AddInterval(unit) => format!("(add {arguments} {unit:?})"),
            Function::SubtractInterval(unit) => format!("(subtract {arguments} {unit:?})"),
        })
    }
}

fn list(list: LiteralList<'_>) -> String {
    list.map(|value| literal(&value))
        .collect::<Vec<_>>()
        .join(", ")
}

pub(crate) fn table(found: &Outline<'_>) -> String {
    let Some(table) = found.table() else {
        return String::new();
    };
    let part = |part: Option<Name<'_>>| part.map(|n| name(&n)).unwrap_or_default();
    let partition = part(found.partition());
    format!(
        "{}.{} {} {partition}",
        part(table.database),
        name(&table.name),
        part(table.alias)
    )
}

pub(crate) fn rows(found: &Outline<'_>) -> String {
    let rows = found.rows();
    let columns = rows
        .columns()
        .into_iter()
        .flatten()
        .map(|n| name(&n))
        .collect::<Vec<_>>();
    let rows = rows
        .map(|row| format!("({})", list(row)))
        .collect::<Vec<_>>();
    format!("{} {}", columns.join(","), rows.join(","))
}
