//! The usual condition: a value for every key column, joined by AND. Reading it takes no memory.

use super::Statement;
use crate::Unsure;
use crate::partition::column::KeyColumn;
use crate::partition::convert::is_beyond;
use crate::partition::operand::Operand;
use odp_sql::{CompareOp, Item, Literal, LiteralList};

/// The deepest nesting of a condition that is followed.
const MAX_DEPTH: usize = 8;

impl<'a> Statement<'a> {
    /// The value that `column` has in every row that the condition lets through.
    pub(super) fn single(&self, column: &KeyColumn) -> Result<Operand<'a>, Unsure> {
        if let Some(only) = self.outline.only_comparison() {
            let is_equal = matches!(only.op, CompareOp::Eq | CompareOp::NullSafeEq)
                && names_value(only.op, only.value)
                && self.is(only.column, column);
            let value = is_equal.then_some(only.value).ok_or(Unsure::NoKey)?;
            return self.key_value(value, column);
        }
        let mut facts = Facts::default();
        for item in self.outline.filter() {
            let fact = match item {
                Item::And => facts.and(),
                Item::Or => facts.or(),
                Item::Not => facts.not(),
                Item::IsNull(of) if self.is(of, column) => Some(Literal::Null),
                Item::Compare {
                    column: of,
                    op: op @ (CompareOp::Eq | CompareOp::NullSafeEq),
                    value,
                } if self.is(of, column) && names_value(op, value) => Some(value),
                Item::In { column: of, list } if self.is(of, column) => only_member(list),
                _ => None,
            };
            facts.push(fact).ok_or(Unsure::Statement)?;
        }
        self.key_value(facts.only().ok_or(Unsure::NoKey)?, column)
    }

    /// The constant that a column equals; none that it cannot equal.
    fn key_value(&self, value: Literal<'a>, column: &KeyColumn) -> Result<Operand<'a>, Unsure> {
        let operand = self.operand(value)?;
        if is_beyond(&operand, column.column_type) {
            return Err(Unsure::NoPartition);
        }
        Ok(operand)
    }
}

/// `= NULL` lets no row through; `<=> NULL` finds those with NULL.
fn names_value(op: CompareOp, value: Literal<'_>) -> bool {
    op == CompareOp::NullSafeEq || value != Literal::Null
}

fn only_member(mut list: LiteralList<'_>) -> Option<Literal<'_>> {
    let first = list.next().filter(|&member| member != Literal::Null);
    first.filter(|_| list.next().is_none())
}

/// The stack of a condition's evaluation: what each part says of one column.
#[derive(Debug)]
struct Facts<'a> {
    stack: [Option<Literal<'a>>; MAX_DEPTH],
    depth: usize,
}

impl Default for Facts<'_> {
    fn default() -> Self {
        Self {
            stack: [const { None }; MAX_DEPTH],
            depth: 0,
        }
    }
}

impl<'a> Facts<'a> {
    fn push(&mut self, fact: Option<Literal<'a>>) -> Option<()> {
        *self.stack.get_mut(self.depth)? = fact;
        self.depth += 1;
        Some(())
    }

    fn pop(&mut self) -> Option<Literal<'a>> {
        self.depth = self.depth.saturating_sub(1);
        self.stack.get_mut(self.depth).and_then(Option::take)
    }

    fn and(&mut self) -> Option<Literal<'a>> {
        match (self.pop(), self.pop()) {
            (right, None) => right,
            (_, left) => left,
        }
    }

    fn or(&mut self) -> Option<Literal<'a>> {
        match (self.pop(), self.pop()) {
            (Some(right), Some(left)) if left == right => Some(left),
            _ => None,
        }
    }

    fn not(&mut self) -> Option<Literal<'a>> {
        self.pop();
        None
    }

    fn only(&mut self) -> Option<Literal<'a>> {
        let last = self.pop();
        last.filter(|_| self.depth == 0)
    }
}
