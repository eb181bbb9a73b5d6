//! Expressions of constants alone, for readers that can compute them.

use crate::dialect::Dialect;
use crate::keyword as k;
use crate::lexer::{Lexer, Passed, Token};
use crate::literal::Literal;
use crate::operand::constant;

/// A constant expression that is more than a literal, still in the statement's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expression<'a> {
    text: &'a [u8],
    passed: Passed,
    dialect: Dialect,
}

/// What computes the parts of an [`Expression`], from the inside out; `None` is for what it does not know.
pub trait Compute<'a> {
    /// What a part comes to.
    type Value;

    /// The value of a literal, which is none of [`Literal::Expression`], Unsure and Default.
    fn literal(&mut self, literal: Literal<'a>) -> Option<Self::Value>;

    /// The value of a function of these arguments.
    fn apply(&mut self, function: Function<'a>, arguments: Vec<Self::Value>)
    -> Option<Self::Value>;
}

/// What is done to arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function<'a> {
    /// The function of this name, as written.
    Named(&'a [u8]),
    /// `-x`
    Negate,
    /// `x + y`
    Add,
    /// `x - y`
    Subtract,
    /// `x * y`
    Multiply,
    /// `x / y`
    Divide,
    /// `x DIV y`
    IntegerDivide,
    /// `x % y`, `x MOD y`
    Modulo,
    /// `CAST(x AS …)`, `CONVERT(x, …)`
    Cast(CastType),
    /// `x + INTERVAL y …`, `DATE_ADD(x, INTERVAL y …)`
    AddInterval(Unit),
    /// `x - INTERVAL y …`, `DATE_SUB(x, INTERVAL y …)`
    SubtractInterval(Unit),
}

/// The type of a CAST, without length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CastType {
    /// `SIGNED [INTEGER]`
    Signed,
    /// `UNSIGNED [INTEGER]`
    Unsigned,
    /// CHAR
    Char,
    /// DATE
    Date,
    /// DATETIME
    Datetime,
}

/// The unit of an INTERVAL that is one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// SECOND
    Second,
    /// MINUTE
    Minute,
    /// HOUR
    Hour,
    /// DAY
    Day,
    /// WEEK
    Week,
    /// MONTH
    Month,
    /// QUARTER
    Quarter,
    /// YEAR
    Year,
}

/// The deepest nesting that is followed.
const MAX_DEPTH: u32 = 8;
/// The most arguments of a function.
const MAX_ARGUMENTS: usize = 16;

impl<'a> Expression<'a> {
    /// Reads an expression; `None`, with the lexer where it was, when there is something in it that is
    /// neither a constant nor a known way to join constants. What follows must be checked by the caller.
    pub(crate) fn read(lexer: &mut Lexer<'a>) -> Option<Self> {
        let start = lexer.mark();
        let before = *lexer;
        if sum(lexer, &mut Shape, 0).is_none() {
            lexer.reset(start);
            return None;
        }
        let length = lexer.position() - before.position();
        Some(Self {
            text: before.rest().get(..length)?,
            passed: before.passed(),
            dialect: before.dialect(),
        })
    }

    /// What it comes to.
    pub fn compute<C: Compute<'a>>(&self, with: &mut C) -> Option<C::Value> {
        let mut lexer = Lexer::new(self.text, self.dialect).behind(self.passed);
        sum(&mut lexer, with, 0)
    }
}

/// Finds out how far an expression goes.
struct Shape;

impl<'a> Compute<'a> for Shape {
    type Value = ();

    fn literal(&mut self, _: Literal<'a>) -> Option<()> {
        Some(())
    }

    fn apply(&mut self, _: Function<'a>, _: Vec<()>) -> Option<()> {
        Some(())
    }
}

fn sum<'a, C: Compute<'a>>(lexer: &mut Lexer<'a>, with: &mut C, depth: u32) -> Option<C::Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut left = product(lexer, with, depth)?;
    loop {
        let before = lexer.mark();
        let (plain, dated): (_, fn(Unit) -> Function<'a>) = match lexer.token() {
            Token::Symbol(b'+') => (Function::Add, Function::AddInterval),
            Token::Symbol(b'-') => (Function::Subtract, Function::SubtractInterval),
            _ => {
                lexer.reset(before);
                return Some(left);
            }
        };
        let (function, right) = if take_name(lexer, b"interval") {
            let (count, unit) = interval(lexer, with, depth)?;
            (dated(unit), count)
        } else {
            (plain, product(lexer, with, depth)?)
        };
        left = with.apply(function, vec![left, right])?;
    }
}

