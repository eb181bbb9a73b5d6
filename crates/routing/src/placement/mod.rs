//! Where a statement's rows are: from its outline to the leaf, or to the server that leads most rows.

mod condition;
pub(crate) mod constant;
mod equality;
mod fold;
mod joined;
mod listed;
mod operands;
mod overruled;
mod tally;

use crate::partition::column::KeyColumn;
use crate::partition::interval::Region;
use crate::partition::operand::{Circumstances, Intent, Operand};
use crate::partition::value::Value;
use crate::{Partitioning, Request, Table, Unsure};
use listed::Held;
use odp_cluster::{ServerAddr, TabletId};
use odp_sql::{ColumnRef, Columns, LiteralList, Name, Outline, TableRef, Verb};
use std::ops::Range;
use tally::Tally;

/// The most rows of an INSERT that are looked at.
const MAX_ROWS: usize = 256;

/// The most parts of a condition that are followed.
const MAX_PARTS: usize = 4096;

/// Where a statement goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Into one leaf.
    Leaf(usize),
    /// Into several; this server leads most of the rows.
    MostRows(ServerAddr),
}

/// A statement with its table and parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement<'a> {
    pub(crate) outline: &'a Outline<'a>,
    pub(crate) table: TableRef<'a>,
    pub(crate) request: &'a Request<'a>,
}

impl<'a> Statement<'a> {
    /// Computes where the statement goes in `table`.
    ///
    /// # Errors
    /// [`Unsure`] when that is not certain.
    pub(crate) fn place(&self, table: &Table) -> Result<Placement, Unsure> {
        let Some(partitioning) = &table.partitioning else {
            return Ok(Placement::Leaf(0));
        };
        if table.locations.len() == 1 {
            return Ok(Placement::Leaf(0));
        }
        if let Some(name) = self.outline.partition() {
            let leaves = partitioning.leaves_named(|other| name.eq_ignore_case(other));
            return Tally::of(table, leaves.ok_or(Unsure::PartitionName)?).placement();
        }
        match self.outline.verb() {
            Verb::Insert | Verb::Replace => self.place_rows(table, partitioning),
            Verb::Select | Verb::Update | Verb::Delete => self.place_condition(table, partitioning),
            _ => Err(Unsure::Statement),
        }
    }

    fn place_condition(
        &self,
        table: &Table,
        partitioning: &Partitioning,
    ) -> Result<Placement, Unsure> {
        let circumstances = self.circumstances(Intent::Compare);
        let leaf = partitioning.leaf(circumstances, |column| self.single(column));
        if let Ok(leaf) = leaf {
            return Ok(Placement::Leaf(leaf));
        }
        let leaves = self.leaves(partitioning)?;
        if leaves.len() == table.locations.len() {
            return Err(leaf.err().unwrap_or(Unsure::NoKey));
        }
        Tally::of(table, leaves).placement()
    }

    /// The leaves that may hold rows of a condition; the first one when none does.
    fn leaves(&self, partitioning: &Partitioning) -> Result<Vec<usize>, Unsure> {
        let rules = partitioning.rules.as_ref().map_err(|&unsure| unsure)?;
        if self.outline.filter().take(MAX_PARTS + 1).count() > MAX_PARTS {
            return Ok((0..partitioning.tablets().len()).collect());
        }
        let columns = condition::Columns::new(rules);
        let overruled = self.overruled(columns);
        let fits = |from: usize, row: &[Value<'_>]| {
            self.may_hold(columns, &overruled, (from, row), Held::Alone)
        };
        let inherited = self.inherited();
        let region = |level: Range<usize>| {
            let known = |item| self.atom(item, columns, &level).holds;
            let own = self.region(columns, level.clone(), &overruled);
            inherited.iter().map(known).fold(own, Region::and)
        };
        let (first, all) = (rules.first.key.columns.len(), columns.count());
        let pairs = rules.pairs_levels()
            && self.outline.filter().is_row_list()
            && self.is_exact_throughout(columns);
        let areas = match pairs.then(|| region(0..all)) {
            Some(Region::Areas(areas)) => areas,
            _ => Vec::new(),
        };
        let mut leaves: Vec<usize> = if areas.is_empty() {
            let regions = [&region(0..first), &region(first..all)];
            partitioning.leaves_of(rules, regions, &fits)
        } else {
            let areas = areas.into_iter().map(|area| Region::Areas(vec![area]));
            let leaves = areas.map(|area| partitioning.leaves_of(rules, [&area, &area], &fits));
            leaves.flatten().collect()
        };
        leaves.sort_unstable();
        leaves.dedup();
        if leaves.is_empty() {
            leaves.push(0);
        }
        Ok(leaves)
    }

    /// The leaves that the statement touches in `table`, ascending.
    ///
    /// # Errors
    /// [`Unsure`] when they cannot be computed.
    pub(crate) fn leaves_in(&self, table: &Table) -> Result<Vec<usize>, Unsure> {
        let partitioning = match &table.partitioning {
            Some(partitioning) if table.locations.len() > 1 => partitioning,
            _ => return Ok(vec![0]),
        };
        if let Some(name) = self.outline.partition() {
            let leaves = partitioning.leaves_named(|other| name.eq_ignore_case(other));
            return leaves.map(Iterator::collect).ok_or(Unsure::PartitionName);
        }
        match self.outline.verb() {
            Verb::Insert | Verb::Replace => {
                let mut leaves = Vec::new();
                self.each_row(partitioning, |leaf| leaves.push(leaf))?;
                leaves.sort_unstable();
                leaves.dedup();
                Ok(leaves)
            }
            Verb::Select | Verb::Update | Verb::Delete => self.leaves(partitioning),
            _ => Err(Unsure::Statement),
        }
    }

