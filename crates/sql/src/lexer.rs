//! Cuts a statement into tokens without copying.

use memchr::memmem;

use crate::byte_class::{BLANK, COMMENT, DIGIT, EQUALS, OPERATOR, QUOTE, WORD, class};
use crate::dialect::{Dialect, DoubleQuotes};
use crate::filter::CompareOp;
use crate::keyword::Key;
use crate::literal::Literal;
use crate::name::Name;

mod blank;
mod number;
mod quoted;
mod word;

/// One token. Whitespace and comments are not tokens; `/*! code */` is read as if the marks were not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// The end of the text, or of what can be read of it (an unterminated string).
    End,
    Word(&'a [u8], Key),
    /// A name in backticks.
    Quoted(Name<'a>),
    /// With its quotes.
    String(&'a [u8]),
    Number(&'a [u8]),
    Hex(&'a [u8]),
    Bit(&'a [u8]),
    /// `?` with its ordinal.
    Parameter(u32),
    UserVariable(Name<'a>),
    /// `@@name`; of `@@scope.name` only the scope.
    SystemVariable(Name<'a>),
    /// `:=`
    Assign,
    Compare(CompareOp),
    /// `&&`
    AndAnd,
    /// `||`
    OrOr,
    /// Any other byte.
    Symbol(u8),
}

/// A position in a statement from which tokens are read. Cheap to copy: a copy is a bookmark.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    passed: Passed,
    dialect: Dialect,
}

/// A place in a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    at: usize,
    passed: Passed,
}

/// What was passed on the way to a place: twice the number of `?`, plus one inside `/*! … */`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed(u32);

impl Passed {
    const IN_CODE: u32 = 1;
    const PARAMETER: u32 = 2;

    const fn parameters(self) -> u32 {
        self.0 / Self::PARAMETER
    }

    /// Counts a `?`; one beyond what can be counted shares the number of the last.
    const fn count_parameter(&mut self) {
        if let Some(next) = self.0.checked_add(Self::PARAMETER) {
            self.0 = next;
        }
    }

    const fn is_in_code(self) -> bool {
        self.0 & Self::IN_CODE != 0
    }

    const fn enter_code(&mut self) {
        self.0 |= Self::IN_CODE;
    }

    const fn leave_code(&mut self) {
        self.0 &= !Self::IN_CODE;
    }
}

impl Mark {
    /// Offset in bytes.
    pub(crate) const fn position(self) -> usize {
        self.at
    }
}

impl<'a> Lexer<'a> {
    pub(crate) const fn new(text: &'a [u8], dialect: Dialect) -> Self {
        Self {
            text,
            at: 0,
            passed: Passed(0),
            dialect,
        }
    }

    /// Offset in bytes of what is read next.
    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    /// How many `?` were read so far.
    pub(crate) const fn parameters(&self) -> u32 {
        self.passed.parameters()
    }

    /// What was passed on the way to here.
    pub(crate) const fn passed(&self) -> Passed {
        self.passed
    }

    /// How the bytes are read.
    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// A lexer of a part of a statement, which stands behind so much.
    pub(crate) const fn behind(mut self, passed: Passed) -> Self {
        self.passed = passed;
        self
    }

    /// Whether nothing is left to read, not even a blank.
    pub(crate) const fn is_over(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Goes to the end of the text.
    pub(crate) const fn finish(&mut self) {
        self.at = self.text.len();
    }

    /// All bytes.
    pub(crate) const fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The bytes not yet read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The token that [`Self::token`] would read.
    pub(crate) fn peek(&mut self) -> Token<'a> {
        let mark = self.mark();
        let token = self.token();
        self.reset(mark);
        token
    }

    /// Reads the next token if it is the word `key`.
    pub(crate) fn take_word(&mut self, key: Key) -> bool {
        let mark = self.mark();
        let found = matches!(self.token(), Token::Word(_, word) if word == key);
        if !found {
            self.reset(mark);
        }
        found
    }

    /// Reads the next token if it is the byte `symbol`.
    pub(crate) fn take_symbol(&mut self, symbol: u8) -> bool {
        self.skip_blanks();
        let found = self.byte(0) == Some(symbol);
        if found {
            self.at += 1;
        }
        found
    }

    /// A place to go back to by [`Self::reset`]. Cheaper than a copy of the lexer, which, made right after the
    /// position was written, waits for that write.
    pub(crate) const fn mark(&self) -> Mark {
        Mark {
            at: self.at,
            passed: self.passed,
        }
    }

    /// Goes back to where `mark` was made.
    pub(crate) const fn reset(&mut self, mark: Mark) {
        self.at = mark.at;
        self.passed = mark.passed;
    }

    /// A lexer of the same text at `mark`.
    pub(crate) const fn at(mut self, mark: Mark) -> Self {
        self.reset(mark);
        self
    }

    /// Whether nothing but whitespace and comments is left to read.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        self.byte(0).is_none()
    }

    /// Takes back the one-byte token that was read last.
    pub(crate) const fn unread_symbol(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    /// Reads `.` with no number behind it, which [`Self::token`] would take for a decimal fraction.
    pub(crate) fn take_dot(&mut self) -> bool {
        self.take_symbol(b'.')
    }

    /// Reads blanks; whether a `/` comes next.
    pub(crate) fn comes_slash(&mut self) -> bool {
        while let Some(byte) = self.byte(0) {
            if class(byte) != BLANK {
                return byte == b'/';
            }
            self.at += 1;
        }
        false
    }

    /// The body of a `/*+ … */` that comes next, if one does.
    pub(crate) fn take_hint(&mut self) -> Option<&'a [u8]> {
        let body = self.rest().strip_prefix(b"/*+")?;
        let length = memmem::find(body, b"*/").unwrap_or(body.len());
        self.at += 3 + length;
        self.advance(2);
        body.get(..length)
    }

    /// Reads on to the `)` that closes a `(` already read, and reads it. False at the end of the text.
    pub(crate) fn skip_group(&mut self) -> bool {
        let mut depth = 1_u32;
        loop {
            match self.token() {
                Token::Symbol(b'(') => depth += 1,
                Token::Symbol(b')') => {
                    depth -= 1;
                    if depth == 0 {
                        return true;
                    }
                }
                Token::End => return false,
                _ => {}
            }
        }
    }

    /// Reads a token. What is not a word is read by functions of their own, called last, so that words do
    /// not pay for the room that those need.
    pub(crate) fn token(&mut self) -> Token<'a> {
        while let Some(byte) = self.byte(0) {
            match class(byte) {
                BLANK => self.at += 1,
                WORD => return self.word(),
                kind => return self.no_word(kind, byte),
            }
        }
        Token::End
    }

    /// Reads a token that starts with `byte`.
    #[inline(never)]
    fn no_word(&mut self, kind: u8, byte: u8) -> Token<'a> {
        match kind {
            DIGIT => self.number(),
            EQUALS => {
                self.at += 1;
                Token::Compare(CompareOp::Eq)
            }
            QUOTE => self.text_or_name(byte),
            OPERATOR => self.operator(byte),
            COMMENT => self.behind_comment(byte),
            _ => {
                self.at += 1;
                Token::Symbol(byte)
            }
        }
    }

    /// The token behind the comment that starts with `byte`, or `byte` itself.
    #[inline(never)]
    fn behind_comment(&mut self, byte: u8) -> Token<'a> {
        if self.skip_comment(byte) {
            // No comment is left behind the blanks: this goes one deep.
            self.skip_blanks();
            return self.token();
        }
        self.at += 1;
        Token::Symbol(byte)
    }

    #[inline(never)]
    fn text_or_name(&mut self, quote: u8) -> Token<'a> {
        match self.quoted(quote) {
            Some(written) if self.names_in(quote) => Token::Quoted(Name::new(written)),
            Some(written) => Token::String(written),
            None => self.broken(),
        }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    /// Whether this quote stands around names.
    fn names_in(&self, quote: u8) -> bool {
        let ansi = self.dialect.double_quotes == DoubleQuotes::Names;
        quote == b'`' || quote == b'"' && ansi
    }

    fn advance(&mut self, bytes: usize) {
        self.at = self.text.len().min(self.at + bytes);
    }

    /// Nothing behind an unterminated quote can be read.
    fn broken(&mut self) -> Token<'a> {
        self.at = self.text.len();
        Token::End
    }

    #[inline(never)]
    fn operator(&mut self, byte: u8) -> Token<'a> {
        let second = self.byte(1);
        let third = self.byte(2);
        let (token, length) = match (byte, second) {
            (b'<', Some(b'=')) if third == Some(b'>') => (Token::Compare(CompareOp::NullSafeEq), 3),
            (b'<', Some(b'=')) => (Token::Compare(CompareOp::Le), 2),
            (b'<', Some(b'>')) | (b'!', Some(b'=')) => (Token::Compare(CompareOp::Ne), 2),
            (b'<', Some(b'<')) | (b'>', Some(b'>')) => (Token::Symbol(byte), 2),
            (b'<', _) => (Token::Compare(CompareOp::Lt), 1),
            (b'>', Some(b'=')) => (Token::Compare(CompareOp::Ge), 2),
            (b'>', _) => (Token::Compare(CompareOp::Gt), 1),
            (b'&', Some(b'&')) => (Token::AndAnd, 2),
            (b'|', Some(b'|')) => (Token::OrOr, 2),
            (b':', Some(b'=')) => (Token::Assign, 2),
            (b'.', Some(b'0'..=b'9')) => return self.number(),
            (b'?', _) => {
                let ordinal = self.passed.parameters();
                self.passed.count_parameter();
                (Token::Parameter(ordinal), 1)
            }
            (b'@', _) => return self.variable(),
            _ => (Token::Symbol(byte), 1),
        };
        self.at += length;
        token
    }

    #[inline(never)]
    fn variable(&mut self) -> Token<'a> {
        self.at += 1;
        match self.byte(0) {
            Some(b'@') => {
                self.at += 1;
                Token::SystemVariable(Name::new(self.word_bytes()))
            }
            Some(quote @ (b'`' | b'\'' | b'"')) => match self.quoted(quote) {
                Some(written) => Token::UserVariable(Name::new(written)),
                None => self.broken(),
            },
            _ => {
                let start = *self;
                loop {
                    self.word_bytes();
                    if self.byte(0) != Some(b'.') {
                        break;
                    }
                    self.at += 1;
                }
                let name = start.rest().get(..self.at - start.at).unwrap_or_default();
                Token::UserVariable(Name::new(name))
            }
        }
    }
}

/// The bytes between the quotes of `written`.
pub(crate) const fn body(written: &[u8]) -> &[u8] {
    match written {
        [_, body @ .., _] => body,
        _ => &[],
    }
}

/// The string that is written so.
pub(crate) const fn string(written: &[u8]) -> Literal<'_> {
    let quote = match written {
        [quote, ..] => *quote,
        [] => b'\'',
    };
    Literal::String {
        body: body(written),
        quote,
    }
}
