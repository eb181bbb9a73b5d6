//! What the conditions on joined tables say of the statement's own: `t.k = u.k AND u.k = 5`.

use super::Statement;
use odp_sql::{ColumnRef, CompareOp, Filter, Item, Name};

/// The longest condition that is looked through, in parts.
const MAX_PARTS: usize = 64;
/// The most columns of other tables that are followed.
const MAX_EQUALS: usize = 16;

/// A column of another table, and the own column that equals it in every row of the join.
type Equal<'a> = (ColumnRef<'a>, Name<'a>);

impl<'a> Statement<'a> {
    /// The conditions that hold for columns of other tables, and therefore for own ones that equal them in every
    /// row, as conditions on those. The server sees no others than comparisons that stand alone or between ANDs,
    /// and no list beside a condition on the own column.
    pub(super) fn inherited(&self) -> Vec<Item<'a>> {
        let mut parts = self.outline.filter().take(MAX_PARTS + 1);
        let foreign = |part: Item<'_>| subject(&part).is_some_and(|column| !self.is_own(column));
        if !parts.any(foreign) {
            return Vec::new();
        }
        let must_hold = conjuncts(self.outline.filter());
        let equal = self.equal_columns(&must_hold);
        let mut inherited = Vec::new();
        for part in &must_hold {
            let Some(of) = subject(part).filter(|&of| !self.is_own(of)) else {
                continue;
            };
            let known = equal.iter().find(|(other, _)| is_same(*other, of));
            let own = match known {
                Some((_, own)) => *own,
                None if self.outline.shares(of) => of.column,
                None => continue,
            };
            let is_ruled_by = |other: &Item<'a>| {
                subject(other).is_some_and(|of| self.is_own(of) && of.column.same(&own))
            };
            if matches!(part, Item::In { .. }) && must_hold.iter().any(is_ruled_by) {
                continue;
            }
            inherited.extend(about(part.clone(), own));
        }
        inherited
    }

    fn equal_columns(&self, must_hold: &[Item<'a>]) -> Vec<Equal<'a>> {
        let pair = |part: &Item<'a>| match part {
            Item::Same { left, right } => Some((*left, *right)),
            _ => None,
        };
        let mut pairs: Vec<_> = must_hold.iter().filter_map(pair).collect();
        // Where a comparison leaves out what found no partner, an outer join is an inner one.
        let rejects = |column: ColumnRef<'_>| {
            let mut subjects = must_hold.iter().filter_map(subject);
            subjects.any(|of| column.table.zip(of.table).is_some_and(|(a, b)| a.same(&b)))
        };
        let of_outer = conjuncts(self.outline.outer_filter());
        let of_outer = of_outer.iter().filter_map(pair);
        pairs.extend(of_outer.filter(|(left, right)| rejects(*left) || rejects(*right)));
        let mut equal: Vec<Equal<'a>> = Vec::new();
        loop {
            let known = equal.len();
            for &(left, right) in &pairs {
                for (one, other) in [(left, right), (right, left)] {
                    let is_known = |of| equal.iter().find(|(known, _)| is_same(*known, of));
                    if self.is_own(other) || is_known(other).is_some() || known >= MAX_EQUALS {
                        continue;
                    }
                    let own = match is_known(one) {
                        Some((_, own)) => Some(*own),
                        None => self.is_own(one).then_some(one.column),
                    };
                    equal.extend(own.map(|own| (other, own)));
                }
            }
            if equal.len() == known {
                return equal;
            }
        }
    }

    /// Whether a column may be one of the statement's own table.
    fn is_own(&self, of: ColumnRef<'_>) -> bool {
        of.table.is_none_or(|qualifier| self.names(qualifier))
    }
}

