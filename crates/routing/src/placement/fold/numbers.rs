//! Arithmetic on integers and decimals, where the result is exact.

use crate::partition::operand::Operand;
use odp_sql::Function;
use std::borrow::Cow;

/// The most digits of a decimal that is computed with.
const MAX_DIGITS: usize = 15;

/// A number times ten to the power of minus `scale`.
#[derive(Clone, Copy)]
struct Exact {
    number: i128,
    scale: u32,
    is_integer: bool,
}

impl Exact {
    fn read(operand: &Operand<'_>) -> Option<Self> {
        match operand {
            Operand::Integer(number) => Some(Self {
                number: signed(*number)?,
                scale: 0,
                is_integer: true,
            }),
            Operand::Decimal { negative, text } => {
                let digits: Vec<u8> = text.iter().copied().filter(u8::is_ascii_digit).collect();
                let point = text.iter().position(|&byte| byte == b'.')?;
                let number: i128 = str::from_utf8(&digits).ok()?.parse().ok()?;
                (digits.len() <= MAX_DIGITS).then_some(Self {
                    number: if *negative { -number } else { number },
                    scale: u32::try_from(text.len() - point - 1).ok()?,
                    is_integer: false,
                })
            }
            _ => None,
        }
    }

    fn write<'a>(self) -> Option<Operand<'a>> {
        if self.is_integer {
            return signed(self.number).map(Operand::Integer);
        }
        let width = usize::try_from(self.scale).ok()?;
        let digits = format!("{:0>1$}", self.number.unsigned_abs(), width + 1);
        let (whole, fraction) = digits.split_at_checked(digits.len() - width)?;
        Some(Operand::Decimal {
            negative: self.number < 0,
            text: Cow::Owned(format!("{whole}.{fraction}").into_bytes()),
        })
    }

    /// The same number with `scale` decimal places, which are no fewer.
    fn at(self, scale: u32) -> Option<i128> {
        let factor = 10_i128.checked_pow(scale.checked_sub(self.scale)?)?;
        self.number.checked_mul(factor)
    }
}

/// `left function right`; `None` where the type or the value of the result is not certain.
pub(super) fn joined<'a>(
    function: Function<'_>,
    left: &Operand<'_>,
    right: &Operand<'_>,
) -> Option<Operand<'a>> {
    let (left, right) = (Exact::read(left)?, Exact::read(right)?);
    let is_integer = left.is_integer && right.is_integer;
    let (number, scale) = match function {
        Function::Add | Function::Subtract => {
            let scale = left.scale.max(right.scale);
            let (left, right) = (left.at(scale)?, right.at(scale)?);
            let sum = if function == Function::Add {
                left.checked_add(right)
            } else {
                left.checked_sub(right)
            };
            (sum?, scale)
        }
        Function::Multiply => {
            let product = left.number.checked_mul(right.number)?;
            (product, left.scale + right.scale)
        }
        Function::IntegerDivide if is_integer => (left.number.checked_div(right.number)?, 0),
        Function::Modulo if is_integer => (left.number.checked_rem(right.number)?, 0),
        // How many places a quotient has depends on the session; one that has none is the same anyway.
        Function::Divide if is_integer && left.number.checked_rem(right.number)? == 0 => {
            let quotient = Exact {
                number: left.number / right.number,
                scale: 0,
                is_integer: false,
            };
            return quotient.write();
        }
        _ => return None,
    };
    Exact {
        number,
        scale,
        is_integer,
    }
    .write()
}

pub(super) fn negated<'a>(operand: &Operand<'_>) -> Option<Operand<'a>> {
    let exact = Exact::read(operand)?;
    Exact {
        number: -exact.number,
        ..exact
    }
    .write()
}

pub(super) fn absolute<'a>(operand: &Operand<'_>) -> Option<Operand<'a>> {
    let exact = Exact::read(operand)?;
    Exact {
        number: exact.number.abs(),
        ..exact
    }
    .write()
}

/// The smallest or the largest of integers.
pub(super) fn extreme<'a>(operands: &[Operand<'_>], least: bool) -> Option<Operand<'a>> {
    let integer = |operand: &Operand<'_>| match operand {
        Operand::Integer(number) => signed(*number),
        _ => None,
    };
    let numbers: Vec<i128> = operands.iter().map(integer).collect::<Option<_>>()?;
    let numbers = numbers.into_iter();
    let found = if least { numbers.min() } else { numbers.max() };
    found.map(Operand::Integer)
}

/// The integer that CAST makes of a number, or of a string that is nothing but one.
pub(super) fn whole(operand: &Operand<'_>) -> Option<i128> {
    if let Operand::Text { bytes, .. } = operand {
        let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
        let is_short = (1..=MAX_DIGITS).contains(&digits.len());
        let is_number = is_short && digits.iter().all(u8::is_ascii_digit);
        let text = str::from_utf8(bytes).ok().filter(|_| is_number)?;
        return text.parse().ok();
    }
    let exact = Exact::read(operand)?;
    let unit = 10_i128.checked_pow(exact.scale)?;
    let away = exact.number.signum() * (unit / 2);
    signed((exact.number + away) / unit)
}

/// A number in the range of BIGINT, in which the server computes.
fn signed(number: i128) -> Option<i128> {
    i64::try_from(number).ok().map(i128::from)
}
