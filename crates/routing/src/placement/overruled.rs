//! Which lists of values for a column the server leaves out: of those that must all hold it looks at one.
//!
//! Beside an equality it looks at no list, beside `IN` at no `NOT IN`, and of several `IN` at the shortest;
//! of lists of one length at the first.

use super::Statement;
use super::condition::Columns;
use crate::partition::column::KeyColumn;
use crate::partition::convert::convert;
use crate::partition::operand::Intent;
use odp_sql::{CompareOp, Item, Literal, LiteralList};

/// The conditions left out, by their place in the filter's stream.
#[derive(Debug, Default)]
pub(super) struct Overruled(Vec<usize>);

impl Overruled {
    pub(super) fn contains(&self, at: usize) -> bool {
        self.0.contains(&at)
    }
}

/// A condition that must hold.
#[derive(Debug)]
struct Conjunct {
    places: Vec<usize>,
    /// The key column's number.
    column: usize,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Equal,
    /// IN a list of this length.
    Among(usize),
    /// IN a list that the server does not look at as one.
    Vague,
    NotAmong,
}

impl<'a> Statement<'a> {
    /// The conditions that the server leaves out.
    pub(super) fn overruled(&self, columns: Columns<'_>) -> Overruled {
        let mut lists = self.outline.filter();
        if !lists.any(|item| matches!(item, Item::In { .. })) {
            return Overruled::default();
        }
        let mut conjuncts = self.conjuncts(columns);
        // The first of the strongest form for a column is looked at.
        conjuncts.sort_by_key(|conjunct| (conjunct.column, conjunct.form));
        let mut overruled = Overruled::default();
        let mut looked_at: Option<&Conjunct> = None;
        for conjunct in &conjuncts {
            match looked_at.filter(|first| first.column == conjunct.column) {
                None => looked_at = Some(conjunct),
                Some(first) => match (first.form, conjunct.form) {
                    (Form::Equal, Form::Among(_) | Form::Vague)
                    | (Form::Among(_), Form::Among(_) | Form::Vague | Form::NotAmong) => {
                        overruled.0.extend(&conjunct.places);
                    }
                    _ => {}
                },
            }
        }
        overruled
    }

    /// The equalities and lists that must all hold.
    fn conjuncts(&self, columns: Columns<'_>) -> Vec<Conjunct> {
        let mut stack: Vec<Sides> = Vec::new();
        for (place, item) in self.outline.filter().enumerate() {
            let sides = match item {
                Item::And | Item::Or => {
                    let right = stack.pop().unwrap_or_default();
                    let left = stack.pop().unwrap_or_default();
                    match item {
                        Item::And => left.and(right),
                        // It fails when both fail.
                        _ => left.opposite().and(right.opposite()).opposite(),
                    }
                }
                Item::Not => stack.pop().unwrap_or_default().opposite(),
                atom => self.sides(&atom, place, columns),
            };
            stack.push(sides);
        }
        stack.pop().unwrap_or_default().holds
    }

    fn sides(&self, item: &Item<'a>, place: usize, columns: Columns<'_>) -> Sides {
        let Some(conjunct) = self.conjunct(item, place, columns) else {
            return Sides::default();
        };
        let opposite = Conjunct {
            form: Form::NotAmong,
            places: vec![place],
            ..conjunct
        };
        let (holds, fails) = match (conjunct.form, item) {
            (
                _,
                Item::Compare {
                    op: CompareOp::Ne, ..
                },
            ) => (Vec::new(), vec![conjunct]),
            (Form::Among(_) | Form::Vague, _) => (vec![conjunct], vec![opposite]),
            (Form::Equal | Form::NotAmong, _) => (vec![conjunct], Vec::new()),
        };
        Sides { holds, fails }
    }

