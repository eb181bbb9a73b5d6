//! What KILL ends.

use crate::lexer::{Lexer, Token};

/// A KILL of a session by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// What ends.
    pub scope: KillScope,
    /// The id that is named.
    pub id: u32,
}

/// What a KILL ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillScope {
    /// The statement that runs (`KILL QUERY`).
    Query,
    /// The connection with all it holds (`KILL`, `KILL CONNECTION`).
    Connection,
}

/// Reads what stands behind KILL up to the end of the text; `None` for anything but one number, as
/// MariaDB's further options and expressions, and when another statement follows.
pub(crate) fn read(mut lexer: Lexer<'_>) -> Option<Kill> {
    let (mut scope, mut token) = (KillScope::Connection, lexer.token());
    if let Token::Word(word, _) = token {
        scope = match word {
            word if word.eq_ignore_ascii_case(b"QUERY") => KillScope::Query,
            word if word.eq_ignore_ascii_case(b"CONNECTION") => KillScope::Connection,
            _ => return None,
        };
        token = lexer.token();
    }
    let Token::Number(digits) = token else {
        return None;
    };
    while lexer.take_symbol(b';') {}
    let id = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (lexer.token() == Token::End).then_some(Kill { scope, id })
}
