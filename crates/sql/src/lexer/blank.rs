//! Reads over whitespace and comments.

use memchr::{memchr, memmem};

use super::Lexer;
use crate::byte_class::{BLANK, COMMENT, class};

impl Lexer<'_> {
    pub(super) fn skip_blanks(&mut self) {
        while let Some(byte) = self.byte(0) {
            match class(byte) {
                BLANK => self.at += 1,
                COMMENT if self.skip_comment(byte) => {}
                _ => return,
            }
        }
    }

    /// Skips a comment, or a mark of `/*! … */`, if `byte`, which comes next, starts one.
    pub(super) fn skip_comment(&mut self, byte: u8) -> bool {
        match (byte, self.byte(1)) {
            (b'/', Some(b'*')) => self.comment(),
            (b'-', Some(b'-')) if self.byte(2).is_none_or(|third| class(third) == BLANK) => {
                self.line();
            }
            (b'#', _) => self.line(),
            (b'*', Some(b'/')) if self.passed.is_in_code() => {
                self.passed.leave_code();
                self.at += 2;
            }
            _ => return false,
        }
        true
    }

    fn line(&mut self) {
        let rest = self.rest();
        self.at += memchr(b'\n', rest).map_or(rest.len(), |length| length + 1);
    }

    /// Skips `/* … */`, or only the mark of `/*!50000 …`.
    fn comment(&mut self) {
        self.at += 2;
        if self.byte(0) == Some(b'!') {
            self.at += 1;
            // Five digits are a version; fewer belong to the code, and so do those behind.
            let version = self.rest().first_chunk::<5>();
            if version.is_some_and(|digits| digits.iter().all(u8::is_ascii_digit)) {
                self.at += 5;
            }
            self.passed.enter_code();
            return;
        }
        let rest = self.rest();
        self.at += memmem::find(rest, b"*/").map_or(rest.len(), |length| length + 2);
    }
}
