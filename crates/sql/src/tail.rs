//! Reads what the outline has left unread, on demand.

use memchr::{memchr, memchr2_iter};

use crate::keyword::{self as k, Key};
use crate::lexer::{Lexer, Token};
use crate::uses::Uses;

/// The end of the statement that `lexer` stands in, before its `;`.
pub(crate) fn end(mut lexer: Lexer<'_>) -> Lexer<'_> {
    if memchr(b';', lexer.rest()).is_none() {
        lexer.finish();
        return lexer;
    }
    read_to_end(&mut lexer);
    lexer
}

/// Whether a statement follows the one that `lexer` stands in.
pub(crate) fn has_more(lexer: Lexer<'_>) -> bool {
    let mut lexer = end(lexer);
    while lexer.take_symbol(b';') {}
    lexer.peek() != Token::End
}

/// How many `?` there are up to the end of the statement.
pub(crate) fn parameters(mut lexer: Lexer<'_>) -> u32 {
    if memchr(b'?', lexer.rest()).is_some() {
        read_to_end(&mut lexer);
    }
    lexer.parameters()
}

/// What the rest of the statement uses.
pub(crate) fn uses(mut lexer: Lexer<'_>) -> Uses {
    // Every name looked for has an underscore before one of these letters.
    let rest = lexer.rest();
    let is_suspect = memchr2_iter(b'_', b':', rest).any(|at| {
        matches!(
            rest.get(at..),
            Some(
                [
                    b'_',
                    b'r' | b'R'
                        | b'c'
                        | b'C'
                        | b'i'
                        | b'I'
                        | b'l'
                        | b'L'
                        | b'a'
                        | b'A'
                        | b'f'
                        | b'F'
                        | b'u'
                        | b'U',
                    ..
                ] | [b':', b'=', ..]
            )
        )
    });
    if is_suspect {
        read_to_end(&mut lexer)
    } else {
        Uses::NONE
    }
}

fn read_to_end(lexer: &mut Lexer<'_>) -> Uses {
    let mut uses = Uses::NONE;
    loop {
        match lexer.token() {
            Token::End => return uses,
            Token::Symbol(b';') => {
                lexer.unread_symbol();
                return uses;
            }
            Token::Assign => uses |= Uses::USER_VARIABLE_ASSIGNMENT,
            Token::Word(text, key) => uses |= of_word(text, key, lexer),
            _ => {}
        }
    }
}

/// What a word stands for when `after` follows it.
pub(crate) fn of_word(text: &[u8], key: Key, after: &mut Lexer<'_>) -> Uses {
    if key == Key::NONE && text.len() != k::RELEASE_ALL_LOCKS.len() {
        return Uses::NONE;
    }
    let uses = of_function(text, key);
    if uses.is_empty() || after.peek() != Token::Symbol(b'(') {
        return Uses::NONE;
    }
    uses
}

fn of_function(text: &[u8], key: Key) -> Uses {
    match key {
        k::FOUND_ROWS => Uses::FOUND_ROWS,
        k::ROW_COUNT => Uses::ROW_COUNT,
        k::LAST_INSERT_ID => Uses::LAST_INSERT_ID,
        k::CONNECTION_ID => Uses::CONNECTION_ID,
        k::GET_LOCK | k::RELEASE_LOCK | k::IS_FREE_LOCK | k::IS_USED_LOCK => Uses::USER_LOCK,
        _ if text.eq_ignore_ascii_case(k::RELEASE_ALL_LOCKS) => Uses::USER_LOCK,
        _ => Uses::NONE,
    }
}