    fn conjunct(&self, item: &Item<'a>, place: usize, columns: Columns<'_>) -> Option<Conjunct> {
        let (Item::Compare {
            column: of,
            op: CompareOp::Eq | CompareOp::NullSafeEq | CompareOp::Ne,
            ..
        }
        | Item::In { column: of, .. }) = item
        else {
            return None;
        };
        let mut columns = columns.iter().enumerate();
        let (number, column) = columns.find(|(_, column)| self.is(*of, column))?;
        let form = match item {
            Item::In { list, .. } => self.form(list, column),
            Item::Compare { value, .. } if !self.is_exact(*value, column) => return None,
            _ => Form::Equal,
        };
        Some(Conjunct {
            places: vec![place],
            column: number,
            form,
        })
    }

    fn form(&self, list: &LiteralList<'a>, column: &KeyColumn) -> Form {
        match list.clone().count() {
            _ if !list.clone().all(|it| self.is_exact(it, column)) => Form::Vague,
            1 => Form::Equal,
            length => Form::Among(length),
        }
    }

    /// Whether the column has this value, or may have none.
    pub(super) fn is_exact(&self, value: Literal<'a>, column: &KeyColumn) -> bool {
        let operand = self.operand(value).ok();
        let circumstances = self.circumstances(Intent::Compare);
        let converted = operand.and_then(|it| convert(&it, column, circumstances).ok());
        converted.is_some_and(|converted| converted.order.is_eq())
    }

    /// Whether the condition compares key columns with nothing but values that they have.
    pub(super) fn is_exact_throughout(&self, columns: Columns<'_>) -> bool {
        self.outline.filter().all(|item| match item {
            Item::And | Item::Or => true,
            Item::Compare { column, value, .. } => {
                let mut columns = columns.iter();
                let key = columns.find(|key| self.is(column, key));
                value != Literal::Null && key.is_none_or(|key| self.is_exact(value, key))
            }
            _ => false,
        })
    }
}

/// What must hold for a condition to be true, and to be false.
#[derive(Debug, Default)]
struct Sides {
    holds: Vec<Conjunct>,
    fails: Vec<Conjunct>,
}

impl Sides {
    fn opposite(self) -> Self {
        Self {
            holds: self.fails,
            fails: self.holds,
        }
    }

    fn and(mut self, right: Self) -> Self {
        self.holds.extend(right.holds);
        Self {
            holds: self.holds,
            fails: either(&self.fails, &right.fails).into_iter().collect(),
        }
    }
}

/// Two lists for one column of which one must hold are a longer list.
fn either(left: &[Conjunct], right: &[Conjunct]) -> Option<Conjunct> {
    let ([left], [right]) = (left, right) else {
        return None;
    };
    match (left.form, right.form) {
        (Form::Among(some), Form::Among(more)) if left.column == right.column => Some(Conjunct {
            places: left.places.iter().chain(&right.places).copied().collect(),
            column: left.column,
            form: Form::Among(some + more),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::router::tests::fixture::{Setup, hashed};

    #[test]
    fn of_several_lists_the_one_counts_that_the_engine_looks_at() {
        let setup = Setup::new();
        // `hash(k)` into three partitions.
        let table = hashed();
        for (condition, expected) in [
            ("k in (0, 1) and k in (1, 2)", &[0, 1][..]),
            ("k in (0, 1, 2) and id = 7 and k in (1, 2)", &[1, 2]),
            ("k = 2 and k in (0, 1)", &[2]),
            ("k in (0, 1) and k <=> 2", &[2]),
            ("k in (0, 1) and k in (2)", &[2]),
            ("k in (0, 1) and k not in (1, 2)", &[0, 1]),
            ("k in (0, 1) and k <> 1", &[0]),
            ("(k in (0, 1) and k in (1, 2)) or k = 4", &[1]),
            ("not (k not in (0, 1) or k not in (1, 2))", &[0, 1]),
            ("k in (0, 1) and (k in (1, 4) or k in (2, 5))", &[0, 1]),
            ("k in (0, 1) and (k = 1 or k = 2)", &[1]),
            ("k in (0.5, 1) and k in (1, 2)", &[1, 2]),
        ] {
            let leaves = setup.leaves(&table, &format!("select * from t where {condition}"));
            assert_eq!(leaves, expected, "{condition}");
        }
    }
}
