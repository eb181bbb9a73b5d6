//! Reads a table, its partition and its alias.

use crate::keyword::{self as k, Key};
use crate::lexer::{Lexer, Mark, Token};
use crate::name::{Name, TableRef};

/// A table as found behind FROM, UPDATE, INTO and their like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) table: TableRef<'a>,
    /// The only name in `PARTITION (…)`.
    pub(crate) partition: Option<Name<'a>>,
    /// The place before a WHERE that was read already, as the usual next word.
    pub(crate) before_where: Option<Mark>,
}

/// Reads `[db.]table [PARTITION (p)] [[AS] alias]`. `None` (with the lexer where it was) when no table
/// stands here, as for a function or a subquery.
pub(crate) fn factor<'a>(lexer: &mut Lexer<'a>) -> Option<Found<'a>> {
    let start = lexer.mark();
    let first = lexer.token();
    let found = factor_from(first, lexer);
    if let Some(before) = found.map_or(Some(start), |found| found.before_where) {
        lexer.reset(before);
    }
    found
}

/// As [`factor`], when the first token is already read, and a WHERE behind the table is read too. Leaves
/// the lexer anywhere when there is no table.
#[expect(
    clippy::inline_always,
    reason = "its result is taken apart at once, and building it costs more than reading it"
)]
#[inline(always)]
pub(crate) fn factor_from<'a>(first: Token<'a>, lexer: &mut Lexer<'a>) -> Option<Found<'a>> {
    let mut table = plain_from(first, lexer)?;
    let mut partition = None;
    loop {
        let behind = lexer.mark();
        match lexer.token() {
            Token::Symbol(b'(') => return None,
            // `table@link`: the table of another database.
            Token::UserVariable(_) => {}
            Token::Word(_, k::PARTITION | k::SUBPARTITION) if partition.is_none() => {
                partition = Some(only_name(lexer)?);
            }
            token => {
                let mut before_where = None;
                if let Token::Word(_, k::WHERE) = token {
                    before_where = Some(behind);
                } else {
                    table.alias = alias(token, lexer);
                    if table.alias.is_none() {
                        lexer.reset(behind);
                    }
                }
                let partition = partition.and_then(|Only(name)| name);
                return Some(Found {
                    table,
                    partition,
                    before_where,
                });
            }
        }
    }
}

/// Reads `[db.]table` and nothing behind it.
pub(crate) fn plain<'a>(lexer: &mut Lexer<'a>) -> Option<TableRef<'a>> {
    let start = lexer.mark();
    let first = lexer.token();
    let table = plain_from(first, lexer);
    if table.is_none() {
        lexer.reset(start);
    }
    table
}

/// As [`plain`], when the first token is already read. Leaves the lexer anywhere when there is no table.
#[expect(
    clippy::inline_always,
    reason = "its result is taken apart at once, and building it costs more than reading it"
)]
#[inline(always)]
pub(crate) fn plain_from<'a>(first: Token<'a>, lexer: &mut Lexer<'a>) -> Option<TableRef<'a>> {
    let first = name_of(first)?;
    if !lexer.take_dot() {
        return Some(TableRef {
            database: None,
            name: first,
            alias: None,
        });
    }
    Some(TableRef {
        database: Some(first),
        name: name(lexer)?,
        alias: None,
    })
}

/// Reads a name. A string in double quotes is one (`ANSI_QUOTES`): nothing else makes sense in these places.
pub(crate) fn name<'a>(lexer: &mut Lexer<'a>) -> Option<Name<'a>> {
    let mut ahead = *lexer;
    let name = name_of(ahead.token())?;
    *lexer = ahead;
    Some(name)
}

fn name_of(token: Token<'_>) -> Option<Name<'_>> {
    match token {
        Token::Word(text, _) => Some(Name::new(text)),
        Token::Quoted(name) => Some(name),
        Token::String(written @ [b'"', ..]) => Some(Name::new(written)),
        _ => None,
    }
}

/// Reads `PARTITION (p, …)` or `SUBPARTITION (p, …)` and gives the name when there is one only.
pub(crate) fn partition<'a>(lexer: &mut Lexer<'a>) -> Option<Name<'a>> {
    let start = lexer.mark();
    if let Token::Word(_, k::PARTITION | k::SUBPARTITION) = lexer.token()
        && let Some(Only(name)) = only_name(lexer)
    {
        return name;
    }
    lexer.reset(start);
    None
}

/// The name in parentheses, if it is the only one there.
#[derive(Clone, Copy)]
struct Only<'a>(Option<Name<'a>>);

/// Whether `name` is among the names in parentheses that come next.
pub(crate) fn lists(mut lexer: Lexer<'_>, wanted: Name<'_>) -> bool {
    if !lexer.take_symbol(b'(') {
        return false;
    }
    while let Some(name) = name(&mut lexer) {
        if name.same(&wanted) {
            return true;
        }
        if !lexer.take_symbol(b',') {
            return false;
        }
    }
    false
}

/// Reads `(p, …)`, and gives the name when there is one only.
fn only_name<'a>(lexer: &mut Lexer<'a>) -> Option<Only<'a>> {
    if !lexer.take_symbol(b'(') {
        return None;
    }
    let only = name(lexer);
    let is_only = lexer.peek() == Token::Symbol(b')');
    lexer.skip_group().then_some(Only(only.filter(|_| is_only)))
}

/// The alias that starts with `first`, behind which the lexer stands.
fn alias<'a>(first: Token<'a>, lexer: &mut Lexer<'a>) -> Option<Name<'a>> {
    let explicit = matches!(first, Token::Word(_, k::AS));
    match if explicit { lexer.token() } else { first } {
        // AS OF SNAPSHOT and AS OF SCN name a time.
        Token::Word(_, k::OF) if explicit => None,
        Token::Word(_, key) if !explicit && ends_factor(key) => None,
        Token::Word(text, _) => Some(Name::new(text)),
        Token::Quoted(name) => Some(name),
        Token::String(written) => Some(Name::new(written)),
        _ => None,
    }
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
