//! Row values: `(a, b) = (1, 2)` and `(a, b) IN ((1, 2), (3, 4))`, written out as comparisons.

use crate::condition;
use crate::filter::{CompareOp, Item};
use crate::keyword as k;
use crate::lexer::{Lexer, Token};
use crate::literal::Literal;
use crate::operand::{Operand, listed, operand};

/// Iterator over the comparisons that a row condition stands for.
#[derive(Clone, Debug)]
pub(crate) struct Tuples<'a> {
    /// Behind the `(` of the columns.
    columns: Lexer<'a>,
    column: Lexer<'a>,
    value: Lexer<'a>,
    end: Lexer<'a>,
    step: Step,
    is_first_tuple: bool,
    is_list: bool,
    is_negated: bool,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    FirstColumn,
    NextColumn,
    And,
    TupleEnd,
    Done,
}

impl<'a> Tuples<'a> {
    /// Reads ahead over a row condition that starts at `lexer`. `None` when it is anything else, or has not
    /// as many values as columns.
    pub(crate) fn read(mut lexer: Lexer<'a>) -> Option<Self> {
        if !lexer.take_symbol(b'(') {
            return None;
        }
        let columns = lexer;
        let mut count = 0_u32;
        loop {
            let Operand::Column(_) = operand(&mut lexer) else {
                return None;
            };
            count += 1;
            match lexer.token() {
                Token::Symbol(b',') => {}
                Token::Symbol(b')') if count > 1 => break,
                _ => return None,
            }
        }
        let is_negated = lexer.take_word(k::NOT);
        let is_list = match lexer.token() {
            Token::Compare(CompareOp::Eq) if !is_negated => false,
            Token::Word(_, k::IN) if lexer.take_symbol(b'(') => true,
            _ => return None,
        };
        let value = lexer;
        loop {
            read_tuple(&mut lexer, count)?;
            if !is_list {
                break;
            }
            match lexer.token() {
                Token::Symbol(b',') => {}
                Token::Symbol(b')') => break,
                _ => return None,
            }
        }
        condition::ends(lexer.peek()).then_some(Self {
            columns,
            column: columns,
            value,
            end: lexer,
            step: Step::FirstColumn,
            is_first_tuple: true,
            is_list,
            is_negated,
        })
    }

    /// Where the condition ends.
    pub(crate) const fn end(&self) -> Lexer<'a> {
        self.end
    }

    /// Whether it is an IN list.
    pub(crate) const fn is_list(&self) -> bool {
        self.is_list
    }

    pub(crate) const fn is_negated(&self) -> bool {
        self.is_negated
    }

    fn comparison(&mut self) -> Item<'a> {
        let column = operand(&mut self.column);
        let value = listed(&mut self.value);
        self.column.take_symbol(b',');
        match (column, value) {
            (Operand::Column(column), value) if value != Literal::Unsure => Item::Compare {
                column,
                op: CompareOp::Eq,
                value,
            },
            _ => Item::Unsure,
        }
    }
}

fn read_tuple(lexer: &mut Lexer<'_>, count: u32) -> Option<()> {
    if !lexer.take_symbol(b'(') || condition::opens_subquery(*lexer) {
        return None;
    }
    for left in (0..count).rev() {
        listed(lexer);
        let end = if left == 0 { b')' } else { b',' };
        if !lexer.take_symbol(end) {
            return None;
        }
    }
    Some(())
}

impl<'a> Iterator for Tuples<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        match self.step {
            Step::FirstColumn => {
                self.value.take_symbol(b'(');
                self.column = self.columns;
                self.step = Step::NextColumn;
                Some(self.comparison())
            }
            Step::NextColumn => {
                if self.value.take_symbol(b',') {
                    self.step = Step::And;
                    return Some(self.comparison());
                }
                self.value.take_symbol(b')');
                self.step = Step::TupleEnd;
                if self.is_first_tuple {
                    self.is_first_tuple = false;
                    return self.next();
                }
                Some(Item::Or)
            }
            Step::And => {
                self.step = Step::NextColumn;
                Some(Item::And)
            }
            Step::TupleEnd => {
                if self.is_list && self.value.take_symbol(b',') {
                    self.step = Step::FirstColumn;
                    return self.next();
                }
                self.step = Step::Done;
                None
            }
            Step::Done => None,
        }
    }
}
