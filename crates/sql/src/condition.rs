//! Reads a single condition, such as `k = 5`, between AND, OR and parentheses.

use crate::expression::Expression;
use crate::filter::{CompareOp, Compared, Item};
use crate::keyword::{self as k, Key};
use crate::lexer::{Lexer, Token, string};
use crate::literal::{Literal, LiteralList};
use crate::name::{ColumnRef, Name};
use crate::operand::{Operand, operand};

/// A condition and whether it is meant the other way round.
pub(crate) struct Condition<'a> {
    pub(crate) item: Item<'a>,
    pub(crate) negated: bool,
}

impl<'a> Condition<'a> {
    const fn plain(item: Item<'a>) -> Self {
        Self {
            item,
            negated: false,
        }
    }
}

/// Reads a condition up to what ends it. Whatever is not understood in full is unsure in full.
pub(crate) fn read<'a>(lexer: &mut Lexer<'a>) -> Condition<'a> {
    attempt(lexer).unwrap_or_else(|| {
        skip(lexer);
        Condition {
            item: Item::Unsure,
            negated: false,
        }
    })
}

/// Reads a condition if it can be understood; otherwise the lexer stays.
pub(crate) fn attempt<'a>(lexer: &mut Lexer<'a>) -> Option<Condition<'a>> {
    let start = lexer.mark();
    let condition = understood(lexer).filter(|_| ends(lexer.peek()));
    if condition.is_none() {
        lexer.reset(start);
    }
    condition
}

/// Reads `column op constant` if that is the whole condition. What follows is not read: of a longer one
/// the lexer may stand behind the first part, which holds nothing that anybody looks for.
pub(crate) fn only<'a>(lexer: &mut Lexer<'a>) -> Option<Compared<'a>> {
    let start = lexer.mark();
    let Some(compared) = comparison(lexer) else {
        lexer.reset(start);
        return None;
    };
    let is_all = match lexer.peek() {
        Token::End => true,
        Token::AndAnd | Token::OrOr | Token::Word(_, k::AND | k::OR | k::XOR) => false,
        next => ends(next),
    };
    is_all.then_some(compared)
}

fn comparison<'a>(lexer: &mut Lexer<'a>) -> Option<Compared<'a>> {
    let start = lexer.mark();
    let usual = usual_comparison(lexer);
    if usual.is_some() {
        return usual;
    }
    lexer.reset(start);
    let Operand::Column(column) = operand(lexer) else {
        return None;
    };
    let Token::Compare(op) = lexer.token() else {
        return None;
    };
    let value = value(lexer)?;
    Some(Compared { column, op, value })
}

/// A bare column on the left and a plain constant on the right, token by token.
fn usual_comparison<'a>(lexer: &mut Lexer<'a>) -> Option<Compared<'a>> {
    let column = match lexer.token() {
        Token::Word(text, Key::NONE) => Name::new(text),
        Token::Quoted(name) => name,
        _ => return None,
    };
    let Token::Compare(op) = lexer.token() else {
        return None;
    };
    let value = match lexer.token() {
        Token::Number(text) => Literal::Number {
            negative: false,
            text,
        },
        Token::String(written) => string(written),
        Token::Parameter(ordinal) => Literal::Parameter(u16::try_from(ordinal).ok()?),
        _ => return None,
    };
    let table = None;
    Some(Compared {
        column: ColumnRef { table, column },
        op,
        value,
    })
}

fn understood<'a>(lexer: &mut Lexer<'a>) -> Option<Condition<'a>> {
    let start = lexer.mark();
    let left = operand(lexer);
    let token = lexer.token();
    match (left, token) {
        (Operand::Column(column), Token::Compare(op)) => compared(column, op, lexer),
        (Operand::Value(value), Token::Compare(op)) => reversed(value, op, lexer),
        (Operand::Column(column), Token::Word(_, key)) => tested(column, key, lexer),
        (left, token) => {
            if let (
                Operand::Column(ColumnRef {
                    table: None,
                    column,
                }),
                Token::Symbol(b'('),
            ) = (left, token)
                && let Some(condition) = call(lexer, column)
            {
                return Some(condition);
            }
            lexer.reset(start);
            let value = Literal::Expression(Expression::read(lexer)?);
            let Token::Compare(op) = lexer.token() else {
                return None;
            };
            reversed(value, op, lexer)
        }
    }
}

/// Reads the value, or the column, behind `column op`.
fn compared<'a>(
    column: ColumnRef<'a>,
    op: CompareOp,
    lexer: &mut Lexer<'a>,
) -> Option<Condition<'a>> {
    let start = lexer.mark();
    if let Some(value) = value(lexer) {
        return Some(Condition::plain(Item::Compare { column, op, value }));
    }
    lexer.reset(start);
    match operand(lexer) {
        Operand::Column(right) if op == CompareOp::Eq => Some(Condition::plain(Item::Same {
            left: column,
            right,
        })),
        _ => None,
    }
}

/// Reads the column behind `value op`.
fn reversed<'a>(value: Literal<'a>, op: CompareOp, lexer: &mut Lexer<'a>) -> Option<Condition<'a>> {
    let Operand::Column(column) = operand(lexer) else {
        return None;
    };
    let op = op.mirrored();
    Some(Condition::plain(Item::Compare { column, op, value }))
}

