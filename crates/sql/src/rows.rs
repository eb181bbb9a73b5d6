//! The rows of INSERT and REPLACE.

use crate::keyword as k;
use crate::lexer::{Lexer, Token};
use crate::literal::{LiteralList, assigned_column, skip_assigned};
use crate::name::{ColumnRef, Name};
use crate::operand::{Operand, operand};

/// Iterator over the rows of `VALUES (…), (…)`; `SET c = v, …` is one row. Empty for INSERT … SELECT.
/// A row is not read before it is asked for.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    columns: Option<Columns<'a>>,
    state: State<'a>,
}

#[derive(Clone, Copy, Debug)]
enum State<'a> {
    /// Before the first `(`.
    First(Lexer<'a>),
    /// Inside a row that was handed out.
    Inside(Lexer<'a>),
    Assignments(Lexer<'a>),
    Done,
}

impl<'a> Rows<'a> {
    pub(crate) const fn none() -> Self {
        Self {
            columns: None,
            state: State::Done,
        }
    }

    /// The rows behind VALUES; `columns` stands behind the `(` of the column list.
    pub(crate) fn values(columns: Option<Lexer<'a>>, lexer: Lexer<'a>) -> Self {
        let columns = columns.map(|lexer| Columns {
            lexer,
            form: Form::List,
        });
        Self {
            columns,
            state: State::First(lexer),
        }
    }

    /// The row behind SET.
    pub(crate) const fn assignments(lexer: Lexer<'a>) -> Self {
        let columns = Columns {
            lexer,
            form: Form::Assignments,
        };
        Self {
            columns: Some(columns),
            state: State::Assignments(lexer),
        }
    }

    /// The column list, or `None` when the statement gives none and the table's order holds.
    #[must_use]
    pub fn columns(&self) -> Option<Columns<'a>> {
        self.columns.clone()
    }

    fn open(mut lexer: Lexer<'a>) -> Option<Lexer<'a>> {
        lexer.take_word(k::ROW);
        lexer.take_symbol(b'(').then_some(lexer)
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = LiteralList<'a>;

    fn next(&mut self) -> Option<LiteralList<'a>> {
        let row = match self.state {
            State::First(lexer) => Self::open(lexer),
            State::Inside(mut lexer) => (lexer.skip_group() && lexer.take_symbol(b','))
                .then(|| Self::open(lexer))
                .flatten(),
            State::Assignments(lexer) => {
                self.state = State::Done;
                return Some(LiteralList::of_assignments(lexer));
            }
            State::Done => None,
        };
        self.state = row.map_or(State::Done, State::Inside);
        row.map(LiteralList::new)
    }
}

/// The column names of an INSERT in the order of each row's values.
#[derive(Clone, Debug)]
pub struct Columns<'a> {
    lexer: Lexer<'a>,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    List,
    Assignments,
    Done,
}

impl<'a> Iterator for Columns<'a> {
    type Item = Name<'a>;

    fn next(&mut self) -> Option<Name<'a>> {
        let name = match self.form {
            Form::List if self.lexer.peek() == Token::Symbol(b')') => None,
            Form::List => match operand(&mut self.lexer) {
                Operand::Column(ColumnRef { column, .. }) => Some(column),
                _ => None,
            },
            Form::Assignments => {
                let name = assigned_column(&mut self.lexer);
                skip_assigned(&mut self.lexer);
                name
            }
            Form::Done => None,
        };
        if name.is_none() || !self.lexer.take_symbol(b',') {
            self.form = Form::Done;
        }
        name
    }
}
