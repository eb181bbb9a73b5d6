//! Reads out of a statement's tokens which tables it touches and under which conditions.

use crate::cursor::{Cursor, TableName, split};
use crate::ddl::definition::TableDef;
use crate::error::SqlError;
use crate::lexer::{Kind, Token};
use rusqlite::types::Value;

/// A constant of a statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Null,
    Number(String),
    Text(Vec<u8>),
    /// The parameter with this index.
    Parameter(usize),
    /// Something that must be executed to be known.
    Unknown,
    /// `DEFAULT`, or a column that an INSERT leaves out.
    Default,
}

/// What narrows a statement down to partitions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Keys {
    /// `column = constant` or `column IN (constants)`, all of which must hold.
    Conditions(Vec<(String, Vec<Operand>)>),
    /// The rows of an INSERT; no names means the table's order.
    Rows {
        columns: Option<Vec<String>>,
        rows: Vec<Vec<Operand>>,
    },
}

/// A table that a statement touches.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Touch {
    pub(crate) table: TableName,
    /// The partition that the statement names.
    pub(crate) partition: Option<String>,
    pub(crate) keys: Keys,
}

/// The touches of a data statement whose tables are `tables`, the first being its target.
pub(crate) fn touches(sql: &[u8], tokens: &[Token], tables: &[TableName]) -> Vec<Touch> {
    let parameters = Parameters::new(tokens);
    let partition = named_partition(sql, tokens);
    let first = tokens.first();
    let inserts = first.is_some_and(|token| token.is_word("insert") || token.is_word("replace"));
    let conditions = conditions(sql, tokens, &parameters);
    let mut touches = Vec::new();
    for (index, table) in tables.iter().enumerate() {
        let rows = (inserts && index == 0)
            .then(|| rows(sql, tokens, &parameters).ok())
            .flatten();
        let keys = rows.unwrap_or_else(|| Keys::Conditions(conditions.clone()));
        let partition = partition.clone().filter(|_| index == 0);
        touches.push(Touch {
            table: table.clone(),
            partition,
            keys,
        });
    }
    touches
}

fn named_partition(sql: &[u8], tokens: &[Token]) -> Option<String> {
    let position = tokens.windows(2).position(|pair| {
        matches!(pair, [word, bracket] if word.is_word("partition") && bracket.is_symbol("("))
    })?;
    let mut cursor = Cursor::new(sql, tokens.get(position + 1..)?);
    cursor.brackets().ok()?.name().ok()
}

/// Gives every `?` its number.
struct Parameters(Vec<usize>);

impl Parameters {
    fn new(tokens: &[Token]) -> Self {
        let marks = tokens.iter().filter(|token| token.kind == Kind::Parameter);
        Self(marks.map(|token| token.start).collect())
    }

    fn operand(&self, tokens: &[Token]) -> Operand {
        match tokens {
            [token] => match &token.kind {
                Kind::Number(text) => Operand::Number(text.clone()),
                Kind::Text(text) | Kind::Blob(text) => Operand::Text(text.clone()),
                Kind::Parameter => {
                    let index = self.0.iter().position(|start| *start == token.start);
                    index.map_or(Operand::Unknown, Operand::Parameter)
                }
                Kind::Word(word) if word.eq_ignore_ascii_case("null") => Operand::Null,
                Kind::Word(word) if word.eq_ignore_ascii_case("default") => Operand::Default,
                _ => Operand::Unknown,
            },
            [
                sign,
                Token {
                    kind: Kind::Number(text),
                    ..
                },
            ] if sign.is_symbol("-") => Operand::Number(format!("-{text}")),
            _ => Operand::Unknown,
        }
    }
}

/// The rows of an INSERT's VALUES or SET; an error for an INSERT from a query.
fn rows(sql: &[u8], tokens: &[Token], parameters: &Parameters) -> Result<Keys, SqlError> {
    let mut cursor = Cursor::new(sql, tokens);
    while !cursor.at_end() && !cursor.accept("into") {
        let next_is_name = cursor.peek_at(1).is_some_and(|token| {
            token.name().is_some() && !token.is_word("into") && !token.is_word("ignore")
        });
        cursor.take();
        if next_is_name && !cursor.sees("low_priority") && !cursor.sees("delayed") {
            break;
        }
    }
    cursor.table_name()?;
    if cursor.accept("partition") {
        cursor.brackets()?;
    }
    if cursor.accept("set") {
        return set_row(&cursor, parameters);
    }
    let mut columns = None;
    if cursor.sees_symbol("(") {
        let inside = cursor.brackets()?;
        let names = inside.split_commas();
        let last = |part: Cursor<'_>| Some(part.rest().last()?.name()?.to_owned());
        columns = Some(names.into_iter().filter_map(last).collect::<Vec<_>>());
    }
    if !(cursor.accept("values") || cursor.accept("value")) {
        return Err(cursor.error());
    }
    let mut rows = Vec::new();
    while cursor.sees_symbol("(") {
        let inside = cursor.brackets()?;
        let values = inside.split_commas();
        rows.push(
            values
                .iter()
                .map(|value| parameters.operand(value.rest()))
                .collect(),
        );
        cursor.accept_symbol(",");
    }
    Ok(Keys::Rows {
        columns: columns.filter(|columns| !columns.is_empty()),
        rows,
    })
}

