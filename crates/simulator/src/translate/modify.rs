//! UPDATE and DELETE of one table.

use crate::cursor::Cursor;
use crate::error::SqlError;
use crate::lexer::{Kind, Token};
use crate::translate::insert::column_name;
use crate::translate::quote_name;
use crate::translate::rewriter::Rewriter;

/// Rewrites an UPDATE.
pub(super) fn update(rewriter: &mut Rewriter<'_>, mut cursor: Cursor<'_>) -> Result<(), SqlError> {
    cursor.take();
    cursor.accept("low_priority");
    let ignores = cursor.accept("ignore");
    rewriter.push(if ignores {
        "UPDATE OR IGNORE"
    } else {
        "UPDATE"
    });
    let target = target(rewriter, &mut cursor)?;
    let joined = joined_tables(&mut cursor);
    if !cursor.accept("set") {
        return Err(cursor.error());
    }
    rewriter.push("SET");
    let (assignments, tail) = split_tail(cursor.rest());
    let assignments = Cursor::new(rewriter.sql, assignments);
    for (index, mut part) in assignments.split_commas().into_iter().enumerate() {
        let column = column_name(&mut part)?;
        part.expect_symbol("=")?;
        let comma = if index > 0 { ", " } else { "" };
        rewriter.push(&format!("{comma}{} =", quote_name(&column)));
        rewriter.tokens(part.rest())?;
    }
    if joined.is_empty() {
        return limit_rows(rewriter, &target, tail);
    }
    update_from(rewriter, &joined, tail)
}

/// The further tables of an UPDATE, each with its join condition.
fn joined_tables<'a>(cursor: &mut Cursor<'a>) -> Vec<&'a [Token]> {
    let mut length = 0;
    while cursor
        .peek_at(length)
        .is_some_and(|token| !token.is_word("set"))
    {
        length += 1;
    }
    let tokens = cursor.rest().get(..length).unwrap_or_default();
    for _ in 0..length {
        cursor.take();
    }
    let separates = |token: &Token| {
        ["join", "inner", "left", "cross"]
            .iter()
            .any(|word| token.is_word(word))
            || token.is_symbol(",")
    };
    tokens
        .split(separates)
        .filter(|part| !part.is_empty())
        .collect()
}

/// SQLite's form of a joined UPDATE: the other tables in FROM, their conditions in WHERE.
fn update_from(
    rewriter: &mut Rewriter<'_>,
    joined: &[&[Token]],
    tail: &[Token],
) -> Result<(), SqlError> {
    let mut conditions = Vec::new();
    for (index, part) in joined.iter().enumerate() {
        let on = part
            .iter()
            .position(|token| token.is_word("on"))
            .unwrap_or(part.len());
        let (table, condition) = part.split_at(on);
        rewriter.push(if index == 0 { "FROM" } else { "," });
        let mut table = Cursor::new(rewriter.sql, table);
        rewriter.table(&mut table)?;
        rewriter.tokens(table.rest())?;
        if let Some((_, condition)) = condition.split_first() {
            conditions.push(rewriter.apart(condition)?);
        }
    }
    if let Some((_, condition)) = tail.split_first() {
        conditions.push(rewriter.apart(condition)?);
    }
    if !conditions.is_empty() {
        rewriter.push(&format!("WHERE ({})", conditions.join(") AND (")));
    }
    Ok(())
}

/// Rewrites a DELETE.
pub(super) fn delete(rewriter: &mut Rewriter<'_>, mut cursor: Cursor<'_>) -> Result<(), SqlError> {
    cursor.take();
    while ["low_priority", "quick", "ignore"]
        .iter()
        .any(|word| cursor.accept(word))
    {}
    if !cursor.sees("from") {
        return delete_joined(rewriter, cursor);
    }
    cursor.take();
    rewriter.push("DELETE FROM");
    let target = target(rewriter, &mut cursor)?;
    limit_rows(rewriter, &target, cursor.rest())
}

