//! Reads one side of a comparison.

use crate::expression::Expression;
use crate::keyword::{self as k, Key};
use crate::lexer::{Lexer, Token, body, string};
use crate::literal::{Introducer, Literal, TemporalKind};
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
    if let Some(expression) = Expression::read(lexer)
        && matches!(lexer.peek(), Token::Symbol(b',' | b')'))
    {
        return Literal::Expression(expression);
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
    let token = lexer.token();
    if let Some(literal) = constant(token, lexer) {
        return Operand::Value(literal);
    }
    match token {
        Token::Symbol(sign @ (b'-' | b'+')) => signed(lexer, sign == b'-'),
        Token::Word(text, _) => column(lexer, Name::new(text)),
        Token::Quoted(name) => column(lexer, name),
        _ => Operand::Other,
    }
}

/// The literal that is `token`, or begins with it.
pub(crate) fn constant<'a>(token: Token<'a>, lexer: &mut Lexer<'a>) -> Option<Literal<'a>> {
    Some(match token {
        Token::Number(text) => Literal::Number {
            negative: false,
            text,
        },
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
        Token::Word(word, Key::NONE) => return introduced(word, lexer),
        Token::Word(_, key) => {
            let kind = match key {
                k::DATE => TemporalKind::Date,
                k::TIME => TemporalKind::Time,
                k::TIMESTAMP => TemporalKind::Timestamp,
                _ => return None,
            };
            let before = lexer.mark();
            let Token::String(written) = lexer.token() else {
                lexer.reset(before);
                return None;
            };
            let body = body(written);
            Literal::Temporal { kind, body }
        }
        _ => return None,
    })
}

/// The string behind the name of its character set.
fn introduced<'a>(word: &[u8], lexer: &mut Lexer<'a>) -> Option<Literal<'a>> {
    let introducer = Introducer::of(word)?;
    let before = lexer.mark();
    if let Token::String(written @ [quote, ..]) = lexer.token() {
        return Some(Literal::Introduced {
            introducer,
            body: body(written),
            quote: *quote,
        });
    }
    lexer.reset(before);
    None
}

/// Reads what follows a sign: more signs, parentheses and a number, as in `-(-3)`. A decimal is a literal
/// for the server only if its one minus stands right before it.
fn signed<'a>(lexer: &mut Lexer<'a>, mut negative: bool) -> Operand<'a> {
    let mut open = 0;
    let mut minuses = u32::from(negative);
    let mut is_behind_minus = negative;
    let text = loop {
        let token = lexer.token();
        match token {
            Token::Symbol(b'-') => {
                negative = !negative;
                minuses += 1;
            }
            Token::Symbol(b'+') => {}
            Token::Symbol(b'(') if open < MAX_PARENTHESES => open += 1,
            Token::Number(text) => break text,
            _ => return Operand::Other,
        }
        is_behind_minus = token == Token::Symbol(b'-');
    };
    let is_decimal = text.contains(&b'.') && !text.iter().any(|byte| matches!(byte, b'e' | b'E'));
    if is_decimal && minuses > u32::from(is_behind_minus) {
        return Operand::Other;
    }
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