/// The parts of a condition that must all hold; none of a long one.
fn conjuncts(filter: Filter<'_>) -> Vec<Item<'_>> {
    let parts: Vec<Item<'_>> = filter.take(MAX_PARTS + 1).collect();
    let mut must_hold = Vec::new();
    if parts.len() > MAX_PARTS {
        return must_hold;
    }
    // Read backwards, an operator comes before what it joins.
    let mut expected = vec![true];
    for part in parts.into_iter().rev() {
        let Some(must) = expected.pop() else {
            break;
        };
        match part {
            Item::And => expected.extend([must, must]),
            Item::Or => expected.extend([false, false]),
            Item::Not => expected.push(false),
            part if must => must_hold.push(part),
            _ => {}
        }
    }
    must_hold.reverse();
    must_hold
}

/// The column that a comparison with constants is about.
fn subject<'a>(part: &Item<'a>) -> Option<ColumnRef<'a>> {
    match part {
        Item::Compare { op, column, .. } if *op != CompareOp::NullSafeEq => Some(*column),
        Item::In { column, .. } | Item::Between { column, .. } => Some(*column),
        _ => None,
    }
}

/// The same said of the column `own`.
fn about<'a>(part: Item<'a>, own: Name<'a>) -> Option<Item<'a>> {
    let column = ColumnRef {
        table: None,
        column: own,
    };
    Some(match part {
        Item::Compare { op, value, .. } => Item::Compare { column, op, value },
        Item::In { list, .. } => Item::In { column, list },
        Item::Between { low, high, .. } => Item::Between { column, low, high },
        _ => return None,
    })
}

fn is_same(left: ColumnRef<'_>, right: ColumnRef<'_>) -> bool {
    let qualifiers = left.table.zip(right.table);
    qualifiers.is_some_and(|(left, right)| left.same(&right)) && left.column.same(&right.column)
}

#[cfg(test)]
mod tests {
    use crate::router::tests::fixture::{Setup, hashed};

    #[test]
    fn conditions_on_joined_tables_hold_for_equal_columns_as_in_the_engine() {
        let setup = Setup::new();
        // `hash(k)` into three partitions.
        let table = hashed();
        for (rest, expected) in [
            ("t, u where t.k = u.k and u.k = 5", &[2][..]),
            ("t, u where u.k = t.k and 5 = u.k", &[2]),
            ("t, u where t.k = u.j and u.j in (4, 5)", &[1, 2]),
            ("t, u where t.k = u.k and (u.k = 5 or u.k = 6)", &[0, 1, 2]),
            ("t, u where t.k = u.k and u.k <=> 5", &[0, 1, 2]),
            ("t, u where t.k = u.k or u.k = 5", &[0, 1, 2]),
            ("t, u where t.k <> u.k and u.k = 5", &[0, 1, 2]),
            ("t, u where t.k + 0 = u.k and u.k = 5", &[0, 1, 2]),
            ("t, u where t.k = u.k and u.j = 5", &[0, 1, 2]),
            ("t, u where t.k = u.k and v.k = 5", &[0, 1, 2]),
            ("t, u, v where t.k = u.k and u.k = v.j and v.j = 5", &[2]),
            (
                "t, u where t.k = u.k and u.k in (5, 6) and t.k in (6, 7)",
                &[0, 1],
            ),
            ("t, u where t.k = u.k and u.k between 5 and 6", &[0, 2]),
            ("t join u on t.k = u.k where u.k = 5", &[2]),
            ("t a join u as b on a.k = b.k and b.k = 5", &[2]),
            ("t a join t b on a.k = b.k where b.k = 5", &[2]),
            ("t right join u on t.k = u.k where u.k = 5", &[2]),
            ("t left join u on t.k = u.k where u.k = 5", &[2]),
            ("t left join u on t.k = u.k and u.k = 5", &[0, 1, 2]),
            ("t left join u on t.k = u.k where u.k is null", &[0, 1, 2]),
            ("t left join u on t.k = u.k and t.k = 4 where u.k = 5", &[2]),
            ("t join u using (j, k) where u.k = 5", &[2]),
            ("t join u using (j) where u.k = 5", &[0, 1, 2]),
            ("t left join u using (k) where u.k = 5", &[2]),
            (
                "t join u using (k) join v using (j) where v.k = 5",
                &[0, 1, 2],
            ),
            ("t natural join u as x where x.k = 5", &[2]),
            ("t natural join u where v.k = 5", &[0, 1, 2]),
        ] {
            let leaves = setup.leaves(&table, &format!("select * from {rest}"));
            assert_eq!(leaves, expected, "{rest}");
        }
    }
}
