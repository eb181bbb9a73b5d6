//! Cuts a statement into tokens without copying.

use memchr::{memchr, memchr2, memmem};

use crate::byte_class::{BACKTICK, BLANK, COMMENT, DIGIT, OPERATOR, QUOTE, WORD, class};
use crate::charset::Charset;
use crate::filter::CompareOp;
use crate::keyword::Key;
use crate::name::Name;

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
    SystemVariable,
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
    charset: Charset,
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
    pub(crate) const fn new(text: &'a [u8], charset: Charset) -> Self {
        Self {
            text,
            at: 0,
            parameters: 0,
            charset,
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

    /// The bytes not yet read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The token that [`Self::token`] would read.
    pub(crate) fn peek(&self) -> Token<'a> {
        let mut ahead = *self;
        ahead.token()
    }

    /// Reads the next token if it is the word `key`.
    pub(crate) fn take_word(&mut self, key: Key) -> bool {
        let mut ahead = *self;
        let found = matches!(ahead.token(), Token::Word(_, word) if word == key);
        if found {
            *self = ahead;
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

    fn advance(&mut self, bytes: usize) {
        self.at = self.text.len().min(self.at + bytes);
    }

    /// Nothing behind an unterminated quote can be read.
    fn broken(&mut self) -> Token<'a> {
        self.at = self.text.len();
        Token::End
    }

    fn skip_blanks(&mut self) {
        while let Some(byte) = self.byte(0) {
            match class(byte) {
                BLANK => self.at += 1,
                COMMENT if self.skip_comment(byte) => {}
                _ => return,
            }
        }
    }

    /// Skips a comment, or a mark of `/*! … */`, if `byte`, which comes next, starts one.
    fn skip_comment(&mut self, byte: u8) -> bool {
        match (byte, self.byte(1)) {
            (b'/', Some(b'*')) => self.comment(),
            (b'-', Some(b'-')) if self.byte(2).is_none_or(|third| class(third) == BLANK) => {
                self.line();
            }
            (b'#', _) => self.line(),
            (b'*', Some(b'/')) if self.in_code => {
                self.in_code = false;
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
            while self.byte(0).is_some_and(|byte| byte.is_ascii_digit()) {
                self.at += 1;
            }
            self.in_code = true;
            return;
        }
        let rest = self.rest();
        self.at += memmem::find(rest, b"*/").map_or(rest.len(), |length| length + 2);
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
        let length = if self.charset == Charset::Utf8 {
            rest.iter()
                .position(|byte| class(*byte) > DIGIT)
                .unwrap_or(rest.len())
        } else {
            word_length(rest, self.charset)
        };
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// A token that starts with a digit or with a point before a digit: a number, or a name such as `1st`.
    fn number(&mut self) -> Token<'a> {
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

    /// The body of the quoted thing that starts here, or `None` when it does not end.
    fn quoted(&mut self, quote: u8) -> Option<&'a [u8]> {
        let start = self.at + 1;
        let body = self.text.get(start..)?;
        let escapes = quote != b'`';
        let mut at = 0;
        loop {
            let rest = body.get(at..)?;
            at += if self.charset != Charset::Utf8 {
                next_mark(rest, quote, self.charset)?
            } else if escapes {
                memchr2(quote, b'\\', rest)?
            } else {
                memchr(quote, rest)?
            };
            let is_quote = body.get(at) == Some(&quote);
            if is_quote && body.get(at + 1) != Some(&quote) {
                self.at = start + at + 1;
                return body.get(..at);
            }
            at += 1;
            if is_quote {
                at += 1;
            } else if escapes {
                at += self.charset.width(body.get(at..).unwrap_or_default());
            }
        }
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
                self.word_bytes();
                Token::SystemVariable
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

/// The next quote or backslash that is a character of its own.
fn next_mark(text: &[u8], quote: u8, charset: Charset) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        match *rest.first()? {
            byte if byte == quote || byte == b'\\' => return Some(at),
            _ => at += charset.width(rest),
        }
    }
}
