//! Reads a table, its partition and its alias.

use crate::keyword::{self as k, Key};
use crate::lexer::{Lexer, Token};
use crate::name::{Name, TableRef};

/// A table as found behind FROM, UPDATE, INTO and their like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) table: TableRef<'a>,
    /// The only name in `PARTITION (…)`.
    pub(crate) partition: Option<Name<'a>>,
}

/// Reads `[db.]table [PARTITION (p)] [[AS] alias]`. `None` (with the lexer where it was) when no table
/// stands here, as for a function or a subquery.
pub(crate) fn factor<'a>(lexer: &mut Lexer<'a>) -> Option<Found<'a>> {
    let (mut table, mut ahead) = (plain(lexer)?, *lexer);
    if matches!(ahead.token(), Token::Symbol(b'(')) {
        return None;
    }
    ahead = *lexer;
    if matches!(ahead.token(), Token::UserVariable(_)) {
        // `table@link`: the table of another database.
        *lexer = ahead;
    }
    let partition = partition(lexer);
    table.alias = alias(lexer);
    Some(Found { table, partition })
}

/// Reads `[db.]table` and nothing behind it.
pub(crate) fn plain<'a>(lexer: &mut Lexer<'a>) -> Option<TableRef<'a>> {
    let mut ahead = *lexer;
    let mut database = None;
    let mut table = name(&mut ahead)?;
    if ahead.take_dot() {
        database = Some(table);
        table = name(&mut ahead)?;
    }
    *lexer = ahead;
    Some(TableRef {
        database,
        name: table,
        alias: None,
    })
}

/// Reads a name. A string in double quotes is one (`ANSI_QUOTES`): nothing else makes sense in these places.
pub(crate) fn name<'a>(lexer: &mut Lexer<'a>) -> Option<Name<'a>> {
    let mut ahead = *lexer;
    let name = match ahead.token() {
        Token::Word(text, _) => Name::bare(text),
        Token::Quoted(name) => name,
        Token::String { body, quote: b'"' } => Name::quoted(body, b'"'),
        _ => return None,
    };
    *lexer = ahead;
    Some(name)
}

/// Reads `PARTITION (p, …)` or `SUBPARTITION (p, …)` and gives the name when there is one only.
pub(crate) fn partition<'a>(lexer: &mut Lexer<'a>) -> Option<Name<'a>> {
    let mut ahead = *lexer;
    if !matches!(
        ahead.token(),
        Token::Word(_, k::PARTITION | k::SUBPARTITION)
    ) || !ahead.take_symbol(b'(')
    {
        return None;
    }
    let only = name(&mut ahead);
    let is_only = ahead.peek() == Token::Symbol(b')');
    if !ahead.skip_group() {
        return None;
    }
    *lexer = ahead;
    only.filter(|_| is_only)
}

fn alias<'a>(lexer: &mut Lexer<'a>) -> Option<Name<'a>> {
    let mut ahead = *lexer;
    let explicit = ahead.take_word(k::AS);
    let alias = match ahead.token() {
        // AS OF SNAPSHOT and AS OF SCN name a time.
        Token::Word(_, k::OF) if explicit => return None,
        Token::Word(_, key) if !explicit && ends_factor(key) => return None,
        Token::Word(text, _) => Name::bare(text),
        Token::Quoted(name) => name,
        Token::String { body, quote } => Name::quoted(body, quote),
        _ => return None,
    };
    *lexer = ahead;
    Some(alias)
}

/// Keywords that can follow a table and are no alias.
fn ends_factor(key: Key) -> bool {
    matches!(
        key,
        k::WHERE
            | k::FROM
            | k::SET
            | k::ON
            | k::USING
            | k::JOIN
            | k::INNER
            | k::LEFT
            | k::RIGHT
            | k::CROSS
            | k::FULL
            | k::NATURAL
            | k::STRAIGHT_JOIN
            | k::GROUP
            | k::ORDER
            | k::LIMIT
            | k::HAVING
            | k::FOR
            | k::LOCK
            | k::UNION
            | k::INTERSECT
            | k::EXCEPT
            | k::MINUS
            | k::USE
            | k::FORCE
            | k::IGNORE
            | k::WINDOW
            | k::INTO
            | k::SELECT
            | k::VALUES
            | k::VALUE
            | k::PROCEDURE
            | k::PARTITION
            | k::SUBPARTITION
            | k::RETURNING
            | k::FETCH
            | k::START
            | k::CONNECT
            | k::WITH
    )
}
