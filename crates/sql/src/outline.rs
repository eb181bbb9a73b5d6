//! The outline of a statement: what routing needs to know of it.

use crate::comment::RoutingComment;
use crate::congestion::{self, Congestion};
use crate::dialect::Dialect;
use crate::filter::{Compared, Filter};
use crate::hint::Hints;
use crate::kill::{self, Kill};
use crate::lexer::{Lexer, Mark, Token};
use crate::name::{ColumnRef, Name, TableRef};
use crate::reader::Reader;
use crate::rows::Rows;
use crate::settings::Settings;
use crate::table;
use crate::tail;
use crate::uses::Uses;
use crate::verb::Verb;

/// The consistency that a `READ_CONSISTENCY` hint asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// STRONG.
    Strong,
    /// WEAK, and FROZEN (the last major freeze), which is routed alike.
    Weak,
}

/// What [`outline`] found. Small and `Copy`; borrows the statement's bytes.
#[derive(Clone, Copy, Debug)]
pub struct Outline<'a> {
    pub(crate) verb: Verb,
    pub(crate) explain: Explain,
    pub(crate) table: Option<TableRef<'a>>,
    pub(crate) partition: Option<Name<'a>>,
    pub(crate) name: Option<Name<'a>>,
    pub(crate) hints: Hints,
    pub(crate) is_for_update: bool,
    pub(crate) uses: Uses,
    pub(crate) body: Body<'a>,
    /// Behind the first ON of an inner join with the table.
    pub(crate) on: Option<Mark>,
    /// Behind the first ON of an outer join that keeps all rows of the table.
    pub(crate) outer_on: Option<Mark>,
    pub(crate) shared: Option<Shared>,
    /// Where reading stopped: at the end of the first statement, or at the rows of an INSERT.
    pub(crate) tail: Lexer<'a>,
}

/// What stands before the verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Explain {
    No,
    Plan,
    Route,
}

/// Where the key values are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body<'a> {
    None,
    Condition(Mark),
    /// The whole condition.
    Compared(Compared<'a>),
    Values {
        columns: Option<Mark>,
        rows: Mark,
    },
    Assignments(Mark),
    /// Behind SET.
    Settings(Mark),
    /// Behind KILL.
    Kill(Mark),
    /// Behind SHOW PROXYCONGESTION.
    Congestion(Mark),
}

/// A join that takes columns of two tables for one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared {
    /// Behind JOIN.
    pub(crate) joined: Mark,
    /// Behind USING; for NATURAL all columns of one name are taken for one.
    pub(crate) using: Option<Mark>,
}

/// Reads the first statement of `text`. Never fails: what is not understood is left out or unsure.
#[must_use]
pub fn outline(text: &[u8], dialect: impl Into<Dialect>) -> Outline<'_> {
    read(Lexer::new(text, dialect.into()))
}

fn read(lexer: Lexer<'_>) -> Outline<'_> {
    let mut outline = Outline {
        verb: Verb::Empty,
        explain: Explain::No,
        table: None,
        partition: None,
        name: None,
        hints: Hints::default(),
        is_for_update: false,
        uses: Uses::NONE,
        body: Body::None,
        on: None,
        outer_on: None,
        shared: None,
        tail: lexer,
    };
    outline.tail = Reader::new(lexer, &mut outline).read();
    outline
}

/// What follows a statement in its text ([`Outline::following`]).
#[derive(Clone, Debug)]
pub struct Following<'a> {
    tail: Lexer<'a>,
}

impl<'a> Iterator for Following<'a> {
    type Item = Outline<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut lexer = tail::end(self.tail);
        while lexer.take_symbol(b';') {}
        if lexer.peek() == Token::End {
            return None;
        }
        let outline = read(lexer);
        self.tail = outline.tail;
        Some(outline)
    }
}

