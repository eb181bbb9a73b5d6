//! Whether a condition may hold for the values of a list partition: the server evaluates it for each.

use super::Statement;
use super::condition::Columns;
use super::overruled::Overruled;
use crate::partition::column::{ColumnType, KeyColumn};
use crate::partition::convert::{Converted, compare_as_doubles, compare_as_text, convert_any};
use crate::partition::operand::{Intent, Operand};
use crate::partition::value::Value;
use odp_sql::{ColumnRef, CompareOp, Filter, Item, Literal};
use std::cmp::Ordering;

/// What a condition may be for one row: a set of TRUE, FALSE and NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Truth(u8);

impl Truth {
    const TRUE: Self = Self(1);
    const FALSE: Self = Self(2);
    const NULL: Self = Self(4);
    const UNKNOWN: Self = Self(7);

    fn of(holds: bool) -> Self {
        if holds { Self::TRUE } else { Self::FALSE }
    }

    fn may_be(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn not(self) -> Self {
        let swapped = (self.0 & 1) << 1 | (self.0 & 2) >> 1;
        Self(swapped | self.0 & Self::NULL.0)
    }

    fn and(self, other: Self) -> Self {
        let is_false = self.0 | other.0 & Self::FALSE.0;
        let is_true = self.0 & other.0 & Self::TRUE.0;
        let is_null = self.may_be(Self::NULL) && other.may_be(Self(5))
            || other.may_be(Self::NULL) && self.may_be(Self(5));
        let is_null = if is_null { Self::NULL.0 } else { 0 };
        Self((is_false | other.0) & Self::FALSE.0 | is_true | is_null)
    }

    fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
}

/// A part of the condition for one row.
#[derive(Debug, Clone, Copy)]
struct Seen {
    truth: Truth,
    /// Whether other columns are in it too.
    is_foreign: bool,
    /// Whether it is parts joined by AND, each evaluated on its own.
    is_evaluated: bool,
}

impl Default for Seen {
    fn default() -> Self {
        Self::of(Truth::UNKNOWN)
    }
}

impl Seen {
    const FOREIGN: Self = Self {
        truth: Truth::UNKNOWN,
        is_foreign: true,
        is_evaluated: false,
    };

    const fn of(truth: Truth) -> Self {
        Self {
            truth,
            is_foreign: false,
            is_evaluated: false,
        }
    }

    /// What the server knows of it: of a part with other columns in it, nothing.
    fn evaluated(self) -> Truth {
        if self.is_foreign && !self.is_evaluated {
            Truth::UNKNOWN
        } else {
            self.truth
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            truth: self.evaluated().and(other.evaluated()),
            is_foreign: self.is_foreign || other.is_foreign,
            is_evaluated: true,
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            truth: self.truth.or(other.truth),
            is_foreign: self.is_foreign || other.is_foreign,
            is_evaluated: false,
        }
    }

    fn not(self) -> Self {
        Self {
            truth: self.truth.not(),
            is_evaluated: false,
            ..self
        }
    }
}

/// What is held against the condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// A row of a list partition, or the only value that a condition leaves.
    Alone,
    /// One of several values that it leaves: the server does not compare those with a number between two
    /// values of the column.
    AmongOthers,
}

/// One level's part of a listed row: its values are those of the key columns from `from` on.
struct Listed<'r> {
    held: Held,
    columns: Columns<'r>,
    from: usize,
    row: &'r [Value<'r>],
}

