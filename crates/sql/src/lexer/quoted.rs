//! Finds the end of strings and quoted names.

use memchr::{memchr, memchr2};

use super::Lexer;
use crate::charset::Charset;
use crate::escape::Backslash;

impl<'a> Lexer<'a> {
    /// The quoted thing that starts here, with its quotes, or `None` when it does not end.
    pub(super) fn quoted(&mut self, quote: u8) -> Option<&'a [u8]> {
        let start = self.at + 1;
        let body = self.text.get(start..)?;
        let charset = self.dialect.charset;
        let escapes = self.dialect.backslash == Backslash::Escapes && !self.names_in(quote);
        let mut at = 0;
        loop {
            let rest = body.get(at..)?;
            at += if charset != Charset::Utf8 {
                next_mark(rest, quote, escapes, charset)?
            } else if escapes {
                memchr2(quote, b'\\', rest)?
            } else {
                memchr(quote, rest)?
            };
            let is_quote = body.get(at) == Some(&quote);
            if is_quote && body.get(at + 1) != Some(&quote) {
                let opening = self.at;
                self.at = start + at + 1;
                return self.text.get(opening..self.at);
            }
            at += 1;
            if is_quote {
                at += 1;
            } else if escapes {
                at += charset.width(body.get(at..).unwrap_or_default());
            }
        }
    }
}

/// The next quote or backslash that is a character of its own.
fn next_mark(text: &[u8], quote: u8, escapes: bool, charset: Charset) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        match *rest.first()? {
            byte if byte == quote || escapes && byte == b'\\' => return Some(at),
            _ => at += charset.width(rest),
        }
    }
}
