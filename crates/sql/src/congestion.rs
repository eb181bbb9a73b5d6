//! `SHOW PROXYCONGESTION`, which the proxy answers itself.

use crate::lexer::{Lexer, Token};
use crate::name::Name;

/// What `SHOW PROXYCONGESTION [ALL] [cluster]` asks for (`opsql/parser/ob_proxy_parser.y` of `OBProxy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Congestion<'a> {
    /// Which servers are to be shown.
    pub scope: CongestionScope,
    /// The only cluster to show, in quotes of any kind or without.
    pub cluster: Option<Name<'a>>,
}

/// Which servers are to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CongestionScope {
    /// Those that are on a list.
    Listed,
    /// All (`ALL`).
    All,
}

/// Whether this word behind SHOW makes it the statement.
pub(crate) fn is_named(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"PROXYCONGESTION")
}

/// Reads what stands behind the word up to the end of the text; `None` when that is something else.
pub(crate) fn read(mut lexer: Lexer<'_>) -> Option<Congestion<'_>> {
    let (mut scope, mut start) = (CongestionScope::Listed, lexer);
    let mut token = lexer.token();
    if let Token::Word(word, _) = token
        && word.eq_ignore_ascii_case(b"ALL")
    {
        scope = CongestionScope::All;
        start = lexer;
        token = lexer.token();
    }
    let cluster = match token {
        Token::Word(word, _) => Some(Name::new(word)),
        Token::Quoted(name) => Some(name),
        Token::String(written) => Some(Name::new(written)),
        // A string without its end reads as the end of the text.
        Token::End if start.is_at_end() => None,
        Token::Symbol(b';') => {
            lexer.unread_symbol();
            None
        }
        _ => return None,
    };
    while lexer.take_symbol(b';') {}
    (lexer.token() == Token::End).then_some(Congestion { scope, cluster })
}