fn product<'a, C: Compute<'a>>(
    lexer: &mut Lexer<'a>,
    with: &mut C,
    depth: u32,
) -> Option<C::Value> {
    let mut left = factor(lexer, with, depth)?;
    loop {
        let before = lexer.mark();
        let function = match lexer.token() {
            Token::Symbol(b'*') => Function::Multiply,
            Token::Symbol(b'/') => Function::Divide,
            Token::Symbol(b'%') => Function::Modulo,
            Token::Word(word, _) if word.eq_ignore_ascii_case(b"div") => Function::IntegerDivide,
            Token::Word(word, _) if word.eq_ignore_ascii_case(b"mod") => Function::Modulo,
            _ => {
                lexer.reset(before);
                return Some(left);
            }
        };
        let right = factor(lexer, with, depth)?;
        left = with.apply(function, vec![left, right])?;
    }
}

fn factor<'a, C: Compute<'a>>(lexer: &mut Lexer<'a>, with: &mut C, depth: u32) -> Option<C::Value> {
    let token = lexer.token();
    if let Some(literal) = constant(token, lexer) {
        // Strings side by side are one.
        let is_text = matches!(literal, Literal::String { .. } | Literal::Introduced { .. });
        let is_one = !(is_text && matches!(lexer.peek(), Token::String(_)));
        let is_value = !matches!(literal, Literal::Default | Literal::Unsure);
        return with.literal(literal).filter(|_| is_one && is_value);
    }
    match token {
        Token::Symbol(b'-') if depth < MAX_DEPTH => {
            let value = factor(lexer, with, depth + 1)?;
            with.apply(Function::Negate, vec![value])
        }
        Token::Symbol(b'+') if depth < MAX_DEPTH => factor(lexer, with, depth + 1),
        Token::Symbol(b'(') => {
            let value = sum(lexer, with, depth + 1)?;
            lexer.take_symbol(b')').then_some(value)
        }
        Token::Word(name, _) if lexer.take_symbol(b'(') => call(name, lexer, with, depth + 1),
        _ => None,
    }
}

/// Reads what stands behind the `(` of a function.
fn call<'a, C: Compute<'a>>(
    name: &'a [u8],
    lexer: &mut Lexer<'a>,
    with: &mut C,
    depth: u32,
) -> Option<C::Value> {
    let mut arguments = vec![sum(lexer, with, depth)?];
    let is = |names: &[&str]| {
        let mut names = names.iter();
        names.any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    };
    let is_cast = is(&["cast"]) && lexer.take_word(k::AS);
    if is_cast || is(&["convert"]) && lexer.take_symbol(b',') {
        let function = Function::Cast(cast_type(lexer)?);
        let value = with.apply(function, arguments)?;
        return lexer.take_symbol(b')').then_some(value);
    }
    while lexer.take_symbol(b',') {
        if take_name(lexer, b"interval") {
            let (count, unit) = interval(lexer, with, depth)?;
            let function = if is(&["date_add", "adddate"]) {
                Function::AddInterval(unit)
            } else if is(&["date_sub", "subdate"]) {
                Function::SubtractInterval(unit)
            } else {
                return None;
            };
            arguments.push(count);
            let value = with.apply(function, arguments)?;
            return lexer.take_symbol(b')').then_some(value);
        }
        if arguments.len() == MAX_ARGUMENTS {
            return None;
        }
        arguments.push(sum(lexer, with, depth)?);
    }
    let closed = lexer.take_symbol(b')');
    with.apply(Function::Named(name), arguments)
        .filter(|_| closed)
}

/// Reads what stands behind INTERVAL.
fn interval<'a, C: Compute<'a>>(
    lexer: &mut Lexer<'a>,
    with: &mut C,
    depth: u32,
) -> Option<(C::Value, Unit)> {
    let count = sum(lexer, with, depth + 1)?;
    let Token::Word(word, _) = lexer.token() else {
        return None;
    };
    let units: [(&[u8], Unit); 8] = [
        (b"second", Unit::Second),
        (b"minute", Unit::Minute),
        (b"hour", Unit::Hour),
        (b"day", Unit::Day),
        (b"week", Unit::Week),
        (b"month", Unit::Month),
        (b"quarter", Unit::Quarter),
        (b"year", Unit::Year),
    ];
    let mut units = units.into_iter();
    let (_, unit) = units.find(|(name, _)| word.eq_ignore_ascii_case(name))?;
    Some((count, unit))
}

fn cast_type(lexer: &mut Lexer<'_>) -> Option<CastType> {
    let Token::Word(word, _) = lexer.token() else {
        return None;
    };
    let cast = match word.to_ascii_lowercase().as_slice() {
        b"signed" => CastType::Signed,
        b"unsigned" => CastType::Unsigned,
        b"char" => CastType::Char,
        b"date" => CastType::Date,
        b"datetime" => CastType::Datetime,
        _ => return None,
    };
    if matches!(cast, CastType::Signed | CastType::Unsigned) {
        take_name(lexer, b"integer");
    }
    Some(cast)
}

fn take_name(lexer: &mut Lexer<'_>, name: &[u8]) -> bool {
    let before = lexer.mark();
    let found = matches!(lexer.token(), Token::Word(word, _) if word.eq_ignore_ascii_case(name));
    if !found {
        lexer.reset(before);
    }
    found
}
