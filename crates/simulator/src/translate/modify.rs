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
    if !cursor.accept("set") {
        return Err(SqlError::unsupported());
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
    limit_rows(rewriter, &target, tail)
}

/// Rewrites a DELETE.
pub(super) fn delete(rewriter: &mut Rewriter<'_>, mut cursor: Cursor<'_>) -> Result<(), SqlError> {
    cursor.take();
    while ["low_priority", "quick", "ignore"]
        .iter()
        .any(|word| cursor.accept(word))
    {}
    if !cursor.accept("from") {
        return Err(SqlError::unsupported());
    }
    rewriter.push("DELETE FROM");
    let target = target(rewriter, &mut cursor)?;
    limit_rows(rewriter, &target, cursor.rest())
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
    let mut depth = 0_i32;
    let position = tokens.iter().position(|token| {
        match token.kind {
            Kind::Symbol("(") => depth += 1,
            Kind::Symbol(")") => depth -= 1,
            _ => {}
        }
        depth == 0
            && ["where", "order", "limit"]
                .iter()
                .any(|word| token.is_word(word))
    });
    tokens.split_at(position.unwrap_or(tokens.len()))
}

/// SQLite has no ORDER BY and LIMIT here, so the rows are named by a sub-query.
fn limit_rows(rewriter: &mut Rewriter<'_>, target: &str, tail: &[Token]) -> Result<(), SqlError> {
    let limited = tail.iter().any(|token| token.is_word("limit"));
    if !limited {
        let (before, _) = match tail.iter().position(|token| token.is_word("order")) {
            Some(position) => tail.split_at(position),
            None => (tail, tail),
        };
        return rewriter.tokens(before);
    }
    rewriter.push(&format!("WHERE rowid IN (SELECT rowid FROM {target}"));
    rewriter.tokens(tail)?;
    rewriter.push(")");
    Ok(())
}
