//! Cuts a statement into tokens without copying.

use memchr::memmem;

use crate::byte_class::{BACKTICK, BLANK, COMMENT, DIGIT, OPERATOR, QUOTE, WORD, class};
use crate::charset::Charset;
use crate::dialect::{Dialect, DoubleQuotes};
use crate::filter::CompareOp;
use crate::keyword::Key;
use crate::name::Name;

mod blank;
mod number;
mod quoted;

/// One token. Whitespace and comments are not tokens; `/*! code */` is read as if the marks were not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// The end of the text, or of what can be read of it (an unterminated string).
    End,
    Word(&'a [u8], Key),
    /// A name in backticks.
    Quoted(Name<'a>),
    String {
        body: &'a [u8],
        quote: u8,
    },
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
    parameters: u32,
    dialect: Dialect,
    /// Inside `/*! … */`.
    in_code: bool,
}

/// A place in a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    at: usize,
    parameters: u32,
    in_code: bool,
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
            parameters: 0,
            dialect,
            in_code: false,
        }
    }

    /// Offset in bytes of what is read next.
    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    /// How many `?` were read so far.
    pub(crate) const fn parameters(&self) -> u32 {
        self.parameters
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
            parameters: self.parameters,
            in_code: self.in_code,
        }
    }

    /// Goes back to where `mark` was made.
    pub(crate) const fn reset(&mut self, mark: Mark) {
        self.at = mark.at;
        self.parameters = mark.parameters;
        self.in_code = mark.in_code;
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

    /// The body of a `/*+ … */` that comes next, if one does.
    pub(crate) fn take_hint(&mut self) -> Option<&'a [u8]> {
        while self.byte(0).is_some_and(|byte| class(byte) == BLANK) {
            self.at += 1;
        }
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

    pub(crate) fn token(&mut self) -> Token<'a> {
        loop {
            let Some(byte) = self.byte(0) else {
                return Token::End;
            };
            return match class(byte) {
                BLANK => {
                    self.at += 1;
                    continue;
                }
                WORD => self.word(),
                DIGIT => self.number(),
                QUOTE => match self.quoted(byte) {
                    Some(body) if self.names_in(byte) => Token::Quoted(Name::quoted(body, byte)),
                    Some(body) => Token::String { body, quote: byte },
                    None => self.broken(),
                },
                BACKTICK => match self.quoted(byte) {
                    Some(body) => Token::Quoted(Name::quoted(body, byte)),
                    None => self.broken(),
                },
                OPERATOR => self.operator(byte),
                COMMENT if self.skip_comment(byte) => continue,
                _ => {
                    self.at += 1;
                    Token::Symbol(byte)
                }
            };
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

    fn word(&mut self) -> Token<'a> {
        let start = self.at;
        let text = self.word_bytes();
        if let [letter] = text
            && self.byte(0) == Some(b'\'')
        {
            let digits = match letter.to_ascii_lowercase() {
                b'x' => self.quoted(b'\'').map(Token::Hex),
                b'b' => self.quoted(b'\'').map(Token::Bit),
                _ => return Token::Word(text, Key::NONE),
            };
            return digits.unwrap_or_else(|| self.broken());
        }
        Token::Word(text, Key::of(self.text, start, text.len()))
    }

    fn word_bytes(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let length = if self.dialect.charset == Charset::Utf8 {
            rest.iter()
                .position(|byte| class(*byte) > DIGIT)
                .unwrap_or(rest.len())
        } else {
            word_length(rest, self.dialect.charset)
        };
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn operator(&mut self, byte: u8) -> Token<'a> {
        let second = self.byte(1);
        let third = self.byte(2);
        let (token, length) = match (byte, second) {
            (b'=', _) => (Token::Compare(CompareOp::Eq), 1),
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
                let ordinal = self.parameters;
                self.parameters = ordinal.saturating_add(1);
                (Token::Parameter(ordinal), 1)
            }
            (b'@', _) => return self.variable(),
            _ => (Token::Symbol(byte), 1),
        };
        self.at += length;
        token
    }

    fn variable(&mut self) -> Token<'a> {
        self.at += 1;
        match self.byte(0) {
            Some(b'@') => {
                self.at += 1;
                Token::SystemVariable(Name::bare(self.word_bytes()))
            }
            Some(quote @ (b'`' | b'\'' | b'"')) => match self.quoted(quote) {
                Some(body) => Token::UserVariable(Name::quoted(body, quote)),
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
                Token::UserVariable(Name::bare(name))
            }
        }
    }
}

/// The length in bytes of the word at the front of `text`.
fn word_length(text: &[u8], charset: Charset) -> usize {
    let mut length = 0;
    while let Some(rest @ [byte, ..]) = text.get(length..)
        && class(*byte) <= DIGIT
    {
        length += charset.width(rest);
    }
    length.min(text.len())
}
