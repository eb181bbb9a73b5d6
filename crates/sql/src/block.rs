//! Walks query blocks: finds the first table, the condition on it, and what ties the statement to a session.

use crate::condition;
use crate::hint::Hints;
use crate::keyword::{self as k, Key};
use crate::lexer::{Lexer, Mark, Token};
use crate::outline::{Body, Outline};
use crate::table::{self, Found};
use crate::tail;
use crate::uses::Uses;

/// Common table expressions that are followed one into another.
const MAX_HOPS: u32 = 8;

/// A walk over a statement from its verb to its end.
pub(crate) struct Walk<'a, 'o> {
    lexer: Lexer<'a>,
    outline: &'o mut Outline<'a>,
    /// Behind WITH.
    with: Option<Lexer<'a>>,
    search: Search,
    depth: u32,
    /// The depth of the block that the search is in.
    base: u32,
    hops: u32,
}

/// How far the search for the table and its condition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// For FROM.
    Table,
    /// For WHERE.
    Condition,
    Over,
}

impl<'a, 'o> Walk<'a, 'o> {
    /// A walk from `lexer` on, inside `depth` open parentheses.
    pub(crate) fn new(
        lexer: Lexer<'a>,
        outline: &'o mut Outline<'a>,
        with: Option<Lexer<'a>>,
        depth: u32,
    ) -> Self {
        Self {
            lexer,
            outline,
            with,
            search: Search::Table,
            depth,
            base: depth,
            hops: 0,
        }
    }

    /// Reads a table where the lexer stands, as behind UPDATE.
    pub(crate) fn table(mut self) -> Self {
        self.factor();
        self
    }

    /// Does not look for a table or a condition any more.
    pub(crate) fn over(mut self) -> Self {
        self.search = Search::Over;
        self
    }