impl<'a> Statement<'a> {
    /// Whether the condition may hold for a listed row of one level, as far as it is about that level's
    /// columns.
    pub(super) fn may_hold(
        &self,
        columns: Columns<'_>,
        overruled: &Overruled,
        (from, row): (usize, &[Value<'_>]),
        held: Held,
    ) -> bool {
        let listed = Listed {
            held,
            columns,
            from,
            row,
        };
        let mut stack = [Seen::default(); Filter::MAX_STACK];
        let mut depth = 0_usize;
        for (place, item) in self.outline.filter().enumerate() {
            let operands = match item {
                Item::And | Item::Or => 2,
                Item::Not => 1,
                _ => 0,
            };
            let Some(base) = depth.checked_sub(operands) else {
                return true;
            };
            let at = |at: usize| stack.get(base + at).copied().unwrap_or_default();
            let seen = match item {
                Item::And => at(0).and(at(1)),
                Item::Or => at(0).or(at(1)),
                Item::Not => at(0).not(),
                _ if overruled.contains(place) => Seen::default(),
                atom => self.truth(&atom, &listed).map_or(Seen::FOREIGN, Seen::of),
            };
            let Some(slot) = stack.get_mut(base) else {
                return true;
            };
            *slot = seen;
            depth = base + 1;
        }
        match stack {
            [only, ..] if depth == 1 => only.evaluated().may_be(Truth::TRUE),
            _ => true,
        }
    }

    /// `None` for a condition that is not, or not only, about the row's columns.
    fn truth(&self, item: &Item<'a>, listed: &Listed<'_>) -> Option<Truth> {
        let find = |of: &ColumnRef<'_>| {
            let mut columns = listed.columns.iter().skip(listed.from).zip(listed.row);
            columns.find(|(column, _)| self.is(*of, column))
        };
        Some(match item {
            Item::Compare { column, op, value } => {
                let (column, row) = find(column)?;
                self.compare(listed, column, row, *op, *value)
            }
            Item::Call {
                function,
                column,
                op,
                value,
            } => {
                let (column, row) = find(column)?;
                if !function.eq_ignore_case("concat") {
                    return Some(Truth::UNKNOWN);
                }
                self.concatenated(column, row, *op, *value)
            }
            Item::In { column, list } => {
                let (column, row) = find(column)?;
                let equal = |value| self.compare(listed, column, row, CompareOp::Eq, value);
                list.clone().map(equal).fold(Truth::FALSE, Truth::or)
            }
            Item::Between { column, low, high } => {
                let (column, row) = find(column)?;
                // The three are compared in one type, which is then not that of a text.
                let is_text = |end| matches!(self.operand(end), Ok(Operand::Text { .. }));
                let is_of_texts = matches!(column.column_type, ColumnType::Text { .. });
                if is_of_texts && is_text(*low) != is_text(*high) {
                    return Some(Truth::UNKNOWN);
                }
                let above = self.compare(listed, column, row, CompareOp::Ge, *low);
                above.and(self.compare(listed, column, row, CompareOp::Le, *high))
            }
            Item::IsNull(column) => Truth::of(find(column)?.1.is_null()),
            _ => return None,
        })
    }

    fn compare(
        &self,
        listed: &Listed<'_>,
        column: &KeyColumn,
        row: &Value<'_>,
        op: CompareOp,
        value: Literal<'a>,
    ) -> Truth {
        let is_between = || {
            matches!(self.operand(value), Ok(Operand::Decimal { .. }))
                && value != Literal::Null
                && !self.is_exact(value, column)
        };
        if listed.held == Held::AmongOthers && is_between() {
            return Truth::UNKNOWN;
        }
        self.comparison(column, row, op, value)
    }

    fn comparison(
        &self,
        column: &KeyColumn,
        row: &Value<'_>,
        op: CompareOp,
        value: Literal<'a>,
    ) -> Truth {
        let null_safe = op == CompareOp::NullSafeEq;
        match (row.is_null(), value == Literal::Null) {
            (one, other) if null_safe && (one || other) => return Truth::of(one && other),
            (true, _) | (_, true) => return Truth::NULL,
            _ => {}
        }
        let Ok(operand) = self.operand(value) else {
            return Truth::UNKNOWN;
        };
        let order = match (
            row,
            convert_any(&operand, column, self.circumstances(Intent::Compare)),
        ) {
            // What lies between two values lies on the same side of all others.
            (row, Ok(Converted { value, order })) => Some(row.cmp(&value).then(order.reverse())),
            (Value::Text(text), Err(_)) => compare_as_doubles(text, &operand),
            _ => None,
        };
        order.map_or(Truth::UNKNOWN, |order| Truth::of(is(order, op)))
    }

    fn concatenated(
        &self,
        column: &KeyColumn,
        row: &Value<'_>,
        op: CompareOp,
        value: Literal<'a>,
    ) -> Truth {
        if row.is_null() || value == Literal::Null {
            return Truth::NULL;
        }
        let operand = self.operand(value).ok();
        let order = operand.and_then(|operand| compare_as_text(row, column.column_type, &operand));
        order.map_or(Truth::UNKNOWN, |order| Truth::of(is(order, op)))
    }
}

fn is(order: Ordering, op: CompareOp) -> bool {
    match op {
        CompareOp::Eq | CompareOp::NullSafeEq => order.is_eq(),
        CompareOp::Ne => order.is_ne(),
        CompareOp::Lt => order.is_lt(),
        CompareOp::Le => order.is_le(),
        CompareOp::Gt => order.is_gt(),
        CompareOp::Ge => order.is_ge(),
    }
}