/// Reads what stands behind a column and the word `key`.
fn tested<'a>(column: ColumnRef<'a>, mut key: Key, lexer: &mut Lexer<'a>) -> Option<Condition<'a>> {
    if key == k::IS {
        let negated = lexer.take_word(k::NOT);
        return lexer.take_word(k::NULL).then_some(Condition {
            item: Item::IsNull(column),
            negated,
        });
    }
    let negated = key == k::NOT;
    if negated {
        let Token::Word(_, next) = lexer.token() else {
            return None;
        };
        key = next;
    }
    let item = match key {
        k::IN => members(lexer, column)?,
        k::BETWEEN => between(lexer, column)?,
        _ => return None,
    };
    Some(Condition { item, negated })
}

/// Reads what follows the `(` of a function.
fn call<'a>(lexer: &mut Lexer<'a>, function: Name<'a>) -> Option<Condition<'a>> {
    let Operand::Column(column) = operand(lexer) else {
        return None;
    };
    if !lexer.take_symbol(b')') {
        return None;
    }
    let Token::Compare(op) = lexer.token() else {
        return None;
    };
    let value = value(lexer)?;
    Some(Condition::plain(Item::Call {
        function,
        column,
        op,
        value,
    }))
}

fn members<'a>(lexer: &mut Lexer<'a>, column: ColumnRef<'a>) -> Option<Item<'a>> {
    if !lexer.take_symbol(b'(') || opens_subquery(*lexer) {
        return None;
    }
    let list = LiteralList::new(*lexer);
    lexer.skip_group().then_some(Item::In { column, list })
}

fn between<'a>(lexer: &mut Lexer<'a>, column: ColumnRef<'a>) -> Option<Item<'a>> {
    let low = value(lexer)?;
    if !lexer.take_word(k::AND) {
        return None;
    }
    let high = value(lexer)?;
    Some(Item::Between { column, low, high })
}

/// Reads a constant, or an expression of constants.
fn value<'a>(lexer: &mut Lexer<'a>) -> Option<Literal<'a>> {
    let start = lexer.mark();
    let value = operand(lexer);
    let goes_on = match lexer.peek() {
        Token::Symbol(byte) => matches!(byte, b'+' | b'-' | b'*' | b'/' | b'%' | b'('),
        Token::Word(_, key) => key == Key::NONE,
        _ => false,
    };
    if let Operand::Value(value) = value
        && !goes_on
    {
        return Some(value);
    }
    lexer.reset(start);
    Expression::read(lexer).map(Literal::Expression)
}

/// Whether the parenthesis before `inside` holds a subquery.
pub(crate) fn opens_subquery(mut inside: Lexer<'_>) -> bool {
    while inside.take_symbol(b'(') {}
    matches!(
        inside.token(),
        Token::Word(_, k::SELECT | k::WITH | k::VALUES | k::TABLE)
    )
}

/// Whether a condition that was read in full can be followed by `token`.
pub(crate) fn ends(token: Token<'_>) -> bool {
    breaks(token)
        || matches!(
            token,
            Token::Word(
                _,
                k::WINDOW
                    | k::RETURNING
                    | k::INTERSECT
                    | k::EXCEPT
                    | k::MINUS
                    | k::FETCH
                    | k::START
                    | k::CONNECT
                    | k::LEFT
                    | k::RIGHT
                    | k::FULL
            )
        )
}

/// Reads over a condition that is not understood.
pub(crate) fn skip(lexer: &mut Lexer<'_>) {
    let mut cases = 0_u32;
    let mut betweens = 0_u32;
    loop {
        let mut ahead = *lexer;
        match ahead.token() {
            Token::Symbol(b'(') => {
                ahead.skip_group();
            }
            Token::Word(_, k::CASE) => cases += 1,
            Token::Word(_, k::END) => cases = cases.saturating_sub(1),
            Token::Word(_, k::BETWEEN) if cases == 0 => betweens += 1,
            Token::Word(_, k::AND) if cases == 0 && betweens > 0 => betweens -= 1,
            Token::End | Token::Symbol(b')' | b';') => return,
            // Not a function of that name.
            Token::Word(_, k::LEFT | k::RIGHT)
                if cases == 0 && ahead.peek() != Token::Symbol(b'(') =>
            {
                return;
            }
            token if cases == 0 && breaks(token) => return,
            _ => {}
        }
        *lexer = ahead;
    }
}

/// Tokens that no expression goes on over outside parentheses: the reserved words among the ends.
fn breaks(token: Token<'_>) -> bool {
    match token {
        Token::End | Token::Symbol(b')' | b';') | Token::AndAnd | Token::OrOr => true,
        Token::Word(_, key) => matches!(
            key,
            k::AND
                | k::OR
                | k::XOR
                | k::GROUP
                | k::ORDER
                | k::LIMIT
                | k::HAVING
                | k::FOR
                | k::LOCK
                | k::UNION
                | k::INTO
                | k::PROCEDURE
                | k::ON
                | k::SELECT
                | k::FROM
                | k::WHERE
                | k::SET
                | k::JOIN
                | k::INNER
                | k::CROSS
                | k::NATURAL
                | k::STRAIGHT_JOIN
        ),
        _ => false,
    }
}
