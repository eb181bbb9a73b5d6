//! Cuts out numbers.

use super::{Lexer, Token};
use crate::byte_class::{DIGIT, OPERATOR, WORD, class};
use crate::keyword::Key;

impl<'a> Lexer<'a> {
    /// A token that starts with a digit or with a point before a digit: a number, or a name such as `1st`.
    pub(super) fn number(&mut self) -> Token<'a> {
        let rest = self.rest();
        let end = rest.iter().position(|&byte| class(byte) != DIGIT);
        let (digits, behind) = rest
            .split_at_checked(end.unwrap_or(rest.len()))
            .unwrap_or_default();
        // What a name or a longer number goes on with.
        if let [byte, ..] = behind
            && matches!(class(*byte), WORD | OPERATOR)
        {
            return self.long_number();
        }
        self.at += digits.len();
        Token::Number(digits)
    }

    #[inline(never)]
    fn long_number(&mut self) -> Token<'a> {
        let start = self.at;
        match (self.byte(0), self.byte(1)) {
            (Some(b'0'), Some(b'x')) => return self.radix(u8::is_ascii_hexdigit, Token::Hex),
            (Some(b'0'), Some(b'b')) => {
                return self.radix(|b| matches!(b, b'0' | b'1'), Token::Bit);
            }
            _ => {}
        }
        self.digits();
        let mut is_integer = true;
        if self.byte(0) == Some(b'.') {
            is_integer = false;
            self.at += 1;
            self.digits();
        }
        if matches!(self.byte(0), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.byte(1), Some(b'+' | b'-')));
            if self
                .byte(1 + sign)
                .is_some_and(|byte| byte.is_ascii_digit())
            {
                is_integer = is_integer && sign == 0;
                self.at += 1 + sign;
                self.digits();
            }
        }
        if is_integer && self.byte(0).is_some_and(|byte| class(byte) <= DIGIT) {
            self.at = start;
            let text = self.word_bytes();
            return Token::Word(text, Key::NONE);
        }
        Token::Number(self.text.get(start..self.at).unwrap_or_default())
    }

    /// `0x…` and `0b…`; with a letter that is no digit it is a name.
    fn radix(&mut self, is_digit: fn(&u8) -> bool, token: fn(&'a [u8]) -> Token<'a>) -> Token<'a> {
        let text = self.word_bytes();
        match text.get(2..) {
            Some(digits) if !digits.is_empty() && digits.iter().all(is_digit) => token(digits),
            _ => Token::Word(text, Key::NONE),
        }
    }

    fn digits(&mut self) {
        let rest = self.rest();
        self.at += rest
            .iter()
            .position(|byte| !byte.is_ascii_digit())
            .unwrap_or(rest.len());
    }
}