    fn place_rows(&self, table: &Table, partitioning: &Partitioning) -> Result<Placement, Unsure> {
        let mut tally = Tally::default();
        self.each_row(partitioning, |leaf| tally.count(table, leaf))?;
        tally.placement()
    }

    /// Calls `found` with the leaf of every row of an INSERT, up to [`MAX_ROWS`].
    fn each_row(
        &self,
        partitioning: &Partitioning,
        mut found: impl FnMut(usize),
    ) -> Result<(), Unsure> {
        let rows = self.outline.rows();
        let columns = rows.columns();
        let circumstances = self.circumstances(Intent::Store);
        let mut any = false;
        for row in rows.take(MAX_ROWS) {
            let leaf = partitioning.leaf(circumstances, |column| {
                self.stored(&row, columns.as_ref(), column)
            })?;
            found(leaf);
            any = true;
        }
        any.then_some(()).ok_or(Unsure::NoKey)
    }

    /// What an INSERT's row holds for `column`.
    fn stored(
        &self,
        row: &LiteralList<'a>,
        columns: Option<&Columns<'a>>,
        column: &KeyColumn,
    ) -> Result<Operand<'a>, Unsure> {
        let position = match columns {
            None => Some(column.position),
            Some(columns) => columns
                .clone()
                .position(|name| name.eq_ignore_case(&column.name)),
        };
        match position {
            None => Ok(Operand::Default),
            Some(position) => {
                let literal = row.clone().nth(position).ok_or(Unsure::Statement)?;
                self.operand(literal)
            }
        }
    }

    /// Whether the reference means this key column of the statement's table.
    fn is(&self, of: ColumnRef<'_>, column: &KeyColumn) -> bool {
        of.column.eq_ignore_case(&column.name)
            && of.table.is_none_or(|qualifier| self.names(qualifier))
    }

    /// Whether conditions call the statement's table so.
    fn names(&self, qualifier: Name<'_>) -> bool {
        let name = self.table.alias.unwrap_or(self.table.name);
        name.same(&qualifier)
    }

    /// What a value is converted by.
    fn circumstances(&self, intent: Intent) -> Circumstances {
        Circumstances {
            intent,
            time_zone: self.request.time_zone,
        }
    }
}

impl Table {
    /// The tablets that a request's statement touches here, in the order of the partitions. Where no
    /// row can match it is the first one, which the server plans for then.
    ///
    /// # Errors
    /// [`Unsure`] when they cannot be computed.
    pub fn tablets_of(&self, request: &Request<'_>) -> Result<Vec<TabletId>, Unsure> {
        let outline = request.outline.ok_or(Unsure::Statement)?;
        let statement = Statement {
            outline,
            table: outline.table().ok_or(Unsure::Statement)?,
            request,
        };
        let leaves = statement.leaves_in(self)?.into_iter();
        let tablet = |leaf: usize| Some(self.locations.get(leaf)?.tablet);
        leaves
            .map(|leaf| tablet(leaf).ok_or(Unsure::Metadata))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::router::tests::fixture::{Setup, hashed};
    use std::fmt::Write as _;
    use std::time::{Duration, Instant};

    /// `part`s with rising numbers in place of `#`.
    fn many(part: &str, count: u32) -> String {
        (0..count).fold(String::new(), |mut text, number| {
            text += &part.replace('#', &number.to_string());
            text
        })
    }

    #[test]
    fn a_hostile_condition_takes_a_moment_at_most() {
        let setup = Setup::new();
        let table = hashed();
        let list = many("#, ", 100_000);
        let short = many("#, ", 1000);
        let mut conditions = vec![
            format!("k in ({list}7)"),
            format!("k not in ({list}7)"),
            format!("(k, j) in ({}(1, 2))", many("(#, 1), ", 50_000)),
        ];
        // As long as it is followed, and far longer.
        for count in [240, 2000, 50_000] {
            conditions.extend([
                format!("k = 7{}", many(" or k = #", count)),
                format!("k <> 7{}", many(" and k <> #", count)),
                format!("k in ({short}7){}", many(" and j <> #", count)),
                format!("k in ({short}7){}", many(" and k in (#, 1)", count)),
                format!("t.k = u.k{}", many(" and u.k <> #", count)),
                format!("t.k = u.k{}", many(" and u.k = u.k#", count)),
            ]);
        }
        for condition in conditions {
            let start = Instant::now();
            let leaves = setup.leaves(&table, &format!("select * from t where {condition}"));
            let mut shown = String::new();
            write!(shown, "{:.60} {:?}", condition, start.elapsed()).unwrap();
            println!("{shown}");
            assert!(!leaves.is_empty());
            assert!(start.elapsed() < Duration::from_secs(3), "{shown}");
        }
    }
}
