//! Reads one side of a comparison.

use crate::keyword as k;
use crate::lexer::{Lexer, Token, body, string};
use crate::literal::{Literal, TemporalKind};
use crate::name::{ColumnRef, Name};

/// One side of a comparison.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand<'a> {
    Column(ColumnRef<'a>),
    Value(Literal<'a>),
    /// Something else; the lexer stands somewhere inside it.
    Other,
}

/// Parentheses around a single operand that are looked through.
const MAX_PARENTHESES: u32 = 4;

/// Reads an operand. What follows it must be checked by the caller: `a` of `a + 1` is read as a column.
pub(crate) fn operand<'a>(lexer: &mut Lexer<'a>) -> Operand<'a> {
    let mut open = 0;
    while open < MAX_PARENTHESES && lexer.take_symbol(b'(') {
        open += 1;
    }
    let operand = bare(lexer);
    for _ in 0..open {
        if !lexer.take_symbol(b')') {
            return Operand::Other;
        }
    }
    operand
}

/// Reads a constant that ends where one of an expression list does, at `,` or `)`; anything else is
/// unsure and read over. The lexer then stands before the `,` or `)`, or at the end of the text.
pub(crate) fn listed<'a>(lexer: &mut Lexer<'a>) -> Literal<'a> {
    let start = lexer.mark();
    if let Operand::Value(value) = operand(lexer)
        && matches!(lexer.peek(), Token::Symbol(b',' | b')'))
    {
        return value;
    }
    lexer.reset(start);
    loop {
        let mut ahead = *lexer;
        match ahead.token() {
            Token::Symbol(b',' | b')' | b';') | Token::End => return Literal::Unsure,
            Token::Symbol(b'(') if !ahead.skip_group() => {
                *lexer = ahead;
                return Literal::Unsure;
            }
            _ => *lexer = ahead,
        }
    }
}

fn bare<'a>(lexer: &mut Lexer<'a>) -> Operand<'a> {
    let value = match lexer.token() {
        Token::Number(text) => Literal::Number {
            negative: false,
            text,
        },
        Token::Symbol(sign @ (b'-' | b'+')) => return signed(lexer, sign == b'-'),
        Token::String(written) => string(written),
        Token::Hex(digits) => Literal::Hex(digits),
        Token::Bit(digits) => Literal::Bit(digits),
        Token::Parameter(ordinal) => {
            u16::try_from(ordinal).map_or(Literal::Unsure, Literal::Parameter)
        }
        Token::UserVariable(name) => Literal::UserVariable(name),
        Token::Word(_, k::NULL) => Literal::Null,
        Token::Word(_, k::TRUE) => Literal::True,
        Token::Word(_, k::FALSE) => Literal::False,
        Token::Word(_, k::DEFAULT) => Literal::Default,
        Token::Word(text, key) => {
            let kind = match key {
                k::DATE => Some(TemporalKind::Date),
                k::TIME => Some(TemporalKind::Time),
                k::TIMESTAMP => Some(TemporalKind::Timestamp),
                _ => None,
            };
            let mut ahead = *lexer;
            if let Some(kind) = kind
                && let Token::String(written) = ahead.token()
            {
                *lexer = ahead;
                let body = body(written);
                return Operand::Value(Literal::Temporal { kind, body });
            }
            return column(lexer, Name::new(text));
        }
        Token::Quoted(name) => return column(lexer, name),
        _ => return Operand::Other,
    };
    Operand::Value(value)
}

/// Reads what follows a sign: more signs, parentheses and a number, as in `-(-3)`.
fn signed<'a>(lexer: &mut Lexer<'a>, mut negative: bool) -> Operand<'a> {
    let mut open = 0;
    let text = loop {
        match lexer.token() {
            Token::Symbol(b'-') => negative = !negative,
            Token::Symbol(b'+') => {}
            Token::Symbol(b'(') if open < MAX_PARENTHESES => open += 1,
            Token::Number(text) => break text,
            _ => return Operand::Other,
        }
    };
    for _ in 0..open {
        if !lexer.take_symbol(b')') {
            return Operand::Other;
        }
    }
    Operand::Value(Literal::Number { negative, text })
}

/// Reads what follows the first name of `c`, `t.c` or `db.t.c`.
fn column<'a>(lexer: &mut Lexer<'a>, first: Name<'a>) -> Operand<'a> {
    let (mut table, mut column) = (None, first);
    for _ in 0..2 {
        if !lexer.take_dot() {
            break;
        }
        table = Some(column);
        column = match lexer.token() {
            Token::Word(text, _) => Name::new(text),
            Token::Quoted(name) => name,
            _ => return Operand::Other,
        };
    }
    Operand::Column(ColumnRef { table, column })
}
