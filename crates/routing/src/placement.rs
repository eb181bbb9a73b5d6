//! Where a statement's rows are: from its outline to the leaf, or to the server that leads most rows.

use crate::partition::column::KeyColumn;
use crate::partition::operand::{Circumstances, Intent, Operand};
use crate::partition::text::Encoding;
use crate::{Location, Parameter, Partitioning, Request, Table, Unsure};
use odp_cluster::ServerAddr;
use odp_sql::{
    Charset, ColumnRef, Columns, CompareOp, Item, Literal, LiteralList, Name, Outline, TableRef,
    TemporalKind, Unescape, Verb,
};
use std::borrow::Cow;

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
            let leaf = partitioning.leaf_named(|other| name.eq_ignore_case(other));
            return leaf.map(Placement::Leaf).ok_or(Unsure::PartitionName);
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
        let leaf = partitioning.leaf(self.circumstances(Intent::Compare), |column| {
            self.single(column)
        });
        if leaf != Err(Unsure::Several) {
            return leaf.map(Placement::Leaf);
        }
        let listed = |column: &&KeyColumn| matches!(self.fact(column), Ok(Fact::Among(_)));
        let column = partitioning.key_columns().find(listed);
        let column = column.ok_or(Unsure::Several)?;
        let Fact::Among(list) = self.fact(column)? else {
            return Err(Unsure::Several);
        };
        let mut tally = Tally::default();
        for (count, literal) in list.enumerate() {
            let leaf = partitioning.leaf(self.circumstances(Intent::Compare), |other| {
                if other.name == column.name {
                    self.operand(literal)
                } else {
                    self.single(other)
                }
            })?;
            if count == MAX_ROWS {
                return Err(Unsure::Several);
            }
            tally.count(table, leaf);
        }
        tally.placement()
    }

    fn place_rows(&self, table: &Table, partitioning: &Partitioning) -> Result<Placement, Unsure> {
        let mut rows = self.outline.rows();
        let columns = rows.columns();
        let leaf = |row: &LiteralList<'a>| {
            partitioning.leaf(self.circumstances(Intent::Store), |column| {
                self.stored(row, columns.as_ref(), column)
            })
        };
        let first = leaf(&rows.next().ok_or(Unsure::NoKey)?)?;
        let mut tally = Tally::default();
        tally.count(table, first);
        for row in rows.take(MAX_ROWS) {
            tally.count(table, leaf(&row)?);
        }
        tally.placement()
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
    fn single(&self, column: &KeyColumn) -> Result<Operand<'a>, Unsure> {
        match self.fact(column)? {
            Fact::Is(literal) => self.operand(literal),
            Fact::Among(_) => Err(Unsure::Several),
        }
    }

    /// What the condition says of `column`.
    fn fact(&self, column: &KeyColumn) -> Result<Fact<'a>, Unsure> {
        let mut facts = Facts::default();
        for item in self.outline.filter() {
            let fact = match item {
                Item::And => facts.and(),
                Item::Or => facts.or(),
                Item::Not => facts.not(),
                Item::IsNull(of) if self.is(of, column) => Some(Fact::Is(Literal::Null)),
                Item::Compare {
                    column: of,
                    op: op @ (CompareOp::Eq | CompareOp::NullSafeEq),
                    value,
                } if self.is(of, column) && Self::names_value(op, value) => Some(Fact::Is(value)),
                Item::In { column: of, list } if self.is(of, column) => Fact::of_list(list),
                _ => None,
            };
            facts.push(fact).ok_or(Unsure::Statement)?;
        }
        facts.only().ok_or(Unsure::NoKey)
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
            Literal::String { body, quote } => self.string(body, quote),
            Literal::Parameter(index) => {
                let parameter = self.request.parameters.get(usize::from(index));
                self.bound(*parameter.ok_or(Unsure::NoKey)?)
            }
            Literal::Temporal {
                kind: TemporalKind::Time,
                body,
            } => Operand::Duration(body),
            Literal::Temporal { body, .. } => Operand::Moment(body),
            Literal::UserVariable(_) | Literal::Unsure => return Err(Unsure::Statement),
        })
    }

    /// What a value is converted by.
    fn circumstances(&self, intent: Intent) -> Circumstances {
        Circumstances {
            intent,
            time_zone: self.request.time_zone,
        }
    }

    /// The string between two quotes.
    fn string(&self, body: &'a [u8], quote: u8) -> Operand<'a> {
        let plain = !body.iter().any(|&byte| byte == b'\\' || byte == quote);
        if plain {
            return self.text(Cow::Borrowed(body));
        }
        let charset = Charset::from_collation(self.request.collation.0);
        let decoded = Unescape::new(body, quote, charset, self.request.backslash);
        self.text(Cow::Owned(decoded.collect()))
    }

    fn text(&self, bytes: Cow<'a, [u8]>) -> Operand<'a> {
        Operand::Text {
            bytes,
            encoding: Encoding::of_collation(self.request.collation.0),
        }
    }

    fn bound(&self, parameter: Parameter<'a>) -> Operand<'a> {
        match parameter {
            Parameter::Null => Operand::Null,
            Parameter::Int(value) => Operand::Integer(value.into()),
            Parameter::Uint(value) => Operand::Integer(value.into()),
            Parameter::Bytes(bytes) => self.text(Cow::Borrowed(bytes)),
            Parameter::Double(_) | Parameter::Other => Operand::Unknown,
        }
    }
}

fn number(negative: bool, text: &[u8]) -> Operand<'_> {
    if text.iter().any(|byte| matches!(byte, b'e' | b'E')) {
        let text = Cow::Borrowed(text);
        return Operand::Float { negative, text };
    }
    if text.contains(&b'.') {
        let text = Cow::Borrowed(text);
        return Operand::Decimal { negative, text };
    }
    let digits = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i128>().ok();
    match digits(text) {
        Some(value) if negative => Operand::Integer(-value),
        Some(value) => Operand::Integer(value),
        None => {
            let text = Cow::Owned([text, b"."].concat());
            Operand::Decimal { negative, text }
        }
    }
}

/// What a condition says of one column, for every row that it lets through.
#[derive(Debug, Clone)]
enum Fact<'a> {
    /// It has this value.
    Is(Literal<'a>),
    /// It has one of these values.
    Among(LiteralList<'a>),
}

impl<'a> Fact<'a> {
    fn of_list(list: LiteralList<'a>) -> Option<Self> {
        let mut members = list.clone();
        match (members.next(), members.next()) {
            // A list with NULL lets through what the others do; it is rare enough not to matter.
            (Some(Literal::Null) | None, _) => None,
            (Some(only), None) => Some(Self::Is(only)),
            _ => Some(Self::Among(list)),
        }
    }
}

/// The stack of a condition's evaluation: what each part says of one column.
#[derive(Debug)]
struct Facts<'a> {
    stack: [Option<Fact<'a>>; MAX_DEPTH],
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
    fn push(&mut self, fact: Option<Fact<'a>>) -> Option<()> {
        *self.stack.get_mut(self.depth)? = fact;
        self.depth += 1;
        Some(())
    }

    fn pop(&mut self) -> Option<Fact<'a>> {
        self.depth = self.depth.saturating_sub(1);
        self.stack.get_mut(self.depth).and_then(Option::take)
    }

    fn and(&mut self) -> Option<Fact<'a>> {
        match (self.pop(), self.pop()) {
            (Some(Fact::Is(right)), Some(Fact::Among(_)) | None) => Some(Fact::Is(right)),
            (right, None) => right,
            (_, left) => left,
        }
    }

    fn or(&mut self) -> Option<Fact<'a>> {
        match (self.pop(), self.pop()) {
            (Some(Fact::Is(right)), Some(Fact::Is(left))) if left == right => Some(Fact::Is(left)),
            _ => None,
        }
    }

    fn not(&mut self) -> Option<Fact<'a>> {
        self.pop();
        None
    }

    fn only(&mut self) -> Option<Fact<'a>> {
        let last = self.pop();
        last.filter(|_| self.depth == 0)
    }
}

/// Counts rows by the server that leads them.
#[derive(Debug, Default)]
struct Tally {
    leaders: [Option<(ServerAddr, u32)>; MAX_LEADERS],
    /// The leaf of the first row.
    first: Option<usize>,
    /// Whether another row lies in another leaf.
    several: bool,
}

impl Tally {
    /// The leaf of all rows, or the server that leads most of them.
    fn placement(&self) -> Result<Placement, Unsure> {
        match self.first {
            Some(leaf) if !self.several => Ok(Placement::Leaf(leaf)),
            _ => self.most().map(Placement::MostRows).ok_or(Unsure::Several),
        }
    }

    fn count(&mut self, table: &Table, leaf: usize) {
        self.several |= *self.first.get_or_insert(leaf) != leaf;
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
