//! Constant operands, still in the statement's bytes.

use crate::expression::Expression;
use crate::filter::CompareOp;
use crate::keyword as k;
use crate::lexer::{Lexer, Token};
use crate::name::{ColumnRef, Name};
use crate::operand::{Operand, listed, operand};

/// An operand that is a constant, or [`Literal::Unsure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literal<'a> {
    /// NULL.
    Null,
    /// A number as written: digits, point, exponent.
    Number {
        /// Whether an odd number of minus signs stands before it.
        negative: bool,
        /// The number without sign.
        text: &'a [u8],
    },
    /// A character string.
    String {
        /// The bytes between the quotes, escapes and doubled quotes not yet decoded; see [`crate::Unescape`].
        body: &'a [u8],
        /// `'` or `"`.
        quote: u8,
    },
    /// A character string whose character set is said, as in `_binary'…'` and `N'…'`.
    Introduced {
        /// The character set.
        introducer: Introducer,
        /// As for [`Self::String`].
        body: &'a [u8],
        /// As for [`Self::String`].
        quote: u8,
    },
    /// The digits of `x'4D'` or `0x4D`, an even number of them in the first form.
    Hex(&'a [u8]),
    /// The digits of `b'01'` or `0b01`.
    Bit(&'a [u8]),
    /// `DATE '…'`, `TIME '…'`, `TIMESTAMP '…'`.
    Temporal {
        /// The keyword before the string.
        kind: TemporalKind,
        /// The bytes between the quotes.
        body: &'a [u8],
    },
    /// TRUE, in comparisons the number 1.
    True,
    /// FALSE, in comparisons the number 0.
    False,
    /// `?`, counted from 0 at the start of the text given to [`crate::outline`].
    Parameter(u16),
    /// `@name`, in text-protocol EXECUTE and conditions.
    UserVariable(Name<'a>),
    /// DEFAULT, as a value of INSERT.
    Default,
    /// An expression of constants, such as `2 * 3` or `CONCAT('a', 'b')`.
    Expression(Expression<'a>),
    /// An expression that is not read here.
    Unsure,
}

/// The character set before a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Introducer {
    /// `_binary`
    Binary,
    /// `_utf8mb4`, `_utf8`, and `N` for the national character set.
    Utf8,
    /// `_latin1`
    Latin1,
    /// `_ascii`
    Ascii,
    /// `_gbk`
    Gbk,
    /// `_gb18030`
    Gb18030,
}

impl Introducer {
    /// The one that a word is in front of a string.
    pub(crate) fn of(word: &[u8]) -> Option<Self> {
        let name = match word {
            b"n" | b"N" => return Some(Self::Utf8),
            [b'_', name @ ..] => name,
            _ => return None,
        };
        let known: [(&[u8], Self); 8] = [
            (b"binary", Self::Binary),
            (b"utf8mb4", Self::Utf8),
            (b"utf8", Self::Utf8),
            (b"utf8mb3", Self::Utf8),
            (b"latin1", Self::Latin1),
            (b"ascii", Self::Ascii),
            (b"gbk", Self::Gbk),
            (b"gb18030", Self::Gb18030),
        ];
        let mut known = known.into_iter();
        let found = known.find(|(known, _)| name.eq_ignore_ascii_case(known));
        found.map(|(_, introducer)| introducer)
    }
}

/// The keyword of a temporal literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemporalKind {
    /// DATE.
    Date,
    /// TIME.
    Time,
    /// TIMESTAMP (a DATETIME value in MySQL mode).
    Timestamp,
}

/// The members of an IN list, or the values of one INSERT row.
#[derive(Clone, Debug)]
pub struct LiteralList<'a> {
    /// Before a member, or before the `,` or `)` behind it.
    lexer: Lexer<'a>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing read yet: a `)` here is an empty list.
    Start,
    Inside,
    /// One name and `=` before each value, as in INSERT … SET.
    Assignments,
    Done,
}

impl<'a> LiteralList<'a> {
    /// The list behind a `(` already read.
    pub(crate) const fn new(lexer: Lexer<'a>) -> Self {
        Self {
            lexer,
            state: State::Start,
        }
    }

    /// The values of `c = v, …`.
    pub(crate) const fn of_assignments(lexer: Lexer<'a>) -> Self {
        Self {
            lexer,
            state: State::Assignments,
        }
    }

    fn assigned(&mut self) -> Option<Literal<'a>> {
        assigned_column(&mut self.lexer)?;
        let start = self.lexer.mark();
        if let Operand::Value(value) = operand(&mut self.lexer)
            && ends_assignment(self.lexer.peek())
        {
            return Some(value);
        }
        self.lexer.reset(start);
        if let Some(expression) = Expression::read(&mut self.lexer)
            && ends_assignment(self.lexer.peek())
        {
            return Some(Literal::Expression(expression));
        }
        self.lexer.reset(start);
        skip_assigned(&mut self.lexer);
        Some(Literal::Unsure)
    }
}

impl<'a> Iterator for LiteralList<'a> {
    type Item = Literal<'a>;

    fn next(&mut self) -> Option<Literal<'a>> {
        let literal = match self.state {
            State::Start if self.lexer.peek() == Token::Symbol(b')') => None,
            State::Start | State::Inside => {
                self.state = State::Inside;
                Some(listed(&mut self.lexer))
            }
            State::Assignments => self.assigned(),
            State::Done => None,
        };
        if literal.is_none() || !self.lexer.take_symbol(b',') {
            self.state = State::Done;
        }
        literal
    }
}

/// Reads `column =` of an assignment list.
pub(crate) fn assigned_column<'a>(lexer: &mut Lexer<'a>) -> Option<Name<'a>> {
    let Operand::Column(ColumnRef { column, .. }) = operand(lexer) else {
        return None;
    };
    matches!(lexer.token(), Token::Compare(CompareOp::Eq) | Token::Assign).then_some(column)
}

/// Reads over the value of an assignment, to the `,` or whatever else ends it.
pub(crate) fn skip_assigned(lexer: &mut Lexer<'_>) {
    loop {
        let mut ahead = *lexer;
        let token = ahead.token();
        if ends_assignment(token) {
            return;
        }
        if token == Token::Symbol(b'(') {
            ahead.skip_group();
        }
        *lexer = ahead;
    }
}

fn ends_assignment(token: Token<'_>) -> bool {
    match token {
        Token::End | Token::Symbol(b',' | b';' | b')') => true,
        Token::Word(_, key) => matches!(
            key,
            k::ON | k::WHERE | k::AS | k::RETURNING | k::ORDER | k::LIMIT
        ),
        _ => false,
    }
}
