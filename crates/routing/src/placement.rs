//! Where a statement's rows are: from its outline to the leaf, or to the server that leads most rows.

use crate::partition::column::KeyColumn;
use crate::partition::operand::{Intent, Operand};
use crate::{CollationId, Location, Parameter, Partitioning, Table, Unsure};
use odp_cluster::ServerAddr;
use odp_sql::{
    ColumnRef, Columns, CompareOp, Item, Literal, LiteralList, Name, Outline, TableRef, Verb,
};

/// The most rows of an INSERT that are looked at.
const MAX_ROWS: usize = 256;
/// The most leaders that are told apart when rows are counted.
const MAX_LEADERS: usize = 16;
/// The deepest nesting of a condition that is followed.
const MAX_DEPTH: usize = 32;

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
    pub(crate) parameters: &'a [Parameter<'a>],
    pub(crate) collation: CollationId,
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
            let leaf = partitioning.leaf_named(|other| name.eq_ignore_case(other));
            return leaf.map(Placement::Leaf).ok_or(Unsure::PartitionName);
        }
        match self.outline.verb() {
            Verb::Insert | Verb::Replace => self.place_rows(table, partitioning),
            Verb::Select | Verb::Update | Verb::Delete => {
                let operand = |column: &KeyColumn| self.equal_to(column);
                let leaf = partitioning.leaf(Intent::Compare, operand)?;
                Ok(Placement::Leaf(leaf))
            }
            _ => Err(Unsure::Statement),
        }
    }

    fn place_rows(&self, table: &Table, partitioning: &Partitioning) -> Result<Placement, Unsure> {
        let mut rows = self.outline.rows();
        let columns = rows.columns();
        let leaf = |row: &LiteralList<'a>| {
            partitioning.leaf(Intent::Store, |column| {
                self.stored(row, columns.as_ref(), column)
            })
        };
        let first = leaf(&rows.next().ok_or(Unsure::NoKey)?)?;
        let mut tally = Tally::default();
        let mut same = true;
        tally.count(table, first);
        for row in rows.take(MAX_ROWS) {
            let leaf = leaf(&row)?;
            same &= leaf == first;
            tally.count(table, leaf);
        }
        if same {
            return Ok(Placement::Leaf(first));
        }
        let most = tally.most().ok_or(Unsure::Several)?;
        Ok(Placement::MostRows(most))
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

    /// The value that `column` has in every row that the condition lets through.
    fn equal_to(&self, column: &KeyColumn) -> Result<Operand<'a>, Unsure> {
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
                } if self.is(of, column) && Self::names_value(op, value) => Some(value),
                Item::In {
                    column: of,
                    mut list,
                } if self.is(of, column) => match (list.next(), list.next()) {
                    (Some(value), None) => Some(value).filter(|&it| it != Literal::Null),
                    _ => None,
                },
                _ => None,
            };
            facts.push(fact).ok_or(Unsure::Statement)?;
        }
        self.operand(facts.only().ok_or(Unsure::NoKey)?)
    }

    /// `= NULL` lets no row through; `<=> NULL` finds those with NULL.
    fn names_value(op: CompareOp, value: Literal<'_>) -> bool {
        op == CompareOp::NullSafeEq || value != Literal::Null
    }

    /// Whether the reference means this key column of the statement's table.
    fn is(&self, of: ColumnRef<'_>, column: &KeyColumn) -> bool {
        let own = |qualifier: Name<'_>| match self.table.alias {
            Some(alias) => alias.same(&qualifier),
            None => self.table.name.same(&qualifier),
        };
        of.column.eq_ignore_case(&column.name) && of.table.is_none_or(own)
    }

    fn operand(&self, literal: Literal<'a>) -> Result<Operand<'a>, Unsure> {
        Ok(match literal {
            Literal::Null => Operand::Null,
            Literal::Default => Operand::Default,
            Literal::True => Operand::Integer(1),
            Literal::False => Operand::Integer(0),
            Literal::Number { negative, text } => number(negative, text),
            Literal::Hex(digits) => Operand::Digits { radix: 16, digits },
            Literal::Bit(digits) => Operand::Digits { radix: 2, digits },
            Literal::String { body, quote } => {
                let escapes = body.iter().any(|&byte| byte == b'\\' || byte == quote);
                if escapes {
                    Operand::Unknown
                } else {
                    self.text(body)
                }
            }
            Literal::Parameter(index) => {
                let parameter = self.parameters.get(usize::from(index));
                self.bound(*parameter.ok_or(Unsure::NoKey)?)
            }
            Literal::Temporal { body, .. } => Operand::Temporal(body),
            Literal::UserVariable(_) | Literal::Unsure => return Err(Unsure::Statement),
        })
    }

    /// A string; one that is neither ASCII nor known to be UTF-8 is not read.
    fn text(&self, bytes: &'a [u8]) -> Operand<'a> {
        if bytes.is_ascii() || self.collation.is_utf8() && std::str::from_utf8(bytes).is_ok() {
            Operand::Text(bytes)
        } else {
            Operand::Unknown
        }
    }

    fn bound(&self, parameter: Parameter<'a>) -> Operand<'a> {
        match parameter {
            Parameter::Null => Operand::Null,
            Parameter::Int(value) => Operand::Integer(value.into()),
            Parameter::Uint(value) => Operand::Integer(value.into()),
            Parameter::Bytes(bytes) => self.text(bytes),
            Parameter::Double(_) | Parameter::Other => Operand::Unknown,
        }
    }
}

fn number(negative: bool, text: &[u8]) -> Operand<'_> {
    if text.iter().any(|byte| matches!(byte, b'e' | b'E')) {
        return Operand::Float { negative, text };
    }
    if text.contains(&b'.') {
        return Operand::Decimal { negative, text };
    }
    let value = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse::<i128>().ok());
    match value {
        Some(value) if negative => Operand::Integer(-value),
        Some(value) => Operand::Integer(value),
        None => Operand::Unknown,
    }
}