    /// Walks to the end of the statement and gives the lexer before its `;`.
    pub(crate) fn finish(mut self) -> Lexer<'a> {
        self.walk(0);
        self.lexer
    }

    /// Walks to the end of the statement, or out of `floor` parentheses.
    fn walk(&mut self, floor: u32) {
        loop {
            match self.lexer.token() {
                Token::End => return,
                Token::Symbol(b';') => {
                    self.lexer.unread_symbol();
                    return;
                }
                Token::Symbol(b'(') => self.depth += 1,
                Token::Symbol(b')') => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth < floor {
                        return;
                    }
                    if self.depth < self.base {
                        self.base = self.depth;
                        self.leave_block();
                    }
                }
                Token::Word(text, key) => {
                    if self.depth == self.base {
                        self.clause(key);
                    }
                    self.word(text, key);
                }
                Token::Assign => self.outline.uses |= Uses::USER_VARIABLE_ASSIGNMENT,
                _ => {}
            }
        }
    }

    /// A keyword that belongs to the block searched.
    fn clause(&mut self, key: Key) {
        match (key, self.search) {
            (k::FROM | k::JOIN | k::STRAIGHT_JOIN, Search::Table) => self.factor(),
            (k::WHERE, Search::Condition) => {
                let start = self.lexer;
                self.outline.body = match condition::only(&mut self.lexer) {
                    Some(compared) => Body::Compared(compared),
                    None => Body::Condition(start),
                };
                self.search = Search::Over;
            }
            (k::UNION | k::INTERSECT | k::EXCEPT | k::MINUS, Search::Condition) => {
                self.leave_block();
            }
            _ => {}
        }
    }

    /// A keyword or function that counts anywhere.
    fn word(&mut self, text: &'a [u8], key: Key) {
        match key {
            k::FOR => {
                let next = self.lexer.peek();
                self.outline.is_for_update |= matches!(next, Token::Word(_, k::UPDATE | k::SHARE));
            }
            k::LOCK => {
                self.outline.is_for_update |= matches!(self.lexer.peek(), Token::Word(_, k::IN));
            }
            k::INTO => {
                if matches!(self.lexer.peek(), Token::UserVariable(_)) {
                    self.outline.uses |= Uses::USER_VARIABLE_ASSIGNMENT;
                }
            }
            _ => self.outline.uses |= tail::of_word(text, key, &mut self.lexer),
        }
    }

    fn leave_block(&mut self) {
        if self.search == Search::Condition {
            self.search = Search::Over;
        }
    }

    /// Reads the first table behind FROM, through parentheses and into a derived table.
    fn factor(&mut self) {
        let mut before = self.lexer.mark();
        let first = loop {
            match self.lexer.token() {
                Token::Symbol(b'(') => self.depth += 1,
                Token::Word(_, k::LATERAL) => {}
                Token::Word(_, k::SELECT) => {
                    self.base = self.depth;
                    self.outline.note_hint(&mut self.lexer);
                    return;
                }
                Token::Word(_, k::DUAL) => {
                    self.search = Search::Over;
                    return;
                }
                other => break other,
            }
            before = self.lexer.mark();
        };
        let Some(found) = table::factor_from(first, &mut self.lexer) else {
            self.lexer.reset(before);
            return;
        };
        self.search = Search::Condition;
        if self.hops < MAX_HOPS
            && let Some(body) = self.expression(&found, before)
        {
            self.follow(body);
            return;
        }
        self.outline.table = Some(found.table);
        self.outline.partition = found.partition;
        if let Some(behind) = found.condition.filter(|_| self.depth == self.base) {
            // The usual next word has been read already.
            self.lexer.reset(behind);
            self.clause(k::WHERE);
        }
    }

    /// The body of the common table expression that `found` names, if it stands before the place `from` where
    /// it is used.
    fn expression(&self, found: &Found<'a>, from: Mark) -> Option<Lexer<'a>> {
        if found.table.database.is_some() {
            return None;
        }
        let mut with = self.with?;
        with.take_word(k::RECURSIVE);
        loop {
            let name = table::name(&mut with)?;
            let body = expression_body(&mut with)?;
            if with.position() > from.position() {
                return None;
            }
            if name.same(&found.table.name) {
                return Some(body);
            }
            if !with.take_symbol(b',') {
                return None;
            }
        }
    }

    /// Takes table and condition from a common table expression instead.
    fn follow(&mut self, body: Lexer<'a>) {
        let mut inner = Walk {
            lexer: body,
            outline: &mut *self.outline,
            with: self.with,
            search: Search::Table,
            depth: 1,
            base: 1,
            hops: self.hops + 1,
        };
        inner.walk(1);
        self.search = Search::Over;
    }
}

/// Reads `[(columns)] AS (body)` and gives the place behind the `(` of the body.
fn expression_body<'a>(lexer: &mut Lexer<'a>) -> Option<Lexer<'a>> {
    if lexer.take_symbol(b'(') && !lexer.skip_group() {
        return None;
    }
    if !lexer.take_word(k::AS) || !lexer.take_symbol(b'(') {
        return None;
    }
    let body = *lexer;
    lexer.skip_group().then_some(body)
}

/// Reads over the common table expressions behind WITH.
pub(crate) fn skip_expressions(lexer: &mut Lexer<'_>) -> Option<()> {
    lexer.take_word(k::RECURSIVE);
    loop {
        table::name(lexer)?;
        expression_body(lexer)?;
        if !lexer.take_symbol(b',') {
            return Some(());
        }
    }
}

impl<'a> Outline<'a> {
    /// Reads a hint if one comes next.
    pub(crate) fn note_hint(&mut self, lexer: &mut Lexer<'a>) {
        if let Some(body) = lexer.take_hint() {
            let hints = Hints::read(body);
            self.hints.consistency = self.hints.consistency.or(hints.consistency);
            self.hints.query_timeout_us = self.hints.query_timeout_us.or(hints.query_timeout_us);
        }
    }
}
