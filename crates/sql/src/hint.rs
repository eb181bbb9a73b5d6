//! Reads `/*+ … */`.

use crate::charset::Charset;
use crate::keyword as k;
use crate::lexer::{Lexer, Token};
use crate::outline::Consistency;

/// The hints that routing obeys.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hints {
    pub(crate) consistency: Option<Consistency>,
    /// Microseconds.
    pub(crate) query_timeout_us: Option<u64>,
}

impl Hints {
    /// Reads the bytes between `/*+` and `*/`. Of a hint given twice the last counts.
    pub(crate) fn read(body: &[u8]) -> Self {
        let mut hints = Self::default();
        let mut lexer = Lexer::new(body, Charset::Utf8.into());
        loop {
            match lexer.token() {
                Token::Word(_, k::READ_CONSISTENCY) if lexer.take_symbol(b'(') => {
                    match lexer.peek() {
                        Token::Word(_, k::WEAK | k::FROZEN) => {
                            hints.consistency = Some(Consistency::Weak);
                        }
                        Token::Word(_, k::STRONG) => hints.consistency = Some(Consistency::Strong),
                        _ => {}
                    }
                    lexer.skip_group();
                }
                Token::Word(_, k::QUERY_TIMEOUT) if lexer.take_symbol(b'(') => {
                    if let Token::Number(digits) = lexer.peek() {
                        hints.query_timeout_us = decimal(digits);
                    }
                    lexer.skip_group();
                }
                Token::Symbol(b'(') => {
                    lexer.skip_group();
                }
                Token::End => return hints,
                _ => {}
            }
        }
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    core::str::from_utf8(digits).ok()?.parse().ok()
}
