//! From a WHERE condition to the set of keys that it leaves.

use super::Statement;
use super::listed::Held;
use super::overruled::Overruled;
use crate::Unsure;
use crate::partition::Rules;
use crate::partition::calendar::Encoding;
use crate::partition::column::{Absent, ColumnType, KeyColumn};
use crate::partition::convert::{
    Converted, Unequal, convert, is_beyond, is_comparable, is_descending, is_descending_as_numbers,
    unequal,
};
use crate::partition::interval::{Interval, Region};
use crate::partition::operand::{Intent, Operand};
use crate::partition::value::Value;
use odp_sql::{ColumnRef, CompareOp, Filter, Item, Literal, LiteralList};
use std::cmp::Ordering;
use std::ops::Range;

/// A condition of more parts than this is followed roughly.
const MANY_PARTS: usize = 512;
/// The most areas that two parts of it are joined to.
const ROUGHLY: usize = 64;
/// How many parts are held against single keys at most, each against each.
const MAX_CHECKS: usize = 1 << 16;

/// The longest list that a NOT IN is followed over, as in the server.
const MAX_NOT_IN: usize = 10;

/// What a part of the condition says of the keys of the rows for which it is true, or false.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) holds: Region<'a>,
    fails: Region<'a>,
}

impl Known<'_> {
    const UNSURE: Self = Self {
        holds: Region::Everything,
        fails: Region::Everything,
    };
}

/// The columns of both levels' keys, in the order of an area.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns<'r> {
    rules: &'r Rules,
}

impl<'r> Columns<'r> {
    pub(super) fn new(rules: &'r Rules) -> Self {
        Self { rules }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = &'r KeyColumn> {
        let second = self
            .rules
            .second
            .iter()
            .flat_map(|level| &level.key.columns);
        self.rules.first.key.columns.iter().chain(second)
    }

    /// The columns with these numbers.
    fn of(self, level: &Range<usize>) -> impl Iterator<Item = &'r KeyColumn> {
        self.iter().skip(level.start).take(level.len())
    }

    pub(super) fn count(self) -> usize {
        self.iter().count()
    }
}

impl<'a> Statement<'a> {
    /// The keys that the condition leaves; more when it is not understood in full. What it says of columns
    /// outside `level` does not count.
    pub(super) fn region(
        &self,
        columns: Columns<'_>,
        level: Range<usize>,
        overruled: &Overruled,
    ) -> Region<'a> {
        let parts = self.outline.filter().take(MANY_PARTS + 1).count();
        let most = if parts > MANY_PARTS {
            ROUGHLY
        } else {
            usize::MAX
        };
        let mut stack: Vec<Known<'a>> = Vec::new();
        for (at, item) in self.outline.filter().enumerate() {
            let known = match item {
                Item::And | Item::Or => {
                    let (Some(right), Some(left)) = (stack.pop(), stack.pop()) else {
                        return Region::Everything;
                    };
                    let (holds, fails) = if matches!(item, Item::And) {
                        let holds = left.holds.and_within(right.holds, most);
                        (holds, left.fails.or(right.fails))
                    } else {
                        let fails = left.fails.and_within(right.fails, most);
                        (left.holds.or(right.holds), fails)
                    };
                    Known { holds, fails }
                }
                Item::Not => match stack.pop() {
                    Some(Known { holds, fails }) => Known {
                        holds: fails,
                        fails: holds,
                    },
                    None => return Region::Everything,
                },
                _ if overruled.contains(at) => Known::UNSURE,
                atom => self.atom(&atom, columns, &level),
            };
            if stack.len() == Filter::MAX_STACK {
                return Region::Everything;
            }
            stack.push(known);
        }
        match (stack.pop(), stack.is_empty()) {
            (Some(known), true) if known.holds.count().saturating_mul(parts) > MAX_CHECKS => {
                known.holds
            }
            (Some(known), true) => {
                self.without_contradictions(known.holds, columns, level, overruled)
            }
            _ => Region::Everything,
        }
    }

    /// Leaves single keys out for which another part of the condition is false: the server puts the
    /// value of an equality into the other parts. It does not so with a string or a label, which another
    /// part may compare as a number; and a decimal may stand for one that equals nothing.
    fn without_contradictions(
        &self,
        region: Region<'a>,
        columns: Columns<'_>,
        level: Range<usize>,
        overruled: &Overruled,
    ) -> Region<'a> {
        let stays = |column: &KeyColumn| {
            let kept = matches!(
                column.column_type,
                ColumnType::Decimal { .. } | ColumnType::Bit { .. }
            );
            let labelled = matches!(column.column_type, ColumnType::Enum | ColumnType::Set);
            kept || labelled || matches!(column.column_type, ColumnType::Text { .. })
        };
        match region {
            Region::Areas(mut areas) if !columns.of(&level).any(stays) => {
                let held = match areas.len() {
                    1 => Held::Alone,
                    _ => Held::AmongOthers,
                };
                areas.retain(|area| {
                    let area = area.get(level.clone()).unwrap_or_default();
                    let points: Option<Vec<Value<'_>>> = area
                        .iter()
                        .map(|interval| interval.only().cloned())
                        .collect();
                    points.is_none_or(|row| {
                        let row = (level.start, row.as_slice());
                        self.may_hold(columns, overruled, row, held)
                    })
                });
                Region::Areas(areas)
            }
            other => other,
        }
    }

    /// A condition about one column; a column may be in the keys of both levels.
    pub(super) fn atom(
        &self,
        item: &Item<'a>,
        columns: Columns<'_>,
        level: &Range<usize>,
    ) -> Known<'a> {
        let of = match item {
            Item::Compare { column, .. }
            | Item::In { column, .. }
            | Item::Between { column, .. }
            | Item::IsNull(column) => *column,
            // NULL is neither equal nor unequal to anything, whatever a function gives.
            Item::Call {
                op,
                value: Literal::Null,
                ..
            } if *op != CompareOp::NullSafeEq => {
                return Known {
                    holds: Region::NOTHING,
                    fails: Region::Everything,
                };
            }
            _ => return Known::UNSURE,
        };
        let mut all = Known::UNSURE;
        for (at, column) in columns.iter().enumerate() {
            if !level.contains(&at) {
                continue;
            }
            let Some(about) = About::new(self, column, of) else {
                continue;
            };
            let slice = |interval| Region::slice(columns.count(), at, interval);
            let known = about.item(item, &slice);
            all = Known {
                holds: all.holds.and(known.holds),
                // Each level's key leaves out no row on its own.
                fails: all.fails.and(known.fails),
            };
        }
        all
    }
}