impl<'a> Outline<'a> {
    /// The verb, of the inner statement for EXPLAIN.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        self.verb
    }

    /// Whether the statement is an EXPLAIN, DESC or DESCRIBE of another statement.
    #[must_use]
    pub fn is_explain(&self) -> bool {
        self.explain != Explain::No
    }

    /// Whether the statement is EXPLAIN ROUTE, which the proxy answers itself.
    #[must_use]
    pub fn is_explain_route(&self) -> bool {
        self.explain == Explain::Route
    }

    /// The first table of the outer query block. A derived table or a common table expression in its
    /// place is followed inside.
    #[must_use]
    pub fn table(&self) -> Option<TableRef<'a>> {
        self.table.filter(|_| self.verb != Verb::Call)
    }

    /// The routine that CALL names, with its database or package.
    #[must_use]
    pub fn routine(&self) -> Option<TableRef<'a>> {
        self.table.filter(|_| self.verb == Verb::Call)
    }

    /// The name in `PARTITION (p)` behind the table, when there is exactly one.
    #[must_use]
    pub const fn partition(&self) -> Option<Name<'a>> {
        self.partition
    }

    /// The `READ_CONSISTENCY` hint.
    #[must_use]
    pub const fn consistency_hint(&self) -> Option<Consistency> {
        self.hints.consistency
    }

    /// The `QUERY_TIMEOUT` hint, microseconds.
    #[must_use]
    pub const fn query_timeout_us(&self) -> Option<u64> {
        self.hints.query_timeout_us
    }

    /// Whether rows are locked: FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE.
    #[must_use]
    pub const fn is_for_update(&self) -> bool {
        self.is_for_update
    }

    /// What the comments before the first keyword say to a proxy.
    #[must_use]
    pub fn routing_comment(&self) -> RoutingComment<'a> {
        RoutingComment::read(self.tail.text())
    }

    /// Features that tie the statement to a session or server. Reads the rows of an INSERT once when
    /// something in them looks like one.
    #[must_use]
    pub fn uses(&self) -> Uses {
        match self.body {
            Body::Values { rows, .. } => self.uses | tail::uses(self.tail.at(rows)),
            _ => self.uses,
        }
    }

    /// Whether another non-empty statement follows behind a `;`. Reads the rows of an INSERT once when a
    /// `;` is among them.
    #[must_use]
    pub fn is_multi_statement(&self) -> bool {
        tail::has_more(self.tail)
    }

    /// The statements that follow behind a `;`, one after the other. Offsets and counts in their outlines
    /// are those of the whole text.
    #[must_use]
    pub fn following(&self) -> Following<'a> {
        Following { tail: self.tail }
    }

    /// Length in bytes of the first statement, without its `;`.
    #[must_use]
    pub fn first_length(&self) -> usize {
        tail::end(self.tail).position()
    }

    /// How many `?` the first statement has. Reads the rows of an INSERT once.
    #[must_use]
    pub fn parameters(&self) -> u32 {
        tail::parameters(self.tail)
    }

    /// The WHERE condition of the block that holds [`Self::table`], and the first ON that leaves rows of
    /// it out.
    #[must_use]
    pub fn filter(&self) -> Filter<'a> {
        let on = self.on.map(|on| self.tail.at(on));
        match (self.body, on) {
            (Body::Condition(mark), None) => Filter::new(self.tail.at(mark)),
            (Body::Condition(mark), Some(on)) => Filter::new(on).and(self.tail.at(mark)),
            (Body::Compared(compared), _) => Filter::compared(compared, self.tail),
            (_, Some(on)) => Filter::new(on),
            _ => Filter::none(self.tail),
        }
    }

    /// The condition behind the first ON of a LEFT JOIN with [`Self::table`]: it leaves no row of that table out,
    /// unless the WHERE condition leaves out what finds no partner.
    #[must_use]
    pub fn outer_filter(&self) -> Filter<'a> {
        match self.outer_on {
            Some(on) => Filter::new(self.tail.at(on)),
            None => Filter::none(self.tail),
        }
    }

    /// Whether the first join that has USING or is NATURAL takes this column of the table joined and that of
    /// [`Self::table`] with the same name for one.
    #[must_use]
    pub fn shares(&self, column: ColumnRef<'_>) -> bool {
        let (Some(shared), Some(qualifier)) = (self.shared, column.table) else {
            return false;
        };
        let mut lexer = self.tail.at(shared.joined);
        let is_joined = table::factor(&mut lexer).is_some_and(|found| {
            let name = found.table.alias.unwrap_or(found.table.name);
            name.same(&qualifier)
        });
        is_joined
            && shared
                .using
                .is_none_or(|using| table::lists(self.tail.at(using), column.column))
    }

    /// The WHERE condition when all of it is one column compared with one constant, which is then known
    /// without reading it again.
    #[must_use]
    pub const fn only_comparison(&self) -> Option<&Compared<'a>> {
        match &self.body {
            Body::Compared(compared) => Some(compared),
            _ => None,
        }
    }

    /// The rows of INSERT and REPLACE.
    #[must_use]
    pub fn rows(&self) -> Rows<'a> {
        match self.body {
            Body::Values { columns, rows } => {
                let columns = columns.map(|columns| self.tail.at(columns));
                Rows::values(columns, self.tail.at(rows))
            }
            Body::Assignments(mark) => Rows::assignments(self.tail.at(mark)),
            _ => Rows::none(),
        }
    }

    /// The assignments of SET; none for SET TRANSACTION.
    #[must_use]
    pub const fn settings(&self) -> Settings<'a> {
        match self.body {
            Body::Settings(mark) => Settings::new(Some(self.tail.at(mark))),
            _ => Settings::new(None),
        }
    }

    /// What KILL ends, when it names one session by its id and no other statement follows.
    #[must_use]
    pub fn kill(&self) -> Option<Kill> {
        match self.body {
            Body::Kill(mark) => kill::read(self.tail.at(mark)),
            _ => None,
        }
    }

    /// What SHOW PROXYCONGESTION asks for, when the text is that and nothing else.
    #[must_use]
    pub fn congestion(&self) -> Option<Congestion<'a>> {
        match self.body {
            Body::Congestion(mark) => congestion::read(self.tail.at(mark)),
            _ => None,
        }
    }

    /// The name in USE, PREPARE, EXECUTE, DEALLOCATE, SAVEPOINT and their relatives.
    #[must_use]
    pub const fn name_argument(&self) -> Option<Name<'a>> {
        self.name
    }
}
