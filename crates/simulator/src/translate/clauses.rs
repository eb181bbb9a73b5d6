//! Small clauses that the rewriter reads apart: intervals, index hints, lock options.

use crate::cursor::Cursor;
use crate::error::SqlError;
use crate::lexer::{Kind, Token};
use crate::translate::rewriter::Rewriter;

pub(super) fn skip_lock(cursor: &mut Cursor<'_>) {
    cursor.take();
    if cursor.accept("wait") {
        cursor.take();
    }
    while cursor.accept("nowait") || cursor.accept_all(&["skip", "locked"]) {}
}

/// `FORCE INDEX (..)` and its kin; false when the word means something else.
pub(super) fn index_hint(cursor: &mut Cursor<'_>) -> Result<bool, SqlError> {
    if !(cursor.sees("index") || cursor.sees("key")) {
        return Ok(false);
    }
    cursor.take();
    if cursor.accept("for") {
        while !cursor.at_end() && !cursor.sees_symbol("(") {
            cursor.take();
        }
    }
    cursor.brackets()?;
    Ok(true)
}

/// Reads `n UNIT` behind INTERVAL.
pub(super) fn interval(
    rewriter: &mut Rewriter<'_>,
    cursor: &mut Cursor<'_>,
) -> Result<(String, String), SqlError> {
    let mut length = 0;
    let is_unit = |token: &Token| matches!(&token.kind, Kind::Word(word) if UNITS.contains(&word.to_ascii_lowercase().as_str()));
    let mut depth = 0_i32;
    for token in cursor.rest() {
        match token.kind {
            Kind::Symbol("(") => depth += 1,
            Kind::Symbol(")") => depth -= 1,
            _ if depth == 0 && is_unit(token) => break,
            _ => {}
        }
        length += 1;
    }
    let amount = rewriter.apart(cursor.rest().get(..length).unwrap_or_default())?;
    for _ in 0..length {
        cursor.take();
    }
    Ok((amount, cursor.name()?.to_ascii_lowercase()))
}

const UNITS: [&str; 9] = [
    "microsecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "quarter",
    "year",
];

/// Cuts the last operand (a bracketed call or a word) off the text written so far.
pub(super) fn take_last_operand(out: &mut String) -> String {
    let trimmed = out.trim_end().len();
    out.truncate(trimmed);
    let mut start = out.len();
    let mut depth = 0_usize;
    for (index, character) in out.char_indices().rev() {
        match character {
            ')' => depth += 1,
            '(' if depth == 0 => break,
            '(' => depth -= 1,
            ' ' if depth == 0
                && !out
                    .get(index..)
                    .unwrap_or_default()
                    .trim_start()
                    .starts_with('(') =>
            {
                break;
            }
            _ => {}
        }
        start = index;
    }
    out.split_off(start)
}