/// The stack of a condition's evaluation: what each part says of one column.
#[derive(Debug, Default)]
struct Facts<'a> {
    stack: [Option<Literal<'a>>; MAX_DEPTH],
    depth: usize,
}

impl<'a> Facts<'a> {
    fn push(&mut self, fact: Option<Literal<'a>>) -> Option<()> {
        *self.stack.get_mut(self.depth)? = fact;
        self.depth += 1;
        Some(())
    }

    fn pop(&mut self) -> Option<Literal<'a>> {
        self.depth = self.depth.saturating_sub(1);
        self.stack.get(self.depth).copied().flatten()
    }

    fn and(&mut self) -> Option<Literal<'a>> {
        let (right, left) = (self.pop(), self.pop());
        left.or(right)
    }

    fn or(&mut self) -> Option<Literal<'a>> {
        let (right, left) = (self.pop(), self.pop());
        left.filter(|_| left == right)
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

/// Counts rows by the server that leads them.
#[derive(Debug, Default)]
struct Tally {
    leaders: [Option<(ServerAddr, u32)>; MAX_LEADERS],
}

impl Tally {
    fn count(&mut self, table: &Table, leaf: usize) {
        let Some(leader) = table.locations.get(leaf).and_then(Location::leader) else {
            return;
        };
        for slot in &mut self.leaders {
            match slot {
                Some((server, rows)) if *server == leader => *rows += 1,
                Some(_) => continue,
                None => *slot = Some((leader, 1)),
            }
            return;
        }
    }

    /// The server with the most rows; the first of equals, so that equal statements go one way.
    fn most(&self) -> Option<ServerAddr> {
        let counts = self.leaders.iter().flatten();
        let most = counts.clone().map(|&(_, rows)| rows).max()?;
        counts
            .clone()
            .find(|&&(_, rows)| rows == most)
            .map(|&(server, _)| server)
    }
}
