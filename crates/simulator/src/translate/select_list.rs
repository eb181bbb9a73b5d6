//! SELECT: names the columns of the result as MySQL does, by the text of each expression.

use crate::cursor::{Cursor, split};
use crate::error::SqlError;
use crate::lexer::{Kind, Token};
use crate::translate::quote_name;
use crate::translate::rewriter::Rewriter;

/// Rewrites a query; only the outermost select list needs names.
pub(super) fn select(rewriter: &mut Rewriter<'_>, tokens: &[Token]) -> Result<(), SqlError> {
    let is_select = tokens.first().is_some_and(|token| token.is_word("select"));
    if !is_select {
        return rewriter.tokens(tokens);
    }
    let start = 1 + tokens
        .iter()
        .skip(1)
        .take_while(|token| {
            [
                "distinct",
                "all",
                "distinctrow",
                "sql_no_cache",
                "sql_calc_found_rows",
                "straight_join",
            ]
            .iter()
            .any(|word| token.is_word(word))
        })
        .count();
    let end = start + list_length(tokens.get(start..).unwrap_or_default());
    rewriter.push("SELECT");
    let modifiers = tokens.get(1..start).unwrap_or_default();
    let distinct = modifiers
        .iter()
        .any(|token| !token.is_word("all") && is_distinct(token));
    if distinct {
        rewriter.push("DISTINCT");
    }
    let list = tokens.get(start..end).unwrap_or_default();
    for (index, item) in split(list, ",").into_iter().enumerate() {
        if index > 0 {
            rewriter.push(",");
        }
        self::item(rewriter, item)?;
    }
    rewriter.tokens(tokens.get(end..).unwrap_or_default())
}

fn is_distinct(token: &Token) -> bool {
    token.is_word("distinct") || token.is_word("distinctrow")
}

/// How many tokens the select list has.
fn list_length(tokens: &[Token]) -> usize {
    let mut depth = 0_i32;
    let ends = [
        "from", "where", "limit", "union", "order", "group", "having", "into", "for",
    ];
    let end = tokens.iter().position(|token| {
        match token.kind {
            Kind::Symbol("(") => depth += 1,
            Kind::Symbol(")") => depth -= 1,
            _ => {}
        }
        depth == 0 && ends.iter().any(|word| token.is_word(word))
    });
    end.unwrap_or(tokens.len())
}

fn item(rewriter: &mut Rewriter<'_>, item: &[Token]) -> Result<(), SqlError> {
    let (expression, alias) = split_alias(item);
    let is_star = expression.last().is_some_and(|token| token.is_symbol("*"));
    if is_star && expression.len() <= 5 && expression.iter().rev().skip(1).all(is_path) {
        return star(rewriter, expression);
    }
    rewriter.tokens(expression)?;
    let name = match alias {
        Some(alias) => alias,
        None => default_name(rewriter.sql, expression),
    };
    rewriter.push(&format!("AS {}", quote_name(&name)));
    Ok(())
}

/// `*`, `t.*` or `db.t.*`, of which SQLite knows the first two.
fn star(rewriter: &mut Rewriter<'_>, expression: &[Token]) -> Result<(), SqlError> {
    if expression.len() == 5 {
        return rewriter.tokens(expression.get(2..).unwrap_or_default());
    }
    rewriter.tokens(expression)
}

fn is_path(token: &Token) -> bool {
    token.name().is_some() || token.is_symbol(".")
}

fn split_alias(item: &[Token]) -> (&[Token], Option<String>) {
    let Some((last, front)) = item.split_last() else {
        return (item, None);
    };
    let text = match &last.kind {
        Kind::Word(name) | Kind::Quoted(name) => name.clone(),
        Kind::Text(text) => String::from_utf8_lossy(text).into_owned(),
        _ => return (item, None),
    };
    match front.split_last() {
        Some((before, expression)) if before.is_word("as") => (expression, Some(text)),
        Some((before, _)) if ends_operand(before) && !last.is_word("end") && !is_keyword(last) => {
            (front, Some(text))
        }
        _ => (item, None),
    }
}

/// Words that end an expression and are no alias.
fn is_keyword(token: &Token) -> bool {
    ["null", "true", "false", "unknown", "day", "desc", "asc"]
        .iter()
        .any(|word| token.is_word(word))
}

fn ends_operand(token: &Token) -> bool {
    match &token.kind {
        Kind::Word(word) => {
            let operators = [
                "and", "or", "not", "in", "is", "like", "between", "div", "mod", "xor", "case",
                "when", "then", "else", "as", "interval", "distinct", "binary", "regexp", "rlike",
                "collate", "exists", "all", "select",
            ];
            !operators.contains(&word.to_ascii_lowercase().as_str())
        }
        Kind::Symbol(symbol) => *symbol == ")",
        _ => true,
    }
}

/// A column's own name, a literal's value, else the text of the expression.
fn default_name(sql: &[u8], expression: &[Token]) -> String {
    let is_column = expression.iter().all(is_path);
    match expression {
        [
            Token {
                kind: Kind::Text(text),
                ..
            },
        ] => String::from_utf8_lossy(text).into_owned(),
        [.., last] if is_column => last.name().unwrap_or_default().to_owned(),
        _ => Cursor::new(sql, expression).text(),
    }
}
