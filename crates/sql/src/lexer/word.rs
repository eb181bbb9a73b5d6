//! Cuts out words, and the literals that begin with a letter.

use super::{Lexer, Token, body};
use crate::byte_class::{DIGIT, class};
use crate::charset::Charset;
use crate::keyword::Key;

impl<'a> Lexer<'a> {
    pub(super) fn word(&mut self) -> Token<'a> {
        let rest = self.rest();
        if let Some(window) = rest.first_chunk()
            && self.dialect.charset == Charset::Utf8
            // As long as the longest keyword, so that it is looked through without a loop.
            && let Some(end) = window.iter().position(|&byte| class(byte) > DIGIT)
            && let Some((word, _)) = rest.split_at_checked(end)
        {
            self.at += end;
            if end == 1 {
                return self.letter(word);
            }
            return Token::Word(word, Key::of(window, end));
        }
        self.any_word()
    }

    /// A word that is long, near the end of the text, or may hold characters whose trail bytes look like
    /// something else.
    #[inline(never)]
    fn any_word(&mut self) -> Token<'a> {
        let word = self.word_bytes();
        if word.len() == 1 {
            return self.letter(word);
        }
        Token::Word(word, Key::of_last(self.text, self.at, word))
    }

    /// What starts with a single letter: the name that it is, or a literal such as `x'4D'`.
    #[inline(never)]
    fn letter(&mut self, letter: &'a [u8]) -> Token<'a> {
        if self.byte(0) != Some(b'\'') {
            return Token::Word(letter, Key::NONE);
        }
        let digits = match letter {
            b"x" | b"X" => self.quoted(b'\'').map(|digits| Token::Hex(body(digits))),
            b"b" | b"B" => self.quoted(b'\'').map(|digits| Token::Bit(body(digits))),
            _ => return Token::Word(letter, Key::NONE),
        };
        digits.unwrap_or_else(|| self.broken())
    }

    pub(super) fn word_bytes(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let length = word_length(rest, self.dialect.charset);
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }
}

/// The length in bytes of the word at the front of `text`.
fn word_length(text: &[u8], charset: Charset) -> usize {
    if charset == Charset::Utf8 {
        let end = text.iter().position(|&byte| class(byte) > DIGIT);
        return end.unwrap_or(text.len());
    }
    let mut length = 0;
    while let Some(rest @ [byte, ..]) = text.get(length..)
        && class(*byte) <= DIGIT
    {
        length += charset.width(rest);
    }
    length.min(text.len())
}