/// `DELETE t FROM t JOIN ..`: the rows are named by a sub-query.
fn delete_joined(rewriter: &mut Rewriter<'_>, mut cursor: Cursor<'_>) -> Result<(), SqlError> {
    let alias = column_name(&mut cursor)?;
    cursor.accept_symbol(".");
    cursor.accept_symbol("*");
    let tokens = cursor.rest();
    let rows = rewriter.apart(tokens)?;
    let is_alias = |token: &Token| {
        token
            .name()
            .is_some_and(|name| name.eq_ignore_ascii_case(&alias))
    };
    let named = rewriter
        .tables
        .iter()
        .find(|table| table.table.eq_ignore_ascii_case(&alias));
    let behind = |pair: &[Token]| match pair {
        [name, second] if is_alias(second) => name.name().map(str::to_owned),
        [name, word, second] if word.is_word("as") && is_alias(second) => {
            name.name().map(str::to_owned)
        }
        _ => None,
    };
    let aliased = || {
        let real = tokens
            .windows(2)
            .find_map(behind)
            .filter(|name| !name.eq_ignore_ascii_case("as"));
        let real = real.or_else(|| tokens.windows(3).find_map(behind))?;
        rewriter
            .tables
            .iter()
            .find(|table| table.table.eq_ignore_ascii_case(&real))
    };
    let Some(table) = named.or_else(aliased) else {
        return Err(cursor.error());
    };
    let database = table.database.clone().unwrap_or_default();
    let target = format!("{}.{}", quote_name(&database), quote_name(&table.table));
    let alias = quote_name(&alias);
    rewriter.push(&format!(
        "DELETE FROM {target} WHERE rowid IN (SELECT {alias}.rowid {rows})"
    ));
    Ok(())
}

/// The table with its alias, written as it must stand in a sub-query too.
fn target(rewriter: &mut Rewriter<'_>, cursor: &mut Cursor<'_>) -> Result<String, SqlError> {
    let start = rewriter.out.len();
    rewriter.table(cursor)?;
    if cursor.accept("partition") {
        cursor.brackets()?;
    }
    if cursor.accept("as") || !(cursor.at_end() || ends_target(cursor)) {
        let alias = cursor.name()?;
        rewriter.push(&format!("AS {}", quote_name(&alias)));
    }
    Ok(rewriter.out.get(start..).unwrap_or_default().to_owned())
}

fn ends_target(cursor: &Cursor<'_>) -> bool {
    cursor.sees_symbol(",")
        || ["set", "where", "order", "limit", "join", "inner", "left"]
            .iter()
            .any(|word| cursor.sees(word))
}

/// Splits before WHERE, ORDER or LIMIT outside brackets.
fn split_tail(tokens: &[Token]) -> (&[Token], &[Token]) {
    tokens.split_at(outside_brackets(tokens, &["where", "order", "limit"]))
}

/// The position of the first of these words outside brackets, or the end.
fn outside_brackets(tokens: &[Token], words: &[&str]) -> usize {
    let mut depth = 0_i32;
    let position = tokens.iter().position(|token| {
        match token.kind {
            Kind::Symbol("(") => depth += 1,
            Kind::Symbol(")") => depth -= 1,
            _ => {}
        }
        depth == 0 && words.iter().any(|word| token.is_word(word))
    });
    position.unwrap_or(tokens.len())
}

/// SQLite has no ORDER BY and LIMIT here, so the rows are named by a sub-query.
fn limit_rows(rewriter: &mut Rewriter<'_>, target: &str, tail: &[Token]) -> Result<(), SqlError> {
    if outside_brackets(tail, &["limit"]) == tail.len() {
        let (condition, _) = tail.split_at(outside_brackets(tail, &["order"]));
        return rewriter.tokens(condition);
    }
    rewriter.push(&format!("WHERE rowid IN (SELECT rowid FROM {target}"));
    rewriter.tokens(tail)?;
    rewriter.push(")");
    Ok(())
}