/// A key column that a condition is about.
struct About<'s, 'a, 'c> {
    statement: &'s Statement<'a>,
    column: &'c KeyColumn,
    /// Whether the condition is about the column that this one is generated from.
    is_source: bool,
}

type Slice<'s, 'a> = dyn Fn(Interval<'a>) -> Region<'a> + 's;

impl<'s, 'a, 'c> About<'s, 'a, 'c> {
    fn new(statement: &'s Statement<'a>, column: &'c KeyColumn, of: ColumnRef<'_>) -> Option<Self> {
        let is_source = match &column.absent {
            Absent::Generated(generated) if generated.keeps_equality(column) => {
                statement.is(of, &generated.source)
            }
            _ => false,
        };
        (is_source || statement.is(of, column)).then_some(Self {
            statement,
            column,
            is_source,
        })
    }

    fn item(&self, item: &Item<'a>, slice: &Slice<'_, 'a>) -> Known<'a> {
        match item {
            Item::Compare { op, value, .. } => self.compare(*op, *value, slice),
            Item::In { list, .. } => self.listed(list, slice),
            Item::Between { low, high, .. } if !self.is_between_values(*low, *high) => {
                let (low, high) = (self.statement.operand(*low), self.statement.operand(*high));
                let is_number = matches!(self.column.column_type, ColumnType::Number { .. });
                match (low, high) {
                    (Ok(low), Ok(high)) if self.is_descending(&low, &high) && !is_number => Known {
                        holds: Region::NOTHING,
                        fails: Region::Everything,
                    },
                    _ => Known::UNSURE,
                }
            }
            Item::Between { low, high, .. } => Known {
                holds: self.region(CompareOp::Ge, *low, slice).and(self.region(
                    CompareOp::Le,
                    *high,
                    slice,
                )),
                fails: self.region(CompareOp::Lt, *low, slice).or(self.region(
                    CompareOp::Gt,
                    *high,
                    slice,
                )),
            },
            Item::IsNull(_) if !self.column.nullable => Known {
                holds: match self.column.column_type {
                    // Of a date that is not NULL, the zero one counts as such, as in MySQL.
                    ColumnType::Date(Encoding::Packed)
                    | ColumnType::Datetime {
                        encoding: Encoding::Packed,
                        ..
                    } => slice(Interval::point(Value::Int(0))),
                    _ => Region::NOTHING,
                },
                fails: Region::Everything,
            },
            Item::IsNull(_) => Known {
                holds: slice(self.null()),
                fails: Region::Everything,
            },
            _ => Known::UNSURE,
        }
    }

    /// Whether the ends of a BETWEEN count as values of the column: the three are compared in one type, in which
    /// the text '24' is no year.
    fn is_between_values(&self, low: Literal<'a>, high: Literal<'a>) -> bool {
        let is_number = |end| matches!(end, Literal::Number { .. });
        let is_year = self.column.column_type == ColumnType::Year;
        self.is_comparable(low)
            && self.is_comparable(high)
            && (!is_year || is_number(low) && is_number(high))
    }

    fn is_descending(&self, low: &Operand<'_>, high: &Operand<'_>) -> bool {
        if self.column.column_type == ColumnType::Year {
            return is_descending_as_numbers(low, high);
        }
        is_descending(low, high)
    }

    fn is_comparable(&self, literal: Literal<'a>) -> bool {
        let operand = self.statement.operand(literal);
        operand.is_ok_and(|operand| is_comparable(&operand, self.column.column_type))
    }

    fn null(&self) -> Interval<'a> {
        let null = self.column.column_type.decimal_value(None);
        Interval::point(null.unwrap_or(Value::Null))
    }

    fn compare(&self, op: CompareOp, value: Literal<'a>, slice: &Slice<'_, 'a>) -> Known<'a> {
        use CompareOp::{Eq, Ge, Gt, Le, Lt, Ne};
        let opposite = match op {
            Eq => Ne,
            Ne => Eq,
            Lt => Ge,
            Ge => Lt,
            Gt => Le,
            Le => Gt,
            CompareOp::NullSafeEq => {
                return Known {
                    holds: self.region(op, value, slice),
                    fails: Region::Everything,
                };
            }
        };
        Known {
            holds: self.region(op, value, slice),
            fails: self.region(opposite, value, slice),
        }
    }

    fn listed(&self, list: &LiteralList<'a>, slice: &Slice<'_, 'a>) -> Known<'a> {
        // The server looks at no list of years with one that there is not.
        let is_year = self.column.column_type == ColumnType::Year;
        let is_beyond = |member| {
            let operand = self.statement.operand(member);
            operand.is_ok_and(|operand| is_beyond(&operand, self.column.column_type))
        };
        if is_year && list.clone().any(is_beyond) {
            return Known::UNSURE;
        }
        let mut known = Known {
            holds: Region::NOTHING,
            fails: Region::Everything,
        };
        for (at, member) in list.clone().enumerate() {
            known.holds = known.holds.or(self.region(CompareOp::Eq, member, slice));
            // The server does not see that NOT IN with a NULL holds for no row.
            if at < MAX_NOT_IN && member != Literal::Null {
                let other = self.region(CompareOp::Ne, member, slice);
                known.fails = known.fails.and(other);
            }
        }
        known
    }

    /// The keys of the rows whose column compares so with a value.
    fn region(&self, op: CompareOp, value: Literal<'a>, slice: &Slice<'_, 'a>) -> Region<'a> {
        let has_labels = matches!(self.column.column_type, ColumnType::Enum | ColumnType::Set);
        // The server folds no other comparison of a label with NULL.
        if value == Literal::Null
            && has_labels
            && !matches!(op, CompareOp::Eq | CompareOp::NullSafeEq)
        {
            return Region::Everything;
        }
        if value == Literal::Null {
            return if op == CompareOp::NullSafeEq && self.column.nullable {
                slice(self.null())
            } else {
                Region::NOTHING
            };
        }
        match self.statement.operand(value) {
            Ok(operand) => self.intervals(op, &operand, slice),
            Err(_) => Region::Everything,
        }
    }

    fn intervals(&self, op: CompareOp, operand: &Operand<'a>, slice: &Slice<'_, 'a>) -> Region<'a> {
        use CompareOp::{Eq, Ge, Gt, Le, Lt, Ne, NullSafeEq};
        if matches!(op, Eq | NullSafeEq)
            && !self.is_source
            && is_beyond(operand, self.column.column_type)
        {
            return Region::NOTHING;
        }
        let Ok(Converted { value, order }) = self.convert(operand) else {
            return Region::Everything;
        };
        if self.is_source && !matches!(op, Eq | NullSafeEq) {
            return Region::Everything;
        }
        match op {
            Eq | NullSafeEq if order.is_eq() => slice(Interval::point(value)),
            Eq | NullSafeEq => match unequal(self.column.column_type) {
                Unequal::Everything => Region::Everything,
                Unequal::Nothing => Region::NOTHING,
                Unequal::Value(value) => slice(Interval::point(value)),
            },
            // The numbers of labels are not in the order of their texts.
            _ if matches!(self.column.column_type, ColumnType::Enum | ColumnType::Set) => {
                Region::Everything
            }
            // A literal above the value lies below the next one.
            Lt => slice(Interval::below(value, order == Ordering::Greater)),
            Le => slice(Interval::below(value, order != Ordering::Less)),
            Gt => slice(Interval::above(value, order == Ordering::Less)),
            Ge => slice(Interval::above(value, order != Ordering::Greater)),
            Ne if order.is_eq() => slice(Interval::below(value.clone(), false))
                .or(slice(Interval::above(value, false))),
            Ne => Region::Everything,
        }
    }

    fn convert(&self, operand: &Operand<'a>) -> Result<Converted<'a>, Unsure> {
        let circumstances = self.statement.circumstances(Intent::Compare);
        match (&self.column.absent, self.is_source) {
            (Absent::Generated(generated), true) => {
                if !is_comparable(operand, generated.source.column_type) {
                    return Err(Unsure::Conversion);
                }
                let value = generated.value(operand, self.column, circumstances)?;
                Ok(Converted {
                    value,
                    order: Ordering::Equal,
                })
            }
            _ => convert(operand, self.column, circumstances),
        }
    }
}