fn set_row(cursor: &Cursor<'_>, parameters: &Parameters) -> Result<Keys, SqlError> {
    let mut columns = Vec::new();
    let mut row = Vec::new();
    for mut part in cursor.split_commas() {
        columns.push(part.name()?);
        part.expect_symbol("=")?;
        let value: Vec<Token> = part
            .rest()
            .iter()
            .take_while(|token| !token.is_word("on"))
            .cloned()
            .collect();
        row.push(parameters.operand(&value));
    }
    Ok(Keys::Rows {
        columns: Some(columns),
        rows: vec![row],
    })
}

/// The equalities of a statement; with an OR or NOT anywhere, none can be relied on.
fn conditions(
    sql: &[u8],
    tokens: &[Token],
    parameters: &Parameters,
) -> Vec<(String, Vec<Operand>)> {
    let doubtful = tokens.iter().any(|token| {
        token.is_word("or")
            || token.is_symbol("||")
            || token.is_word("union")
            || token.is_word("xor")
    });
    if doubtful {
        return Vec::new();
    }
    let start = tokens
        .iter()
        .position(|token| token.is_word("where") || token.is_word("on"));
    let Some(start) = start else {
        return Vec::new();
    };
    let tokens = tokens.get(start + 1..).unwrap_or_default();
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let before = tokens.get(..index).unwrap_or_default();
        let after = tokens.get(index + 1..).unwrap_or_default();
        if token.is_symbol("=") {
            found.extend(equality(before, after, parameters));
        } else if token.is_word("in") && !before.last().is_some_and(|token| token.is_word("not")) {
            found.extend(membership(sql, before, after, parameters));
        }
    }
    found
}

fn equality(
    before: &[Token],
    after: &[Token],
    parameters: &Parameters,
) -> Option<(String, Vec<Operand>)> {
    let (right, _) = constant(after);
    if let Some(column) = last_column(before) {
        let operand = parameters.operand(right?);
        return Some((column, vec![operand])).filter(|(_, list)| !list.contains(&Operand::Unknown));
    }
    let left = before.last()?;
    let signed = before.len() >= 2
        && before
            .get(before.len() - 2)
            .is_some_and(|token| token.is_symbol("-"));
    let start = before.len() - if signed { 2 } else { 1 };
    is_constant(left).then_some(())?;
    let column = first_column(after)?;
    Some((column, vec![parameters.operand(before.get(start..)?)]))
}

fn is_constant(token: &Token) -> bool {
    match &token.kind {
        Kind::Number(_) | Kind::Text(_) | Kind::Blob(_) | Kind::Parameter => true,
        Kind::Word(word) => word.eq_ignore_ascii_case("null"),
        _ => false,
    }
}

/// The constant at the front, if what follows does not make it part of an expression.
fn constant(tokens: &[Token]) -> (Option<&[Token]>, usize) {
    let signed = tokens.first().is_some_and(|token| token.is_symbol("-"));
    let length = if signed { 2 } else { 1 };
    let whole = tokens
        .get(..length)
        .filter(|part| part.last().is_some_and(is_constant));
    let continues = tokens.get(length).is_some_and(|token| {
        ["+", "-", "*", "/", "%", "|", "&", "^", "<<", ">>"]
            .iter()
            .any(|symbol| token.is_symbol(symbol))
            || token.is_word("div")
            || token.is_word("mod")
    });
    (whole.filter(|_| !continues), length)
}

fn last_column(before: &[Token]) -> Option<String> {
    let last = before.last()?;
    let name = last.name()?;
    let starts = before
        .len()
        .checked_sub(2)
        .and_then(|index| before.get(index));
    let arithmetic = starts.is_some_and(|token| {
        ["+", "-", "*", "/", "%"]
            .iter()
            .any(|symbol| token.is_symbol(symbol))
    });
    (!arithmetic && !last.is_word("null")).then(|| name.to_owned())
}

fn first_column(after: &[Token]) -> Option<String> {
    let mut cursor = after.iter();
    let mut name = cursor.next()?.name()?;
    while cursor
        .clone()
        .next()
        .is_some_and(|token| token.is_symbol("."))
    {
        cursor.next();
        name = cursor.next()?.name()?;
    }
    (!cursor.next().is_some_and(|token| token.is_symbol("("))).then(|| name.to_owned())
}

fn membership(
    sql: &[u8],
    before: &[Token],
    after: &[Token],
    parameters: &Parameters,
) -> Option<(String, Vec<Operand>)> {
    let column = last_column(before)?;
    let inside = Cursor::new(sql, after).brackets().ok()?;
    let operands: Vec<Operand> = split(inside.rest(), ",")
        .into_iter()
        .map(|part| parameters.operand(part))
        .collect();
    (!operands.contains(&Operand::Unknown)).then_some((column, operands))
}

impl Touch {
    /// The value that an INSERT of a single row gives a column, as text.
    pub(crate) fn single_value(
        &self,
        definition: &TableDef,
        column: &str,
        parameters: &[Value],
    ) -> Option<String> {
        let Keys::Rows { columns, rows } = &self.keys else {
            return None;
        };
        let [row] = rows.as_slice() else { return None };
        let position = match columns {
            Some(names) => names
                .iter()
                .position(|name| name.eq_ignore_ascii_case(column)),
            None => definition.position(column),
        };
        Some(match row.get(position?)? {
            Operand::Number(text) => text.clone(),
            Operand::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Operand::Parameter(index) => match parameters.get(*index)? {
                Value::Integer(number) => number.to_string(),
                Value::Real(number) => number.to_string(),
                Value::Text(text) => text.clone(),
                Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                Value::Null => return None,
            },
            Operand::Null | Operand::Unknown | Operand::Default => return None,
        })
    }
}
